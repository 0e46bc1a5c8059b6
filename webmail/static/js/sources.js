// Adding an outside account: the check is shown step by step as it happens. (Bars of running imports move by htmx.)
import { send } from "./requests.js";
import { toast } from "./toast.js";

const LINES = "application/x-ndjson";
const form = document.querySelector("form[data-add-source]");
if (form) form.addEventListener("submit", (event) => {
  if (!form.elements.password?.value || !form.elements.host?.value) return;   // the server then asks for what is missing
  event.preventDefault();
  check().catch(() => toast(document.getElementById("toasts").dataset.offline, { kind: "bad" }));
});

async function check() {
  const button = form.querySelector("[data-check]");
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await send(form.action, { body: new FormData(form), headers: { Accept: LINES } });
    if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith(LINES)) throw new Error(String(answer.status));
    const place = document.getElementById("check");
    if (matchMedia("(max-width: 1100px)").matches) place.scrollIntoView({ block: "start" });
    for await (const line of lines(answer.body)) place.innerHTML = JSON.parse(line).html;   // our own template, escaped by it
    place.querySelector("[data-focus]")?.focus();
    place.querySelector("[role=alert]")?.scrollIntoView({ block: "nearest" });
    button.classList.toggle("main", !place.querySelector("[data-focus]"));
    button.classList.toggle("line", Boolean(place.querySelector("[data-focus]")));
    button.querySelector("[data-label]").textContent = form.dataset.again;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

async function* lines(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts;
  }
}

// What the search has found goes into the server fields, unless the person was faster. The password is typed by whoever has seen them.
const provider = document.getElementById("provider");
if (form && provider) {
  new MutationObserver(settle).observe(provider, { childList: true, subtree: true });
  provider.addEventListener("click", (event) => {
    if (event.target.closest("[data-use-found]")) fill(offers()[0]);
  });
  provider.addEventListener("change", (event) => {
    if (event.target.id !== "protocol") return;
    const { host, port } = form.elements;
    const known = offers();
    const wanted = known.find((offer) => offer.protocol === event.target.value);
    if (wanted && known.some((offer) => offer !== wanted && offer.host === host.value && String(offer.port) === port.value)) fill(wanted);
  });
}

function offers() {
  const card = provider.querySelector("[data-found]");
  return card ? JSON.parse(card.dataset.found) : [];
}

function settle() {
  const card = provider.querySelector("[data-found]:not([data-settled])");
  const details = provider.querySelector("details");
  if (!card || !details) return;
  card.dataset.settled = "";
  if (!form.elements.host.value) {
    fill(offers()[0]);
    details.open = "compare" in card.dataset || details.contains(document.activeElement);
  } else if (!offers().some((offer) => offer.host === form.elements.host.value)) {
    card.querySelector("[data-use-found]").hidden = false;
  }
}

function fill(offer) {
  const { username } = form.elements;
  const own = username.value !== username.defaultValue;
  for (const name of ["protocol", "host", "port", "tls"]) form.elements[name].value = offer[name];
  if (!own) username.value = username.defaultValue = offer.username;
  provider.querySelector("[data-use-found]").hidden = true;
}

// Typing the name of a folder chooses the folder.
for (const field of document.querySelectorAll("[data-picks]")) {
  field.addEventListener("input", () => { document.getElementById(field.dataset.picks).checked = true; });
}
