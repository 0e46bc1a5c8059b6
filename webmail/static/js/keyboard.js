// Gmail's keys, for those who want them. Never while somebody types, never with a modifier that the browser wants.
import { act, undoLast } from "./act.js";
import { go } from "./mailbox.js";
import { openPalette, write } from "./palette.js";
import { back, conversation, openRow, step } from "./reading.js";
import { current, mail, neighbour, rows, setCurrent } from "./rows.js";
import { check, selected, selectAll, show, toggle } from "./selection.js";
import { focusSearch } from "./search.js";

const WAIT = 1200;
let pending = "";
let timer = 0;

const to = (role) => { const entry = document.querySelector(`.rail [data-role="${role}"]`); if (entry) go(entry.href); };
const goStarred = () => go(document.querySelector('.rail [data-go="starred"]').href);

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  o: () => openRow(current()),
  u: () => { if (conversation()) back(); },
  e: () => act("archive"),
  "#": () => act("delete"),
  "!": () => act("junk"),
  s: () => act("star"),
  v: () => openPalette({ folders: "move" }),
  z: () => undoLast(),
  r: () => write("reply"),
  a: () => write("all"),
  f: () => write("forward"),
  c: () => write("new"),
  x: () => { const row = current(); if (row) toggle(row); },
  "/": () => focusSearch(),
  "?": () => document.getElementById("keymap")?.showModal(),
  I: () => act("read"),
  U: () => act("unread"),
  "[": () => act("archive"),
  "g i": () => to("inbox"),
  "g s": () => goStarred(),
  "g t": () => to("sent"),
  "g d": () => to("drafts"),
  "g a": () => to("archive"),
  "* a": () => selectAll(true),
  "* n": () => selectAll(false),
  "* r": () => { for (const row of rows()) check(row, !row.classList.contains("new")); show(); },
  "* u": () => { for (const row of rows()) check(row, row.classList.contains("new")); show(); },
};

const isTyping = (element) => element?.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

function arrows(event) {
  const row = event.target.closest?.("#rows > .row") ?? (event.target.id === "rows" ? current() : null);
  if (!row) return false;
  const all = rows();
  const next = { ArrowDown: neighbour(row, 1), ArrowUp: neighbour(row, -1), Home: all[0], End: all.at(-1) }[event.key];
  if (next === undefined) return false;
  event.preventDefault();
  if (event.shiftKey && next) { check(row); check(next); show(); }
  setCurrent(next, { focus: true });
  return true;
}

document.addEventListener("keydown", (event) => {
  if (!mail() || event.defaultPrevented) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openPalette(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (isTyping(event.target)) return;
  if (arrows(event)) return;
  if (event.key === "Escape") {
    if (document.body.classList.contains("rail-open")) document.body.classList.remove("rail-open");
    else if (selected().length) selectAll(false);
    else if (conversation()) back();
    return;
  }
  if (mail().dataset.shortcuts === "off") return;
  if (event.key === "Delete") { event.preventDefault(); act("delete"); return; }
  const key = pending ? `${pending} ${event.key}` : event.key;
  pending = "";
  clearTimeout(timer);
  if (!KEYS[key] && (event.key === "g" || event.key === "*")) {
    pending = event.key;
    timer = setTimeout(() => { pending = ""; }, WAIT);
    return;
  }
  const run = KEYS[key];
  if (!run) return;
  event.preventDefault();
  run();
});

document.addEventListener("click", (event) => { if (event.target.closest?.("[data-keys]")) document.getElementById("keymap")?.showModal(); });
