// Settings save themselves: a change is sent at once, the look follows at once, the button is for those without scripts.
import { send } from "./requests.js";
import { applyTheme } from "./theme.js";
import { toast } from "./toast.js";

const form = document.querySelector("form[data-autosave]");
if (form) {
  form.querySelector("[data-save]").hidden = true;
  form.addEventListener("change", async (event) => {
    const { name, value } = event.target;
    if (name === "theme") applyTheme(value);
    if (name === "density") document.documentElement.dataset.density = value;
    if (name === "accent") document.documentElement.dataset.accent = value;
    for (const label of event.target.closest(".p-seg")?.querySelectorAll("label") ?? []) label.classList.toggle("on", label.contains(event.target));
    const answer = await send(form.action, { body: new FormData(form), redirect: "manual" }).catch(() => null);
    if (!answer || (answer.type !== "opaqueredirect" && !answer.ok)) toast(document.getElementById("toasts").dataset.failed, { kind: "bad" });
    else if ("reload" in event.target.dataset) location.reload();
    else toast(form.dataset.saved, { seconds: 2 });
  });
}
