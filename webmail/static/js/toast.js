// One toast at a time, newest wins; it says what happened and may offer the way back.
// toast("Archived", { undo: () => …, seconds: 6 }) returns a function that closes it.
const SECONDS = 6;

let closeCurrent = () => {};

export function toast(text, { kind = "done", undo = null, action = null, seconds = SECONDS } = {}) {
  const place = document.getElementById("toasts");
  if (!place || !text) return () => {};
  closeCurrent();
  const box = document.createElement("div");
  box.className = "toast plain";
  box.dataset.kind = kind;
  const words = document.createElement("span");
  words.className = "grow";
  words.textContent = text;
  const end = document.createElement("span");
  end.className = "toast-acts";
  box.append(words, end);
  const offer = action ?? (undo && { label: place.dataset.undo, run: undo });
  if (offer) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn link";
    button.textContent = offer.label;
    button.addEventListener("click", () => { close(); offer.run(); });
    end.append(button);
  }
  const cross = document.createElement("button");
  cross.type = "button";
  cross.className = "ib sm toast-x";
  cross.setAttribute("aria-label", place.dataset.close);
  cross.addEventListener("click", () => close());
  end.append(cross);
  place.replaceChildren(box);
  let timer = setTimeout(() => close(), seconds * 1000);
  // Who reads slowly, or reaches for the button, is not hurried.
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("focusin", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => { timer = setTimeout(() => close(), 2000); });
  function close() { clearTimeout(timer); box.remove(); }
  closeCurrent = close;
  return close;
}

document.addEventListener("click", (event) => event.target.closest?.("[data-toast-close]")?.closest(".toast")?.remove());
