// The reading pane: opening a message, the letters above it, remote images, the menus.
import { elements, giveUp, piece, post } from "./partial.js";
import { go, listUrl, refreshRail, showEmptyPane, titleWith } from "./mailbox.js";
import { box, current, find, head, href, keyOf, mail, markOpen, neighbour, rowOf, rows, setCurrent } from "./rows.js";

const pane = () => document.getElementById("reading");
export const conversation = () => pane()?.querySelector("[data-conversation]") ?? null;
export const openKey = () => { const c = conversation()?.dataset; return c ? `${c.mailbox}/${c.uidvalidity}/${c.uid}` : ""; };

/** What actions take when a message is open and none are selected. */
export function openSubject() {
  const c = conversation()?.dataset;
  return c ? { mailbox: c.mailbox, uidvalidity: c.uidvalidity, uids: c.uids.split(",").map(Number) } : null;
}

let opening = "";
/** What is done to a letter still on its way holds: it does not open, and is not marked as seen, after that. */
export function stopOpening(affected) {
  if (opening && affected.some((row) => href(row) === opening)) giveUp("reading");
}

export async function open(url, { push = true, focus = true } = {}) {
  const place = pane();
  if (!place) { location.assign(url); return; }
  place.classList.add("is-loading");
  const address = new URL(url, location.href).href;
  opening = address;
  const markup = await piece(url, { place: "reading" });
  if (opening === address) opening = "";
  place.classList.remove("is-loading");
  if (markup === null) return;
  place.innerHTML = markup;
  document.body.classList.add("is-reading");
  if (push) history.pushState({ list: listUrl(), letter: url }, "", url);
  arrived();
  if (focus) place.querySelector(".body")?.focus({ preventScroll: true });
}

export const openRow = (row, options) => { if (row) { setCurrent(row, { scroll: true }); const url = href(row); if (row.querySelector("a[data-compose]")) row.querySelector("a[data-compose]").click(); else open(url, options); } };

function arrived() {
  const key = openKey();
  markOpen(key);
  const row = rows().find((one) => one.classList.contains("open"));
  if (row) setCurrent(row);
  document.title = titleWith(pane().querySelector("#subject")?.textContent.trim() ?? "");
  position();
  markSeen();
}

function position() {
  const place = pane()?.querySelector("[data-position]");
  const all = rows();
  const at = all.findIndex((row) => row.classList.contains("open"));
  if (place) place.textContent = at < 0 ? "" : place.dataset.words.replace("#", at + 1).replace("*", document.querySelector("[data-more]") ? `${all.length}+` : all.length);
  for (const button of pane()?.querySelectorAll("[data-step]") ?? []) button.disabled = at < 0 || !all[at + Number(button.dataset.step)];
}

/** A letter that was opened has been seen. */
async function markSeen(scope = pane()) {
  for (const letter of scope.querySelectorAll(".msg[data-unseen]")) {
    delete letter.dataset.unseen;
    const data = letter.dataset;
    const row = rows().find((one) => one.dataset.mailbox === data.mailbox && one.dataset.uids.split(",").includes(data.letterUid));
    const { ok } = await post("/mail/act/read", { messages: [{ mailbox: data.mailbox, uidvalidity: Number(data.uidvalidity), uids: row && scope === pane() ? row.dataset.uids.split(",").map(Number) : [Number(data.letterUid)] }] });
    if (ok) { row?.classList.remove("new"); row?.querySelector("a.who .sr")?.remove(); refreshRail(); }
  }
}

/** Back to the list. */
export function back() {
  const row = rows().find((one) => one.classList.contains("open")) ?? current();
  showEmptyPane();
  history.pushState({ list: listUrl() }, "", listUrl());
  document.title = titleWith(head()?.dataset.title ?? "");
  setCurrent(row, { focus: true });
}

export function step(by) {
  const at = rows().find((row) => row.classList.contains("open")) ?? current();
  const next = at ? neighbour(at, by) : rows()[0];
  if (!next) return;
  if (conversation()) openRow(next, { focus: false });
  else setCurrent(next, { focus: true });
}

/** Open what stands where the removed rows stood, or close the pane. */
export function moveOn(next) {
  if (!conversation()) return;
  if (next?.isConnected && innerWidth > 640) openRow(next, { focus: false });
  else { showEmptyPane(); history.replaceState({ list: listUrl() }, "", listUrl()); document.title = titleWith(head()?.dataset.title ?? ""); }
}

async function unfold(line) {
  const holder = line.closest("[data-old]");
  if (holder.querySelector(".msg")) { holder.classList.add("is-open"); return; }
  const url = new URL(line.href);
  url.searchParams.set("part", "letter");
  const markup = await piece(url);
  if (markup === null) return;
  holder.append(elements(markup));
  holder.classList.add("is-open");
  line.setAttribute("aria-expanded", "true");
  markSeen(holder);
}

async function replaceLetter(letter, url) {
  const target = new URL(url, location.href);
  target.searchParams.set("part", "letter");
  const markup = await piece(target);
  if (markup !== null) letter.replaceWith(elements(markup));
}

async function showHeaders(url) {
  const markup = await piece(url);
  if (markup === null) return;
  const dialog = document.createElement("dialog");
  dialog.className = "sheet-dialog";
  const keys = document.getElementById("keymap");
  const title = document.createElement("header");
  const heading = document.createElement("h2");
  heading.textContent = pane().querySelector("#subject")?.textContent.trim() ?? "";
  heading.className = "cut";
  const form = keys.querySelector("form").cloneNode(true);
  title.append(heading, form);
  dialog.append(title, elements(markup));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  if (!mail() || event.defaultPrevented) return;
  const target = event.target;
  const plain = !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.button;
  const line = target.closest?.("[data-unfold-letter]");
  if (line && plain) { event.preventDefault(); unfold(line); return; }
  if (target.closest?.("[data-unfold]")) {
    const fold = target.closest("[data-fold]");
    fold.hidden = true;
    for (const one of pane().querySelectorAll("[data-folded]")) { one.hidden = false; delete one.dataset.folded; }
    return;
  }
  if (target.closest?.("[data-expand]")) {
    pane().querySelector("[data-unfold]")?.click();
    for (const one of pane().querySelectorAll("[data-unfold-letter]")) unfold(one);
    target.closest("[data-expand]").hidden = true;
    return;
  }
  const images = target.closest?.("[data-show-images]");
  if (images && plain) { event.preventDefault(); replaceLetter(images.closest(".msg"), images.href); return; }
  const form = target.closest?.("a[data-letter]");
  if (form && plain) { event.preventDefault(); form.closest("details").open = false; replaceLetter(pane().querySelector(`.msg[data-letter-uid="${form.dataset.letter}"]`), form.href); toggleForm(form); return; }
  const headers = target.closest?.("[data-headers]");
  if (headers) { headers.closest("details").open = false; showHeaders(headers.dataset.headers); return; }
  if (target.closest?.("[data-back]")) { back(); return; }
  const by = target.closest?.("[data-step]");
  if (by) { step(Number(by.dataset.step)); return; }
  const star = target.closest?.("[data-letter-star]");
  if (star) starLetter(star);
});

/** The menu's entry leads back the way it came. */
function toggleForm(entry) {
  const url = new URL(entry.href);
  if (url.searchParams.has("plain")) url.searchParams.delete("plain"); else url.searchParams.set("plain", "1");
  entry.href = url.href;
}

async function starLetter(button) {
  const letter = button.closest(".msg").dataset;
  const isOn = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!isOn));
  const row = find(`${letter.mailbox}/${letter.uidvalidity}/${letter.letterUid}`);
  row?.toggleAttribute("data-starred", !isOn);
  const { ok } = await post(`/mail/act/${isOn ? "unstar" : "star"}`, { messages: [{ mailbox: letter.mailbox, uidvalidity: Number(letter.uidvalidity), uids: [Number(letter.letterUid)] }] });
  if (!ok) { button.setAttribute("aria-pressed", String(isOn)); row?.toggleAttribute("data-starred", isOn); }
}

/** Frames follow the theme of the page. */
new MutationObserver(() => {
  const theme = document.documentElement.dataset.theme ?? "auto";
  for (const frame of document.querySelectorAll(".mail-frame:not(.paper)")) {
    const url = new URL(frame.src);
    if (url.searchParams.get("theme") === theme) continue;
    url.searchParams.set("theme", theme);
    frame.src = url.href;
  }
}).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

addEventListener("popstate", async (event) => {
  if (!mail()) return;
  const state = event.state ?? {};
  if (state.list && state.list !== listUrl()) await go(state.list, { push: false });
  if (state.letter) open(state.letter, { push: false });
  else if (!state.letter && conversation()) { showEmptyPane(); document.title = titleWith(head()?.dataset.title ?? ""); }
  else if (!state.list) location.reload();
});

document.addEventListener("mail:rows", () => { markOpen(openKey()); position(); });
document.addEventListener("mail:list", () => { if (conversation()) markOpen(openKey()); });
if (mail() && conversation()) { history.replaceState({ list: listUrl(), letter: location.href }, ""); arrived(); }

export { box, keyOf, rowOf };
