// Folders: new, rename, delete, in one small dialog.
import { ask } from "./dialog.js";
import { post } from "./partial.js";
import { go, refreshRail } from "./mailbox.js";
import { mail, mailbox } from "./rows.js";
import { toast } from "./toast.js";

const dialog = () => document.getElementById("folder-dialog");
const address = (name) => `/mail/box/${name.split("/").map(encodeURIComponent).join("/")}`;

function askName(words, value) {
  const box = dialog();
  box.querySelector("#folder-title").textContent = words;
  const input = box.querySelector("input");
  input.value = value;
  box.querySelector(".folder-error").hidden = true;
  box.returnValue = "no";
  box.showModal();
  input.select();
}

let wish = null;

export function newFolder() {
  wish = { do: "create", mailbox: "" };
  askName(dialog().querySelector("#folder-title").dataset.new, "");
}

function rename(name) {
  wish = { do: "rename", mailbox: name };
  askName(dialog().querySelector("#folder-title").dataset.rename, name);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.parentElement !== dialog() || event.submitter?.value !== "yes") return;
  event.preventDefault();
  const { ok, data } = await post("/mail/folders", { ...wish, name: form.elements.name.value.trim() });
  const problem = dialog().querySelector(".folder-error");
  if (!ok) { problem.textContent = data.error ?? document.getElementById("toasts").dataset.failed; problem.hidden = false; return; }
  dialog().close("yes");
  toast(data.said);
  refreshRail(0);
  if (wish.do === "rename" && wish.mailbox === mailbox()) go(address(data.mailbox));
});

document.addEventListener("click", async (event) => {
  if (!mail()) return;
  const target = event.target;
  if (target.closest?.("[data-folder-cancel]")) { dialog().close("no"); return; }
  if (target.closest?.("[data-folder-new]")) { newFolder(); return; }
  const renamed = target.closest?.("[data-folder-rename]");
  if (renamed) { renamed.closest("details").open = false; rename(renamed.dataset.folderRename); return; }
  const gone = target.closest?.("[data-folder-delete]");
  if (!gone) return;
  gone.closest("details").open = false;
  const sure = await ask({ title: gone.dataset.ask, text: gone.dataset.askText, yes: gone.dataset.askYes });
  if (!sure) return;
  const { ok, data } = await post("/mail/folders", { do: "delete", mailbox: gone.dataset.folderDelete });
  toast(ok ? data.said : data.error, { kind: ok ? "done" : "bad" });
  if (ok) { refreshRail(0); go("/mail/box/INBOX"); }
});
