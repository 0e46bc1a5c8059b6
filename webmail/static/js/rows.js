// The rows of the list, as the other modules see them: which are there, which is current, what they stand for.
export const mail = () => document.querySelector("[data-mail]");
export const list = () => document.getElementById("list");
export const head = () => document.querySelector("[data-list-head]");
export const box = () => document.getElementById("rows");
export const rows = () => [...(box()?.querySelectorAll(":scope > .row:not(.gone)") ?? [])];
export const rowOf = (element) => element?.closest?.("#rows > .row");
export const current = () => box()?.querySelector(":scope > .row[data-current]") ?? null;

const link = (row) => row?.querySelector("a.who");

/** Which mailbox the list shows; empty for search results. */
export const mailbox = () => head()?.dataset.mailbox ?? "";

/** The name of a message that survives a reload of the rows. */
export const keyOf = (row) => `${row.dataset.mailbox}/${row.dataset.uidvalidity}/${row.dataset.uid}`;

export const find = (key) => rows().find((row) => keyOf(row) === key) ?? null;

/** Make one row the current one: the only stop of the tab key in the list. */
export function setCurrent(row, { focus = false, scroll = true } = {}) {
  if (!row) return;
  for (const other of box().querySelectorAll("[data-current]")) {
    if (other === row) continue;
    delete other.dataset.current;
    link(other)?.setAttribute("tabindex", "-1");
  }
  row.dataset.current = "";
  link(row)?.setAttribute("tabindex", "0");
  if (scroll) row.scrollIntoView({ block: "nearest" });
  if (focus) link(row)?.focus({ preventScroll: true });
}

/** After new rows came: somebody must be reachable by the tab key. */
export function ensureCurrent() {
  const all = rows();
  if (all.length && !current()) setCurrent(all[0], { scroll: false });
}

export function neighbour(row, step) {
  const all = rows();
  const at = all.indexOf(row);
  return at < 0 ? all[0] ?? null : all[at + step] ?? null;
}

export const href = (row) => link(row)?.href ?? "";

/** Mark the row whose message is open. */
export function markOpen(key) {
  for (const row of box()?.querySelectorAll(":scope > .row") ?? []) {
    const isOpen = keyOf(row) === key || (key && row.dataset.uids?.split(",").some((uid) => `${row.dataset.mailbox}/${row.dataset.uidvalidity}/${uid}` === key));
    row.classList.toggle("open", Boolean(isOpen));
    if (isOpen) link(row)?.setAttribute("aria-current", "true");
    else link(row)?.removeAttribute("aria-current");
  }
}

/** What an action on rows is about, as the server wants it: one group per mailbox. */
export function groups(chosen) {
  const found = new Map();
  for (const { mailbox, uidvalidity, uids } of chosen) {
    const name = `${uidvalidity}/${mailbox}`;
    if (!found.has(name)) found.set(name, { mailbox, uidvalidity: Number(uidvalidity), uids: [] });
    found.get(name).uids.push(...uids);
  }
  return [...found.values()];
}

export const subject = (row) => ({ mailbox: row.dataset.mailbox, uidvalidity: row.dataset.uidvalidity, uids: row.dataset.uids.split(",").map(Number) });
