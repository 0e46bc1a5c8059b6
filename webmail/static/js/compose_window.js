// One composer: what it holds, when it is kept, how it is sent and closed.
import { post } from "./partial.js";
import { toast } from "./toast.js";
import { refreshRows } from "./mailbox.js";
import { head } from "./rows.js";
import { confirmed } from "./compose_ask.js";
import { Editor } from "./compose_editor.js";
import { Files } from "./compose_files.js";
import { Recipients } from "./compose_recipients.js";

const KEEP_AFTER = 3000;
const KEEP_AFTER_MEGABYTE = 500; // a draft takes its files along each time it is kept
const KEEP_AFTER_MOST = 30_000;
const FIELDS = ["to", "cc", "bcc"];

export class Composer {
  constructor(form, { docked }) {
    this.form = form;
    this.docked = docked;
    this.id = crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
    this.place = form.dataset.draft ? form.dataset.draft.split("/").map(Number) : null;
    this.dirty = false;
    this.busy = Promise.resolve();
    const touched = () => this.touch();
    this.recipients = Object.fromEntries(FIELDS.map((name) => [name, new Recipients(form, form.querySelector(`[data-field="${name}"]`), touched)]));
    this.editor = new Editor(form, touched);
    this.files = new Files(form, touched);
    this.listen();
    const first = this.recipients.to.values.length ? (form.subject.value ? this.editor : form.subject) : this.recipients.to;
    first.focus();
  }

  get(name) { return this.form.querySelector(`[data-${name}]`); }
  word(name) { return this.form.dataset[`word${name[0].toUpperCase()}${name.slice(1)}`] ?? ""; }

  listen() {
    const { form } = this;
    form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    form.subject.addEventListener("input", () => { this.touch(); this.title(); });
    form.sender.addEventListener("change", () => this.touch());
    for (const button of form.querySelectorAll("[data-show]")) button.addEventListener("click", () => this.show(button.dataset.show));
    this.get("close").addEventListener("click", () => this.close());
    this.get("discard").addEventListener("click", () => this.discard());
    this.get("minimise").addEventListener("click", () => this.minimise());
    this.get("full").addEventListener("click", () => this.get("full").setAttribute("aria-pressed", String(form.classList.toggle("is-full"))));
    form.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the mailbox's single-key map must not hear what is written
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.send(); }
      if (event.key === "Escape" && !event.defaultPrevented && this.docked) this.close();
      if (event.key === "Enter" && event.target === form.subject && !event.ctrlKey) { event.preventDefault(); this.editor.focus(); }
    });
    document.addEventListener("mail:signed-out", (event) => {
      if (!form.isConnected || !(this.dirty || this.place)) return;
      event.preventDefault();
      this.fail(this.word("signedOut"));
    });
    addEventListener("pagehide", () => { if (this.dirty && form.isConnected) this.keep(); });
    addEventListener("beforeunload", (event) => { if (this.files.loading && form.isConnected) event.preventDefault(); });
  }

  show(name) {
    const field = this.form.querySelector(`[data-field="${name}"]`);
    field.hidden = false;
    this.form.querySelector(`[data-show="${name}"]`)?.remove();
    this.recipients[name].focus();
  }

  title() { this.get("title").textContent = this.form.subject.value || this.get("title").textContent; }

  state() {
    const { dataset } = this.form;
    return {
      writing_id: this.id,
      sender: this.form.sender.value,
      ...Object.fromEntries(FIELDS.map((name) => [name, this.recipients[name].values])),
      subject: this.form.subject.value,
      body: this.editor.html,
      in_reply_to: dataset.inReplyTo,
      references: dataset.references ? dataset.references.split(" ") : [],
      original: dataset.original,
      mode: dataset.mode,
      files: this.files.ids,
      draft: this.place,
    };
  }

  touch() {
    this.dirty = true;
    this.say("");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep(), this.patience);
  }

  /** Long letters are kept less often. */
  get patience() { return Math.min(KEEP_AFTER + (this.files.total + this.editor.last.length * 40) / 1e6 * KEEP_AFTER_MEGABYTE, KEEP_AFTER_MOST); }

  say(text) { this.get("state").textContent = text; }

  fail(text) {
    const place = this.get("error");
    place.textContent = text;
    place.hidden = !text;
  }

  /** One request after the other, so that a slow save never overtakes a newer one. */
  queue(work) {
    this.busy = this.busy.then(work, work);
    return this.busy;
  }

  keep() {
    clearTimeout(this.timer);
    return this.queue(async () => {
      if (!this.dirty || this.files.loading) return;
      this.dirty = false;
      const { ok, data, signedOut } = await post("/mail/compose/draft", this.state(), { stay: true });
      if (ok && data.draft) { this.place = data.draft; this.form.dataset.draft = data.draft.join("/"); }
      if (!ok) this.dirty = true;
      this.problem = ok ? "" : this.why(data, signedOut);
      this.say(ok ? (this.dirty ? "" : data.said) : this.word("unsaved"));
    });
  }

  /** What went wrong, in words. */
  why(data, signedOut) { return signedOut ? this.word("signedOut") : data.error || this.word("unsaved"); }

  async send() {
    if (this.sending) return;
    for (const name of FIELDS) this.recipients[name].finish();
    this.fail("");
    if (this.files.loading) await this.files.settled();
    if (!(await this.sure())) return;
    this.sending = true;
    clearTimeout(this.timer);
    const button = this.form.querySelector("[type=submit]");
    button.disabled = true;
    this.say(this.word("sending"));
    await this.busy;
    const { ok, data, signedOut } = await post("/mail/compose/send", this.state(), { stay: true });
    this.sending = false;
    button.disabled = false;
    if (ok) { this.dirty = false; toast(data.said); this.leave(); return; }
    this.say("");
    this.fail(this.why(data, signedOut));
    if (FIELDS.includes(data.field)) { this.show(data.field); this.recipients[data.field].mark(data.text); }
    this.dirty = true;
    this.keep();
  }

  /** Ask before what people regret: no subject, a promised file that is not there. */
  async sure() {
    const { form } = this;
    if (!form.subject.value.trim() && !(await confirmed(this.word("subject"), this.word("send"), this.word("back")))) { form.subject.focus(); return false; }
    const promised = this.word("attached").split(",").some((word) => word && this.editor.ownText.toLowerCase().includes(word.toLowerCase()));
    return !promised || this.files.ids.length > 0 || confirmed(this.word("forgotten"), this.word("send"), this.word("back"));
  }

  /** Keep the draft and go; what cannot be kept stays open. */
  async close() {
    if (this.sending) return;
    for (const name of FIELDS) this.recipients[name].finish();
    if (this.files.loading) await this.files.settled();
    await this.keep();
    if (this.dirty) { this.fail(this.problem); return; }
    this.files.release();
    this.leave();
  }

  async discard() {
    const empty = !this.place && !this.editor.ownText.trim() && !this.files.ids.length;
    if (!empty && !(await confirmed(this.word("discard"), this.word("discardYes"), this.word("back")))) return;
    clearTimeout(this.timer);
    this.dirty = false;
    await this.busy;
    const { ok, data, signedOut } = await post("/mail/compose/discard", this.state(), { stay: true });
    if (!ok) { this.fail(this.why(data, signedOut)); return; }
    if (!empty) toast(data.said);
    this.leave();
  }

  leave() {
    clearTimeout(this.timer);
    this.mini?.remove();
    if (!this.docked) { location.assign("/mail/"); return; }
    this.form.remove();
    if (["drafts", "sent"].includes(head()?.dataset.role)) refreshRows();
  }

  minimise() {
    if (!this.docked) { this.close(); return; }
    this.mini = document.createElement("button");
    this.mini.type = "button";
    this.mini.className = "mini";
    const text = document.createElement("span");
    text.className = "cut grow";
    text.textContent = this.form.subject.value || this.get("title").textContent;
    this.mini.append(text);
    this.mini.addEventListener("click", () => { this.mini.remove(); this.form.hidden = false; this.editor.focus(); });
    this.form.before(this.mini);
    this.form.hidden = true;
    this.mini.focus();
  }
}
