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

async function compose(url) {
  if (open().length >= MOST) { location.assign(url); return; }
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
  const wanted = new URLSearchParams(query);
  const kept = new URLSearchParams({ to: decodeURIComponent(to) });
  for (const name of ["cc", "subject", "body"]) if (wanted.has(name)) kept.set(name, wanted.get(name));
  compose(`/mail/compose?${kept}`);
});

for (const form of document.querySelectorAll("main [data-composer]")) new Composer(form, { docked: false });
