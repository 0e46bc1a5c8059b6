// Fetches pieces of pages. A newer wish for the same place cancels the older one.
import { csrfToken, renewToken, signedOut } from "./requests.js";
import { toast } from "./toast.js";

const running = new Map();
const words = (name) => document.getElementById("toasts")?.dataset[name] ?? "";

/** The markup of a piece, or null when it was overtaken or failed (which the person has been told). */
export async function piece(url, { place = url, quiet = false } = {}) {
  running.get(place)?.abort();
  const controller = new AbortController();
  running.set(place, controller);
  try {
    const response = await fetch(url, { headers: { "HX-Request": "true" }, credentials: "same-origin", signal: controller.signal });
    if (response.status === 401) { signedOut(); return null; }
    const text = await response.text();
    if (!response.ok) {
      if (!quiet) toast(response.status === 404 ? words("gone") || words("failed") : words("failed"), { kind: "bad" });
      return null;
    }
    return text;
  } catch (error) {
    if (error.name !== "AbortError" && !quiet) toast(words("offline"), { kind: "bad" });
    return null;
  } finally {
    if (running.get(place) === controller) running.delete(place);
  }
}

/** Give up what is on its way to a place. */
export const giveUp = (place) => running.get(place)?.abort();

const KEEPALIVE_LIMIT = 60_000; // what leaves with a page that is closed may be 64 KiB in all (Fetch standard)

/** Send JSON; gives the answer, whether it went well, and whether trying again is in vain (`refused`). `stay`: tell that the session has ended, and do not go away. */
export async function post(url, body, { stay = false, again = true } = {}) {
  const text = JSON.stringify(body);
  try {
    const response = await fetch(url, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() },
      body: text,
      keepalive: new Blob([text]).size < KEEPALIVE_LIMIT,
    });
    if (response.status === 401) {
      if (!stay) signedOut();
      return { ok: false, data: {}, signedOut: true };
    }
    if (response.status === 400 && again && await renewToken()) return post(url, body, { stay, again: false });
    const data = await response.json().catch(() => ({}));
    return { ok: response.ok, refused: response.status === 403, data };
  } catch {
    return { ok: false, data: { error: words("offline") } };
  }
}

/** Markup as elements, without running anything in it. */
export function elements(markup) {
  const template = document.createElement("template");
  template.innerHTML = markup;
  return template.content;
}
