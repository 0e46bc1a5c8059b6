// Attachments: by button, drop or paste; each with its own bar; the limit is told before anything is sent.
import { csrfToken, send } from "./requests.js";

const size = (octets) => {
  const units = ["B", "kB", "MB", "GB"];
  let step = 0;
  while (octets >= 1000 && step < units.length - 1) { octets /= 1000; step += 1; }
  return `${octets < 10 && step ? octets.toFixed(1) : Math.round(octets)} ${units[step]}`;
};

const drop = (id) => send(`/mail/compose/upload/${id}/drop`, { keepalive: true }).catch(() => null);

export class Files {
  constructor(form, touched) {
    this.form = form;
    this.touched = touched;
    this.list = form.querySelector("[data-files]");
    this.running = new Map();
    const picker = form.querySelector("[data-picker]");
    form.querySelector("[data-attach]").addEventListener("click", () => picker.click());
    picker.addEventListener("change", () => { this.add(picker.files); picker.value = ""; });
    this.list.addEventListener("click", (event) => { if (event.target.closest("[data-remove-file]")) this.remove(event.target.closest("li")); });
    form.addEventListener("dragover", (event) => { if (event.dataTransfer?.types.includes("Files")) { event.preventDefault(); form.classList.add("is-target"); } });
    form.addEventListener("dragleave", () => form.classList.remove("is-target"));
    form.addEventListener("drop", (event) => {
      form.classList.remove("is-target");
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.add(event.dataTransfer.files);
    }, true);
    form.addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length || event.clipboardData.types.includes("text/html")) return;
      event.preventDefault();
      event.stopPropagation();
      this.add(event.clipboardData.files);
    }, true);
  }

  get ids() { return [...this.list.querySelectorAll("[data-file]")].map((row) => row.dataset.file); }
  get loading() { return this.running.size > 0; }
  get total() { return [...this.list.children].reduce((sum, row) => sum + Number(row.dataset.size || 0), 0); }

  settled() { return Promise.allSettled([...this.running.values()].map((one) => one.done)); }

  add(files) {
    for (const file of files) {
      if (this.total + file.size > Number(this.form.dataset.limit)) {
        const place = this.form.querySelector("[data-error]");
        place.textContent = this.form.dataset.wordLarge.replace("#", file.name);
        place.hidden = false;
        continue;
      }
      this.load(file);
    }
  }

  load(file) {
    const row = this.form.querySelector("[data-file-row]").content.firstElementChild.cloneNode(true);
    row.querySelector("b").textContent = row.querySelector("b").title = file.name;
    row.querySelector("small").textContent = size(file.size);
    row.querySelector("button").setAttribute("aria-label", `${this.form.dataset.wordRemove} ${file.name}`);
    row.dataset.size = file.size;
    this.list.append(row);
    const bar = row.querySelector("progress");
    const request = new XMLHttpRequest(); // fetch tells nothing of what has gone out
    const done = new Promise((resolve) => {
      request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; });
      request.addEventListener("loadend", () => { this.running.delete(row); this.end(row, request); resolve(); });
    });
    this.running.set(row, { request, done });
    request.open("POST", `/mail/compose/upload?${new URLSearchParams({ name: file.name, type: file.type })}`);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Content-Type", "application/octet-stream"); // never a form, whatever the file is
    request.setRequestHeader("Accept", "application/json");
    request.send(file);
  }

  end(row, request) {
    let data = {};
    try { data = JSON.parse(request.responseText); } catch { /* no answer, or a page: told below */ }
    row.querySelector("progress")?.remove();
    if (request.status === 200 && data.id) { row.dataset.file = data.id; this.touched(); return; }
    if (!row.isConnected) return;
    row.dataset.size = 0;
    row.classList.add("bad");
    row.querySelector("small").textContent = data.error || this.form.dataset.wordFailed;
  }

  remove(row) {
    const { file } = row.dataset;
    row.remove(); // first, so that the end of an aborted upload finds no row to mark
    this.running.get(row)?.request.abort();
    this.form.querySelector("[data-error]").hidden = true;
    if (!file) return;
    drop(file);
    this.touched();
  }

  /** Give the server's copies back: the draft has its own. */
  release() { this.ids.forEach(drop); }
}
