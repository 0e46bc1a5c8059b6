// htmx with our rules: the CSRF token on every request, no evaluation of strings, failures told in one toast.
import htmx from "htmx.org";
import { toast } from "./toast.js";

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

/** The token that every changing request carries. */
export const csrfToken = () => meta("csrf-token");

/** fetch with our header; same origin only. */
export function send(url, { method = "POST", body, headers = {}, ...rest } = {}) {
  return fetch(url, { method, body, credentials: "same-origin", headers: { "X-CSRFToken": csrfToken(), ...headers }, ...rest });
}

document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail.ctx?.request;
  if (request && request.method?.toUpperCase() !== "GET") request.headers["X-CSRFToken"] = csrfToken();
});

document.addEventListener("htmx:error", () => toast(words("offline"), { kind: "bad" }));
document.addEventListener("htmx:response:error", (event) => {
  const status = event.detail.ctx?.response?.status;
  if (status === 401) location.assign("/mail/sign-in");
  else toast(words("failed"), { kind: "bad" });
});

/** A text that the page brought along for scripts. */
function words(name) {
  return document.getElementById("toasts")?.dataset[name] ?? "";
}

export { htmx };
