// Buttons that copy what is shown once; without a clipboard (plain HTTP from afar) they stay hidden and the text can be selected.
import { toast } from "./toast.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const source = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.innerText.trim());
      toast(button.dataset.copied, { seconds: 2 });
    } catch {
      getSelection().selectAllChildren(source);
    }
  });
}
