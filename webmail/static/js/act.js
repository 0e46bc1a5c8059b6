// What is done to messages: shown at once, told to the server, taken back when it failed, undone by one press.
import { post } from "./partial.js";
import { refreshRail, refreshRows } from "./mailbox.js";
import { conversation, moveOn, openSubject, stopOpening } from "./reading.js";
import { box, current, groups, mail, mailbox, neighbour, rowOf, rows, setCurrent, subject } from "./rows.js";
import { selected, selectAll, subjects } from "./selection.js";
import { toast } from "./toast.js";

const LEAVES = new Set(["archive", "delete", "junk", "notjunk", "move"]);
let lastUndo = null;
const words = (name) => document.getElementById("toasts")?.dataset[name] ?? "";

/** Rows that hold any of these messages. */
function rowsOf(chosen) {
  const names = new Set(chosen.flatMap((one) => one.uids.map((uid) => `${one.mailbox}/${one.uidvalidity}/${uid}`)));
  return rows().filter((row) => subject(row).uids.some((uid) => names.has(`${row.dataset.mailbox}/${row.dataset.uidvalidity}/${uid}`)));
}

/** Do `verb` to the messages named, or to what is chosen, open or current. */
export async function act(verb, { chosen = subjects(current()), target = "" } = {}) {
  if (!chosen.length) return;
  const affected = rowsOf(chosen);
  if (verb === "star" && affected.length && affected.every((row) => row.hasAttribute("data-starred"))) verb = "unstar";
  const restore = showAtOnce(verb, affected, target);
  const answer = post(`/mail/act/${verb}`, { messages: groups(chosen), target });
  // Whoever is quick takes back this action, not the one before: the undo waits for the answer.
  const takeBack = async () => { const { ok, data } = await answer; if (ok && data.undo?.length) await undo(data.undo); };
  lastUndo = takeBack;
  const { ok, refused, data } = await answer;
  if (!ok) {
    if (lastUndo === takeBack) lastUndo = null;
    restore();
    toast(data.error ? `${data.error}. ${data.remedy ?? ""}` : words("failed"), { kind: "bad", action: refused ? null : { label: words("again") || "↻", run: () => act(verb, { chosen, target }) } });
    return;
  }
  refreshRail();
  if (lastUndo === takeBack) toast(data.said, { undo: data.undo?.length ? takeBack : null });
}

async function undo(wishes) {
  const verb = wishes[0].verb;
  const { ok, data } = await post(`/mail/act/${verb}`, { messages: wishes });
  toast(ok ? data.said : words("failed"), { kind: ok ? "done" : "bad" });
  refreshRail(0);
  await refreshRows({ arrivals: false });
}

export function undoLast() {
  const back = lastUndo;
  lastUndo = null;
  back?.();
}

/** Change the page before the server has answered; gives the way back. */
function showAtOnce(verb, affected, target) {
  if (verb === "unread" || LEAVES.has(verb)) stopOpening(affected);
  if (LEAVES.has(verb) && !(verb === "move" && target === mailbox())) return leave(affected);
  const before = affected.map((row) => [row, row.classList.contains("new"), row.hasAttribute("data-starred")]);
  for (const row of affected) {
    if (verb === "read" || verb === "unread") row.classList.toggle("new", verb === "unread");
    if (verb === "star" || verb === "unstar") row.toggleAttribute("data-starred", verb === "star");
  }
  if (verb === "star" || verb === "unstar") for (const button of document.querySelectorAll(".read > .body .col > .msg [data-letter-star]")) button.setAttribute("aria-pressed", String(verb === "star"));
  if (verb === "unread" && conversation()) moveOn(null);
  selectAll(false);
  return () => before.forEach(([row, isNew, isStarred]) => { row.classList.toggle("new", isNew); row.toggleAttribute("data-starred", isStarred); });
}

function leave(affected) {
  const wasOpen = affected.some((row) => row.classList.contains("open")) || !affected.length;
  const all = rows();
  const last = affected.length ? all.indexOf(affected.at(-1)) : -1;
  const next = all.slice(last + 1).find((row) => !affected.includes(row)) ?? all.slice(0, Math.max(last, 0)).reverse().find((row) => !affected.includes(row)) ?? null;
  const hadFocus = affected.some((row) => row.contains(document.activeElement)) || document.activeElement === document.body;
  const places = affected.map((row) => [row, row.nextSibling]);
  for (const row of affected) row.remove();
  const days = dropEmptyDays();
  selectAll(false);
  if (next) setCurrent(next, { focus: hadFocus && !conversation() });
  if (wasOpen && conversation()) moveOn(next);
  document.dispatchEvent(new CustomEvent("mail:rows"));
  if (!rows().length) refreshRows({ arrivals: false });
  return () => {
    for (const [day, before] of days.reverse()) box().insertBefore(day, before?.parentNode === box() ? before : null);
    for (const [row, before] of places.reverse()) box().insertBefore(row, before?.parentNode === box() ? before : null);
    document.dispatchEvent(new CustomEvent("mail:rows"));
  };
}

function dropEmptyDays() {
  const gone = [];
  for (const day of [...box().querySelectorAll(".day")]) {
    const next = day.nextElementSibling;
    if (!next || next.classList.contains("day") || next.dataset.more !== undefined) { gone.push([day, day.nextSibling]); day.remove(); }
  }
  return gone;
}

export const neighbourOf = neighbour;

document.addEventListener("click", (event) => {
  if (!mail()) return;
  const button = event.target.closest?.("[data-act]");
  if (!button) return;
  event.preventDefault();
  const row = rowOf(button);
  const inPane = button.closest(".read");
  const chosen = row ? [subject(row)] : inPane ? [openSubject()].filter(Boolean) : selected().map(subject);
  act(button.dataset.act, { chosen });
});
