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

/** Go to the sign-in page, unless somebody is in the middle of writing: they are told, and may sign in elsewhere. */
export function signedOut() {
  if (document.dispatchEvent(new CustomEvent("mail:signed-out", { cancelable: true }))) location.assign("/mail/sign-in");
}

/** Ask for the token anew: the old one is a day old, or belongs to a session before this one. Tells whether there is another now. */
export async function renewToken() {
  const response = await fetch("/mail/settings/general", { credentials: "same-origin" }).catch(() => null);
  if (!response?.ok || response.redirected) return false;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector('meta[name="csrf-token"]')?.content;
  if (!fresh || fresh === csrfToken()) return false;
  document.querySelector('meta[name="csrf-token"]').content = fresh;
  return true;
}

document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail.ctx?.request;
  if (request && request.method?.toUpperCase() !== "GET") request.headers["X-CSRFToken"] = csrfToken();
});

document.addEventListener("htmx:error", () => toast(words("offline"), { kind: "bad" }));
document.addEventListener("htmx:response:error", (event) => {
  const status = event.detail.ctx?.response?.status;
  if (status === 401) signedOut();
  else toast(words("failed"), { kind: "bad" });
});

/** A text that the page brought along for scripts. */
function words(name) {
  return document.getElementById("toasts")?.dataset[name] ?? "";
}

export { htmx };
