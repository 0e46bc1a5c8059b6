// What the server tells while the page is open: arrivals slide in, marks and counts follow, wherever they were changed.
import { refreshRail, refreshRows } from "./mailbox.js";
import { signedOut } from "./requests.js";
import { box, head, mail, mailbox, rows } from "./rows.js";

const POLL = 60_000;
const RETRIES = [2_000, 5_000, 15_000];
let source = null;
let polling = 0;
let fresh = 0;

function listen() {
  if (!mail() || source) return;
  source = new EventSource("/mail/events");
  source.addEventListener("hello", () => { clearInterval(polling); polling = 0; });
  source.addEventListener("changed", (event) => changed(JSON.parse(event.data)));
  source.addEventListener("state", (event) => compare(JSON.parse(event.data)));
  source.addEventListener("rail", () => refreshRail());
  source.addEventListener("again", () => { refreshRail(); bring(); });
  source.addEventListener("signed-out", () => signedOut());
  source.addEventListener("error", () => {
    // The browser opens it again by itself unless the server refused it; then we ask now and then.
    if (source.readyState !== EventSource.CLOSED) return;
    source = null;
    polling ||= setInterval(() => { refreshRail(); bring(); listen(); }, POLL);
  });
}

/** Something may have come between the making of this page and the moment the watch began. */
function compare(states) {
  const at = head()?.dataset;
  const now = states[mailbox()];
  if (!at || at.role === "search" || !now || now === at.state) return;
  at.state = now;
  refreshRail();
  bring();
}

function changed(data) {
  refreshRail();
  if (data.mailbox !== mailbox()) return;
  if (String(data.uidvalidity) !== head().dataset.uidvalidity) { location.reload(); return; }
  head().dataset.state = data.state;
  for (const [uid, flags] of Object.entries(data.flags)) mark(uid, flags);
  bring();
}

function mark(uid, flags) {
  const row = rows().find((one) => one.dataset.uid === uid);
  if (!row) return;
  const has = (name) => flags.some((flag) => flag.toLowerCase() === name);
  row.classList.toggle("new", !has("\\seen"));
  row.toggleAttribute("data-starred", has("\\flagged"));
}

let retry = 0;
/** Bring the rows up to date. What is told is told once: a look that fails is taken again, a little later each time. */
async function bring(tries = 0) {
  clearTimeout(retry);
  if (head()?.dataset.order !== "newest") return;
  if (document.querySelector(".dragging")) { retry = setTimeout(bring, RETRIES[0], tries); return; }
  const { added, above, failed } = await refreshRows();
  if (failed && tries < RETRIES.length) retry = setTimeout(bring, RETRIES[tries], tries + 1);
  if (added) announce(added);
  if (above) { fresh += above; pill(); }
}

function announce(count) {
  const place = document.getElementById("live");
  if (place) place.textContent = count === 1 ? place.dataset.arrivedOne : place.dataset.arrivedMany.replace("#", count);
}

function pill() {
  const button = document.querySelector("[data-fresh]");
  if (!button) return;
  button.hidden = fresh < 1;
  const words = button.querySelector("span");
  words.textContent = fresh === 1 ? words.dataset.one : words.dataset.many.replace("#", fresh);
}

document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-fresh]")) return;
  fresh = 0;
  pill();
  box().scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
});
document.addEventListener("scroll", (event) => { if (event.target === box() && box().scrollTop < 40 && fresh) { fresh = 0; pill(); } }, true);
document.addEventListener("mail:list", () => { fresh = 0; });
document.addEventListener("mail:counts", (event) => {
  const count = document.querySelector("[data-list-head] [data-count]");
  const n = event.detail?.querySelector("[data-n]");
  if (!count || !n || !["inbox", ""].includes(event.detail.dataset.role)) return;
  const unread = n.hidden ? 0 : Number(n.textContent);
  if (/\d/.test(count.textContent) && count.dataset.many) count.textContent = unread ? (unread === 1 ? count.dataset.one : count.dataset.many).replace("#", unread) : "";
});
addEventListener("pagehide", () => { source?.close(); source = null; });
addEventListener("pageshow", () => listen());
listen();
