// Which rows are chosen: by the box, by ctrl and shift with a click, by keys. The bulk bar stands in place of the list's head.
import { list, mail, rowOf, rows, setCurrent, subject } from "./rows.js";
import { openRow, openSubject } from "./reading.js";

let anchor = null;

export const selected = () => rows().filter((row) => row.classList.contains("checked"));

/** What an action is about: the chosen rows, else the message that is open, else the current row when asked by keys. */
export function subjects(fallback = null) {
  const chosen = selected();
  if (chosen.length) return chosen.map(subject);
  const open = openSubject();
  if (open) return [open];
  return fallback ? [subject(fallback)] : [];
}

export function check(row, on = true) {
  if (!row) return;
  row.classList.toggle("checked", on);
  const input = row.querySelector(".pickbox input");
  if (input) input.checked = on;
}

export function toggle(row) {
  check(row, !row.classList.contains("checked"));
  anchor = row;
  show();
}

export function selectAll(on = true) {
  for (const row of rows()) check(row, on);
  show();
}

function range(to) {
  const all = rows();
  const from = anchor && all.includes(anchor) ? anchor : all.find((row) => row.dataset.current !== undefined) ?? to;
  const [first, last] = [all.indexOf(from), all.indexOf(to)].sort((a, b) => a - b);
  all.slice(first, last + 1).forEach((row) => check(row));
  show();
}

/** Show or hide the bulk bar, with its count. */
export function show() {
  const place = list();
  const bar = place?.querySelector("[data-bulk]");
  if (!bar) return;
  const count = selected().length;
  bar.hidden = !count;
  place.classList.toggle("is-selecting", count > 0);
  const words = bar.querySelector("[data-selected]");
  words.textContent = count === 1 ? words.dataset.one : words.dataset.many.replace("#", count);
}

document.addEventListener("click", (event) => {
  if (!mail() || event.defaultPrevented) return;
  const target = event.target;
  if (target.closest?.("[data-clear]")) { selectAll(false); return; }
  if (target.closest?.("[data-select-all]")) { selectAll(true); return; }
  const row = rowOf(target);
  if (!row) return;
  if (target.closest(".pickbox")) {
    event.preventDefault();
    if (event.shiftKey) range(row); else toggle(row);
    return;
  }
  if (target.closest("[data-act]")) return;
  const link = target.closest("a.who");
  if (event.shiftKey) { event.preventDefault(); range(row); setCurrent(row, { scroll: false }); return; }
  if (event.ctrlKey || event.metaKey) { event.preventDefault(); toggle(row); setCurrent(row, { scroll: false }); return; }
  if (link?.hasAttribute("data-open") && !event.button) { event.preventDefault(); openRow(row); }
});

document.addEventListener("mail:list", show);
document.addEventListener("mail:rows", show);
