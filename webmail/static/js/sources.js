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

// Typing the name of a folder chooses the folder.
for (const field of document.querySelectorAll("[data-picks]")) {
  field.addEventListener("input", () => { document.getElementById(field.dataset.picks).checked = true; });
}
