// Opens composers: docked over the mail, whole screen on a phone; minimised ones wait at the foot. One module a concern beside it.
import { elements, piece } from "./partial.js";
import { Composer } from "./compose_window.js";

const MOST = 3;

function dock() {
  let place = document.querySelector(".dock");
  if (!place) {
    place = document.createElement("div");
    place.className = "dock";
    document.body.append(place);
  }
  return place;
}

const open = () => [...document.querySelectorAll(".dock [data-composer]")];

/** Bring a composer to the front that is there already. */
function show(form) {
  if (form.hidden) form.previousElementSibling?.click();
  form.querySelector("[data-edit]").focus();
}

async function compose(url) {
  if (open().length >= MOST) { location.assign(url); return; }
  const wanted = new URL(url, location.href).searchParams.get("draft");
  const there = wanted && open().find((one) => one.dataset.draft === wanted);
  if (there) { show(there); return; }
  const markup = await piece(url, { place: "composer" });
  if (markup === null) return;
  const form = elements(markup).querySelector("[data-composer]");
  if (!form) return;
  dock().append(form);
  new Composer(form, { docked: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-compose]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  compose(link.href);
});

// A mailto link of a page of ours (never of mail: that lives in a frame) opens the composer too.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='mailto:']");
  if (!link || event.defaultPrevented) return;
  event.preventDefault();
  const [to, query = ""] = link.getAttribute("href").slice(7).split("?");
  const wanted = new URLSearchParams(query.replaceAll("+", "%2B")); // RFC 6068 §2: a plus is a plus
  const kept = new URLSearchParams({ to: new URLSearchParams(`to=${to.replaceAll("+", "%2B").replaceAll("&", "%26")}`).get("to") });
  for (const name of ["cc", "subject", "body"]) if (wanted.has(name)) kept.set(name, wanted.get(name));
  compose(`/mail/compose?${kept}`);
});

for (const form of document.querySelectorAll("main [data-composer]")) new Composer(form, { docked: false });
