// Dragging rows onto a folder of the rail. By keyboard the same is `v`.
import { act } from "./act.js";
import { mail, rowOf, subject } from "./rows.js";
import { selected } from "./selection.js";

const KIND = "application/x-posthouse-messages";
let carried = [];

document.addEventListener("dragstart", (event) => {
  const row = mail() && rowOf(event.target);
  if (!row) return;
  const chosen = row.classList.contains("checked") ? selected() : [row];
  carried = chosen.map(subject);
  for (const one of chosen) one.classList.add("dragging");
  event.dataTransfer.setData(KIND, String(carried.length));
  event.dataTransfer.effectAllowed = "move";
  const badge = document.createElement("div");
  badge.className = "toast plain drag-badge";
  badge.textContent = chosen.length === 1 ? row.querySelector(".sub").textContent : String(chosen.length);
  document.body.append(badge);
  event.dataTransfer.setDragImage(badge, 12, 12);
  setTimeout(() => badge.remove());
});

const folder = (event) => (event.dataTransfer?.types.includes(KIND) ? event.target.closest?.("[data-drop]") : null);

document.addEventListener("dragover", (event) => {
  const target = folder(event);
  for (const one of document.querySelectorAll("[data-drop].over")) if (one !== target) one.classList.remove("over");
  if (!target) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "move";
  target.classList.add("over");
});

document.addEventListener("drop", (event) => {
  const target = folder(event);
  if (!target) return;
  event.preventDefault();
  const chosen = carried;
  end();
  act(target.dataset.role === "junk" ? "junk" : "move", { chosen, target: target.dataset.drop });
});

function end() {
  carried = [];
  for (const one of document.querySelectorAll(".over, .dragging")) one.classList.remove("over", "dragging");
}
document.addEventListener("dragend", end);
