// The list: moving between mailboxes without leaving the page, endless scrolling, arrivals, the rail.
import { elements, piece } from "./partial.js";
import { box, ensureCurrent, head, keyOf, list, mail, mailbox, markOpen, rows, setCurrent, current } from "./rows.js";

const params = (url, more) => {
  const target = new URL(url, location.href);
  for (const [name, value] of Object.entries(more)) target.searchParams.set(name, value);
  return target;
};

/** Widths come as data, since the policy of the page forbids style attributes. */
function paintBars(scope = document) {
  for (const bar of scope.querySelectorAll("[data-width]")) bar.style.width = `${bar.dataset.width}%`;
}

/** Where the list itself lives, whatever message is open beside it. */
export function listUrl() {
  const at = head()?.dataset;
  if (!at) return "/mail/box/INBOX";
  if (at.role === "search") {
    const url = new URL("/mail/search", location.href);
    url.searchParams.set("q", at.q ?? "");
    const scope = document.querySelector(".scopes .pill.on");
    return scope?.href ?? url.href;
  }
  const url = new URL(`/mail/box/${at.mailbox.split("/").map(encodeURIComponent).join("/")}`, location.href);
  if (at.filter !== "all") url.searchParams.set("filter", at.filter);
  if (at.order !== "newest") url.searchParams.set("order", at.order);
  return url.href;
}

/** Go to a list by its address. */
export async function go(url, { push = true } = {}) {
  const place = list();
  if (!place) { location.assign(url); return; }
  place.classList.add("is-loading");
  const markup = await piece(url, { place: "list" });
  place.classList.remove("is-loading");
  if (markup === null) return;
  place.innerHTML = markup;
  place.classList.remove("is-selecting");
  closeRail();
  showEmptyPane();
  if (push) history.pushState({ list: url }, "", url);
  afterList();
  refreshRailMark();
  box()?.focus({ preventScroll: true });
}

function afterList() {
  const at = head()?.dataset;
  document.title = titleWith(at?.title ?? "");
  ensureCurrent();
  watchEnd();
  document.dispatchEvent(new CustomEvent("mail:list"));
}

/** The window's title: unread in front. */
export function titleWith(words) {
  const unread = Number(document.querySelector("[data-rail]")?.dataset.unread ?? 0);
  return `${unread ? `(${unread}) ` : ""}${words} · Posthouse`;
}

export function showEmptyPane() {
  const pane = document.getElementById("reading");
  const template = document.getElementById("unread-pane");
  if (pane && template) pane.replaceChildren(template.content.cloneNode(true));
  document.body.classList.remove("is-reading");
  markOpen("");
}

/** The entry of the rail that stands for what is shown. */
function refreshRailMark() {
  const here = mailbox();
  for (const entry of document.querySelectorAll(".rail [data-drop]")) {
    const isHere = entry.dataset.drop === here;
    entry.classList.toggle("on", isHere);
    if (isHere) entry.setAttribute("aria-current", "page");
    else entry.removeAttribute("aria-current");
  }
}

let railTimer = 0;
/** Fetch the rail anew, soon; several wishes are one. */
export function refreshRail(wait = 250) {
  clearTimeout(railTimer);
  railTimer = setTimeout(async () => {
    const rail = document.querySelector(".rail");
    if (!rail || !mail()) return;
    const markup = await piece(`/mail/rail?current=${encodeURIComponent(mailbox())}`, { place: "rail", quiet: true });
    if (markup === null) return;
    const at = rail.querySelector(".scroll")?.scrollTop ?? 0;
    const focused = document.activeElement?.closest?.(".rail [href]")?.getAttribute("href");
    rail.innerHTML = markup;
    rail.querySelector(".scroll").scrollTop = at;
    if (focused) rail.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
    paintBars(rail);
    countUnread();
  }, wait);
}

function countUnread() {
  const at = head()?.dataset;
  if (at && !document.body.classList.contains("is-reading")) document.title = titleWith(at.title);
  const entry = [...document.querySelectorAll(".rail [data-drop]")].find((one) => one.dataset.drop === mailbox());
  document.dispatchEvent(new CustomEvent("mail:counts", { detail: entry }));
}

// -- endless scrolling: the link at the end is followed when it comes near
let watcher = null;
function watchEnd() {
  watcher?.disconnect();
  const end = box()?.querySelector("[data-more]");
  if (!end) return;
  watcher = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) loadMore(end); }, { root: box(), rootMargin: "600px" });
  watcher.observe(end);
}

async function loadMore(end) {
  watcher?.disconnect();
  const all = rows();
  const url = params(end.querySelector("a").href, { part: "rows", role: head().dataset.role });
  // What was archived or arrived meanwhile has moved the end: count what is here, and name the last one.
  const shown = all.reduce((sum, row) => sum + row.dataset.uids.split(",").length, 0);
  const anchor = url.searchParams.get("cursor")?.split(".")[1] ?? "0";
  url.searchParams.set("cursor", `${Math.max(shown, 1)}.${anchor}`);
  const markup = await piece(url, { place: "more" });
  if (markup === null || !end.isConnected) { if (end.isConnected) setTimeout(watchEnd, 3000); return; }
  const fresh = elements(markup);
  const known = new Set(all.map(keyOf));
  const lastDay = [...box().querySelectorAll("[data-day]")].at(-1)?.dataset.day;
  for (const item of [...fresh.children]) {
    if (item.dataset.day !== undefined && item.dataset.day === lastDay) item.remove();
    else if (item.classList.contains("row") && known.has(keyOf(item))) item.remove();
  }
  end.replaceWith(fresh);
  watchEnd();
  document.dispatchEvent(new CustomEvent("mail:rows"));
}

const NOTHING = { added: 0, above: 0 };
const FAILED = { ...NOTHING, failed: true };

/** Look at the first page again and bring the rows up to date where they stand; tells how many are new, how many out of sight, and whether it failed. */
export async function refreshRows({ arrivals = true } = {}) {
  const here = head();
  if (!here || here.dataset.role === "search") return NOTHING;
  const markup = await piece(params(listUrl(), { part: "rows", role: here.dataset.role }), { place: "refresh", quiet: true });
  if (head() !== here) return NOTHING; // another list stands there by now
  if (markup === null) return FAILED;
  return merge(elements(markup), arrivals);
}

function merge(fresh, arrivals) {
  const place = box();
  const incoming = [...fresh.querySelectorAll(".row")];
  if (!incoming.length && rows().length) { if (rows().length < 40) place.replaceChildren(fresh); return NOTHING; }
  const old = new Map(rows().map((row) => [row.dataset.key + row.dataset.mailbox, row]));
  const isTop = place.scrollTop < 40;
  const now = new Set();
  let added = 0;
  const focusKey = current() ? keyOf(current()) : "";
  for (const row of incoming) {
    const name = row.dataset.key + row.dataset.mailbox;
    now.add(name);
    const before = old.get(name);
    if (!before) {
      added += 1;
      if (isTop && arrivals) row.classList.add("arrived");
      continue;
    }
    if (before.classList.contains("checked")) { row.classList.add("checked"); row.querySelector("input").checked = true; }
    if (before.classList.contains("open")) row.classList.add("open");
  }
  // Rows below the first page stay; those of the first page that are not in it any more are gone.
  const oldest = Number(incoming.at(-1)?.dataset.at ?? 0);
  const hasMore = Boolean(fresh.querySelector("[data-more]"));
  const rest = hasMore ? rows().filter((row) => !now.has(row.dataset.key + row.dataset.mailbox) && Number(row.dataset.at) < oldest) : [];
  const end = hasMore ? place.querySelector("[data-more]") ?? fresh.querySelector("[data-more]") : null;
  const height = place.scrollHeight;
  fresh.querySelector("[data-more]")?.remove();
  const days = new Set([...fresh.querySelectorAll("[data-day]")].map((day) => day.dataset.day));
  const below = [];
  for (const row of rest) {
    let day = row.previousElementSibling;
    while (day && day.dataset.day === undefined) day = day.previousElementSibling;
    if (day && !days.has(day.dataset.day)) { days.add(day.dataset.day); below.push(day); }
    below.push(row);
  }
  place.replaceChildren(fresh, ...below, ...(end ? [end] : []));
  if (!isTop) place.scrollTop += place.scrollHeight - height;
  document.querySelector("#list .nothing")?.remove();
  const again = rows().find((row) => keyOf(row) === focusKey);
  if (again) setCurrent(again, { scroll: false });
  ensureCurrent();
  watchEnd();
  document.dispatchEvent(new CustomEvent("mail:rows"));
  return { added, above: isTop ? 0 : added };
}

export function closeRail() {
  document.body.classList.remove("rail-open");
  document.querySelector("[data-rail-open]")?.setAttribute("aria-expanded", "false");
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const opener = event.target.closest?.("[data-rail-open]");
  if (opener) {
    const open = document.body.classList.toggle("rail-open");
    opener.setAttribute("aria-expanded", String(open));
    if (open) document.querySelector(".rail .nav")?.focus();
    event.stopPropagation();
    return;
  }
  if (document.body.classList.contains("rail-open") && !event.target.closest?.(".rail")) { closeRail(); event.preventDefault(); return; }
  const link = event.target.closest?.("a[data-nav]");
  if (link && mail()) { event.preventDefault(); link.closest("details[data-menu]")?.removeAttribute("open"); go(link.href); return; }
  if (event.target.closest?.("[data-refresh]")) { refreshRows(); refreshRail(0); }
});

if (mail()) {
  history.replaceState({ list: listUrl(), ...(history.state ?? {}) }, "");
  ensureCurrent();
  watchEnd();
  paintBars();
}
