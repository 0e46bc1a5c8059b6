// Every command by its name: ctrl+K opens it, `v` opens it on folders to move to, the rail of icons on folders to go to.
import { act } from "./act.js";
import { newFolder } from "./folders.js";
import { go } from "./mailbox.js";
import { conversation } from "./reading.js";
import { current, mail } from "./rows.js";
import { subjects } from "./selection.js";
import { focusSearch } from "./search.js";

const palette = document.getElementById("palette");
const field = palette?.querySelector("input");
const place = palette?.querySelector("#palette-list");
/** "move" or "go" while only folders are offered. */
let only = "";

/** Follow a link of the message that is open, or the one that begins a new message. */
export function write(mode) {
  const links = { new: ".rail [data-compose]", reply: ".thumbbar a:nth-child(1)", all: ".thumbbar a:nth-child(2)", forward: ".thumbbar a:nth-child(3)" };
  document.querySelector(links[mode])?.click();
}

const DO = {
  act: (name) => act(name),
  write,
  search: () => focusSearch(),
  visit: (url) => location.assign(url),
  go: (url) => go(url),
  move: (name) => act("move", { target: name }),
  theme: () => document.querySelector("[data-theme-switch]")?.click(),
  keys: () => document.getElementById("keymap")?.showModal(),
  folder: () => newFolder(),
};

const items = () => [...place.querySelectorAll(".mi")];
const shown = () => items().filter((item) => !item.hidden);

function folders() {
  for (const old of place.querySelectorAll("[data-made]")) old.remove();
  const group = place.querySelector('[data-group="move"]');
  const goTo = [...place.querySelectorAll(".group")].find((one) => one.nextElementSibling?.dataset.do === "search");
  for (const entry of document.querySelectorAll(".rail [data-drop]")) {
    group.after(item(entry, "move", entry.dataset.drop));
    if (only !== "move") goTo.after(item(entry, "go", entry.href));
  }
  // Each was put in first place, so they stand the wrong way round.
  for (const verb of ["move", "go"]) {
    const made = [...place.querySelectorAll(`[data-made="${verb}"]`)];
    made.reverse().forEach((one, index) => { if (index) made[index - 1].after(one); });
  }
}

function item(entry, verb, argument) {
  const one = document.createElement("div");
  one.className = "mi";
  one.setAttribute("role", "option");
  one.dataset.do = verb;
  one.dataset.arg = argument;
  one.dataset.made = verb;
  if (verb === "move") one.dataset.needs = "messages";
  const label = document.createElement("span");
  label.textContent = entry.dataset.label;
  one.append(entry.querySelector(".ico").cloneNode(true), label);
  const parent = entry.dataset.drop.split("/").slice(entry.dataset.owner ? 1 : 0, -1).join("/");
  if (parent) { const path = document.createElement("span"); path.className = "path"; path.textContent = parent; one.append(path); }
  return one;
}

export function openPalette({ folders: verb = "" } = {}) {
  if (!palette || palette.open) return;
  only = verb;
  folders();
  field.value = "";
  filter();
  palette.showModal();
  field.focus();
}

function filter() {
  const words = field.value.trim().toLowerCase();
  const has = { messages: subjects(current()).length > 0, open: Boolean(conversation()) };
  for (const one of items()) {
    const label = one.querySelector("span:not(.end)");
    const text = label.textContent;
    const at = words ? text.toLowerCase().indexOf(words) : -1;
    const fits = !words || at >= 0 || (one.querySelector(".path")?.textContent.toLowerCase().includes(words) ?? false);
    one.hidden = !fits || (one.dataset.needs && !has[one.dataset.needs]) || (only && one.dataset.made !== only) || (!only && !words && one.dataset.do === "move");
    label.textContent = text;
    if (at >= 0) {
      const bold = document.createElement("b");
      bold.textContent = text.slice(at, at + words.length);
      label.replaceChildren(text.slice(0, at), bold, text.slice(at + words.length));
    }
  }
  for (const group of place.querySelectorAll(".group")) {
    let next = group.nextElementSibling;
    let any = false;
    while (next && !next.classList.contains("group")) { any ||= next.classList.contains("mi") && !next.hidden; next = next.nextElementSibling; }
    group.hidden = !any;
  }
  place.querySelector(".none").hidden = shown().length > 0;
  choose(shown()[0]);
}

function choose(option) {
  for (const one of items()) one.setAttribute("aria-selected", String(one === option));
  if (!option) { field.removeAttribute("aria-activedescendant"); return; }
  option.id ||= `command-${items().indexOf(option)}`;
  field.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function run(option) {
  if (!option) return;
  palette.close();
  DO[option.dataset.do]?.(option.dataset.arg);
}

if (palette) {
  field.addEventListener("input", filter);
  field.addEventListener("keydown", (event) => {
    const all = shown();
    const at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); choose(all[(at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]); }
    if (event.key === "Enter") { event.preventDefault(); run(all[at]); }
  });
  palette.addEventListener("click", (event) => {
    const option = event.target.closest(".mi");
    if (option) run(option);
    else if (event.target === palette) palette.close();
  });
}

document.addEventListener("click", (event) => {
  if (mail() && event.target.closest?.("[data-move]")) openPalette({ folders: "move" });
  if (mail() && event.target.closest?.("[data-folders]")) openPalette({ folders: "go" });
});
