// Adding an outside account, and the pages per source. (Bars move by htmx; this is what needs a script of its own.)
const add = document.querySelector("form[data-add-source]");
if (add) {
  const button = add.querySelector("button[data-check]");
  add.addEventListener("submit", () => button?.setAttribute("aria-busy", "true"));
}
// Widths come as data, since the policy of the page forbids style attributes.
export function paintBars(scope = document) {
  for (const bar of scope.querySelectorAll("[data-width]")) bar.style.width = `${bar.dataset.width}%`;
}
paintBars();
document.addEventListener("htmx:after:swap", () => paintBars());
