// Questions before what cannot be undone, and menus made of <details>.
// A form with data-confirm asks before it is sent; ask({...}) does the same for scripts and answers true or false.
export function ask({ title, text = "", yes = "" }) {
  const dialog = document.getElementById("ask");
  if (!dialog) return Promise.resolve(true);
  const button = dialog.querySelector("[data-ask-yes]");
  dialog.querySelector("#ask-title").textContent = title;
  dialog.querySelector("[data-ask-text]").textContent = text;
  const former = button.textContent;
  if (yes) button.textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => { button.textContent = former; resolve(dialog.returnValue === "yes"); }, { once: true });
  });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset?.confirm || form.dataset.confirmed) return;
  event.preventDefault();
  const sure = await ask({ title: form.dataset.confirm, text: form.dataset.confirmText ?? "", yes: form.dataset.confirmYes ?? "" });
  if (!sure) return;
  form.dataset.confirmed = "yes";
  form.requestSubmit(event.submitter ?? undefined);
});

// <details data-menu>: closed by Escape and by a press elsewhere; arrows walk its entries.
const openMenus = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("pointerdown", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details[data-menu]");
  if (event.key === "Escape") {
    for (const open of openMenus()) { open.open = false; open.querySelector("summary").focus(); }
    return;
  }
  if (!menu?.open || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
  const items = [...menu.querySelectorAll(".mi")];
  if (!items.length) return;
  event.preventDefault();
  const at = items.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? items.length - 1 : at - 1, Home: 0, End: items.length - 1 }[event.key];
  items[(next + items.length) % items.length].focus();
});
