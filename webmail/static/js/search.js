// The search box: suggestions while typing, operators completed by tab, results as a list.
import { piece } from "./partial.js";
import { closeRail, go } from "./mailbox.js";
import { open } from "./reading.js";
import { head, mail } from "./rows.js";

const form = document.querySelector("form[data-search]");
const input = form?.querySelector("input");
const drop = form?.querySelector("#suggestions");
const clear = form?.querySelector("[data-search-clear]");
let timer = 0;

export function focusSearch() { input?.focus(); input?.select(); }

const options = () => [...drop.querySelectorAll('[role="option"]')];
const chosen = () => drop.querySelector('[aria-selected="true"]');

function choose(option) {
  for (const one of options()) one.setAttribute("aria-selected", String(one === option));
  if (option) { input.setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" }); } else input.removeAttribute("aria-activedescendant");
}

function hide() {
  drop.hidden = true;
  form.classList.remove("live");
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

async function suggest() {
  const markup = await piece(`${form.dataset.suggest}?q=${encodeURIComponent(input.value)}`, { place: "suggest", quiet: true });
  if (markup === null || document.activeElement !== input) return;
  drop.innerHTML = markup;
  drop.hidden = false;
  form.classList.add("live");
  input.setAttribute("aria-expanded", "true");
}

/** The operator that the word being typed may become. */
function fitting(all) {
  const word = input.value.split(" ").at(-1).toLowerCase();
  return word ? all.find((one) => one.dataset.complete?.startsWith(word)) : null;
}

function complete(option) {
  const words = input.value.split(" ");
  words[words.length - 1] = option.dataset.complete;
  input.value = words.join(" ") + (option.dataset.complete.endsWith(":") ? "" : " ");
  input.focus();
  suggest();
}

function run(option) {
  hide();
  if (option?.dataset.href) { if (mail()) open(option.dataset.href); else location.assign(option.dataset.href); return; }
  // All mail is one's own mail: whoever looks at a folder of somebody else means that one.
  const shared = head()?.dataset.shared === undefined ? "" : `&in=${encodeURIComponent(head().dataset.mailbox)}`;
  const url = `${form.action}?q=${encodeURIComponent(input.value.trim())}${shared}`;
  input.blur();
  if (mail()) go(url); else location.assign(url);
}

if (form && input) {
  input.addEventListener("input", () => { clear.hidden = !input.value; clearTimeout(timer); timer = setTimeout(suggest, 120); });
  input.addEventListener("focus", () => { closeRail(); suggest(); });
  input.addEventListener("blur", () => setTimeout(() => { if (!form.contains(document.activeElement)) hide(); }, 120));
  input.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.indexOf(chosen());
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (drop.hidden || !all.length) return;
      event.preventDefault();
      choose(all[(at + (event.key === "ArrowDown" ? 1 : at < 0 ? 0 : -1) + all.length) % all.length]);
    } else if (event.key === "Tab" && !drop.hidden && !event.shiftKey && fitting(all)) {
      event.preventDefault();
      complete(fitting(all));
    } else if (event.key === "Escape") {
      if (!drop.hidden) { hide(); event.stopPropagation(); } else input.blur();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    const option = drop.hidden ? null : chosen();
    if (option?.dataset.complete) complete(option); else run(option);
  });
  drop.addEventListener("pointerdown", (event) => event.preventDefault());
  drop.addEventListener("click", (event) => {
    const option = event.target.closest('[role="option"]');
    if (option?.dataset.complete) complete(option); else if (option) run(option);
  });
  clear?.addEventListener("click", () => { input.value = ""; clear.hidden = true; input.focus(); });
  if (clear) clear.hidden = !input.value;
}
