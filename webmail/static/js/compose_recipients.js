// One recipient field: chips, suggestions from people written with before, and a mark on what is no address.
const SUGGEST_AFTER = 120;
const ADDRESS = /^[^\s@<>()[\],;:"\\]+@[^\s@<>()[\],;:"\\.]+(\.[^\s@<>()[\],;:"\\.]+)+$/;

/** Split what was typed or pasted at commas, semicolons and line ends, but not inside quotes or angle brackets. */
export function split(text) {
  const found = [];
  let current = "", quoted = false, angle = false;
  for (const c of text) {
    if (c === '"') quoted = !quoted;
    if (!quoted && c === "<") angle = true;
    if (!quoted && c === ">") angle = false;
    if (!quoted && !angle && /[,;\n\r，；]/.test(c)) { found.push(current); current = ""; } else current += c;
  }
  found.push(current);
  return found.map((one) => one.trim()).filter(Boolean);
}

const bare = (text) => (text.match(/<([^<>]*)>\s*$/)?.[1] ?? text).trim();
const label = (text) => text.replace(/\s*<[^<>]*>\s*$/, "").replace(/^"(.*)"$/, "$1") || bare(text);

export class Recipients {
  constructor(form, field, touched) {
    this.form = form;
    this.field = field;
    this.touched = touched;
    this.timer = 0;
    this.listed = "";
    this.input = field.querySelector("input");
    this.menu = form.querySelector("[data-suggest]");
    const begun = split(this.input.value);
    this.input.value = "";
    begun.forEach((one) => this.chip(one));
    this.listen();
  }

  get chips() { return [...this.field.querySelectorAll(".chip")]; }
  get values() { return [...this.chips.map((chip) => chip.dataset.value), ...split(this.input.value)]; }

  focus() { this.input.focus(); }

  listen() {
    const { input } = this;
    input.addEventListener("input", () => {
      if (/[,;，；]$/.test(input.value)) this.finish();
      else { clearTimeout(this.timer); this.timer = setTimeout(() => this.suggest(), SUGGEST_AFTER); }
      this.touched();
    });
    input.addEventListener("paste", (event) => {
      const text = event.clipboardData?.getData("text") ?? "";
      if (split(text).length < 2) return;
      event.preventDefault();
      split(text).forEach((one) => this.chip(one));
      this.touched();
    });
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => setTimeout(() => { this.finish(); this.close(); }, 120));
    this.field.querySelector("[data-chips]").addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      if (!chip) { input.focus(); return; }
      if (event.target.closest("button")) chip.remove();
      else { input.value = chip.dataset.value; chip.remove(); }
      input.focus();
      this.touched();
    });
  }

  key(event) {
    const { input } = this;
    const options = this.menu.hidden ? [] : [...this.menu.children];
    const current = options.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!options.length) return;
      event.preventDefault();
      this.choose(options, (current + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length);
    } else if ((event.key === "Enter" || event.key === "Tab") && current >= 0 && this.listed === input.value.trim()) {
      event.preventDefault();
      this.take(options[current]);
    } else if (event.key === "Enter" || (event.key === "Tab" && input.value)) {
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) event.preventDefault();
      this.finish();
    } else if (event.key === "Backspace" && !input.value) {
      this.chips.at(-1)?.remove();
      this.touched();
    } else if (event.key === "Escape" && options.length) {
      event.preventDefault();
      this.close();
    }
  }

  /** Turn what stands in the input into chips. */
  finish() {
    const words = split(this.input.value);
    this.input.value = "";
    words.forEach((one) => this.chip(one));
    this.close();
  }

  chip(text) {
    const chip = this.form.querySelector("[data-chip-row]").content.firstElementChild.cloneNode(true);
    chip.dataset.value = text;
    chip.title = text;
    chip.querySelector(".chip-text").textContent = label(text);
    chip.querySelector("button").setAttribute("aria-label", `${this.form.dataset.wordRemove} ${text}`);
    this.input.before(chip);
    if (!ADDRESS.test(bare(text))) this.bad(chip);
  }

  bad(chip) {
    chip.classList.add("bad");
    chip.title = this.form.dataset.wordBad;
  }

  /** Mark the chip that the server did not take. */
  mark(text) { this.chips.filter((chip) => chip.dataset.value === text).forEach((chip) => this.bad(chip)); }

  async suggest() {
    const wanted = this.input.value.trim();
    if (!wanted) { this.close(); return; }
    const response = await fetch(`/mail/compose/people?q=${encodeURIComponent(wanted)}`, { credentials: "same-origin" }).catch(() => null);
    if (!response?.ok || this.input.value.trim() !== wanted) return;
    const people = await response.json();
    const taken = new Set(this.values.map((one) => bare(one).toLowerCase()));
    this.listed = wanted;
    this.list(people.filter((one) => !taken.has(one.email.toLowerCase())));
  }

  list(people) {
    this.menu.replaceChildren(...people.map((one) => {
      const row = document.createElement("div");
      row.className = "mi";
      row.setAttribute("role", "option");
      const name = document.createElement("span");
      name.className = "cut grow";
      name.textContent = one.name || one.email;
      const end = document.createElement("span");
      end.className = "end cut";
      end.textContent = one.name ? one.email : "";
      row.append(name, end);
      row.dataset.value = one.name ? `${/[,;:<>@()[\]]/.test(one.name) ? `"${one.name.replace(/["\\]/g, "")}"` : one.name} <${one.email}>` : one.email;
      row.addEventListener("mousedown", (event) => { event.preventDefault(); this.take(row); });
      return row;
    }));
    this.menu.hidden = !people.length;
    this.input.setAttribute("aria-expanded", String(people.length > 0));
    if (!people.length) return;
    this.menu.style.top = `${this.field.offsetTop + this.field.offsetHeight + 4}px`;
    this.choose([...this.menu.children], 0);
  }

  choose(options, index) {
    options.forEach((one, at) => { one.setAttribute("aria-selected", String(at === index)); one.classList.toggle("on", at === index); });
    options[index].scrollIntoView({ block: "nearest" });
  }

  take(row) {
    this.input.value = "";
    this.chip(row.dataset.value);
    this.close();
    this.touched();
    this.input.focus();
  }

  close() {
    clearTimeout(this.timer);
    this.listed = "";
    this.menu.hidden = true;
    this.menu.replaceChildren();
    this.input.setAttribute("aria-expanded", "false");
  }
}
