// The card: show the password, tell of Caps Lock, count a wait down, take the browser's time zone. The wizard uses parts of it.
for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    const words = shown ? button.dataset.hide : button.dataset.show;
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", words);
    button.title = words;
    field.focus();
  });
}

const caps = document.querySelector("[data-caps]");
if (caps) {
  const field = document.getElementById("password");
  const tell = (event) => { caps.hidden = !event.getModifierState?.("CapsLock"); };
  for (const name of ["keydown", "keyup", "mousedown"]) field.addEventListener(name, tell);
  field.addEventListener("blur", () => { caps.hidden = true; });
}

const form = document.querySelector("form[data-signin]");
if (form) {
  const zone = form.querySelector("[data-time-zone]");
  if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  if (form.dataset.wait) countDown(form, Number(form.dataset.wait));
  form.addEventListener("submit", (event) => {
    const button = form.querySelector("button[type=submit]");
    if (button.getAttribute("aria-disabled") === "true") event.preventDefault();
    else button.setAttribute("aria-busy", "true");
  });
}

/** The button itself counts; it keeps its place and its size. */
function countDown(waiting, seconds) {
  const button = waiting.querySelector("button[type=submit]");
  const label = button.querySelector("[data-label]");
  const ready = label.textContent;
  const end = performance.now() + seconds * 1000;
  button.setAttribute("aria-disabled", "true");
  const tick = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (left > 0) {
      label.textContent = button.dataset.again.replace("{seconds}", left);
      setTimeout(tick, 250);
    } else {
      button.removeAttribute("aria-disabled");
      label.textContent = ready;
      document.querySelector(".p-card [role=alert]")?.remove();
    }
  };
  tick();
}

const names = document.querySelector("form[data-names]");
if (names) {
  const [domain, host, hint] = ["domain", "hostname", "domain-hint"].map((id) => document.getElementById(id));
  let own = host.value !== "" && host.value !== `mail.${domain.value}`;
  const suggest = () => {
    const name = domain.value.trim().toLowerCase();
    if (!own) host.value = name.includes(".") ? `mail.${name}` : "";
    if (name.includes(".")) { hint.textContent = names.dataset.example.replace("{address}", `iris@${name}`); hint.classList.remove("bad"); }
  };
  host.addEventListener("input", () => { own = host.value !== ""; });
  domain.addEventListener("input", suggest);
}

const strength = document.querySelector("[data-strength]");
if (strength) {
  const bars = document.querySelectorAll("[data-meter] i");
  const hint = document.getElementById(strength.getAttribute("aria-describedby"));
  const words = hint.dataset.words.split("|");
  strength.addEventListener("input", () => {
    const level = guess(strength.value);
    bars.forEach((bar, index) => { bar.className = index < level ? (level < 3 ? "warn" : "ok") : ""; });
    hint.classList.remove("bad");
    hint.textContent = words[level];
  });
}

/** 0 too short, 1 weak … 4 strong: length and variety, less for runs and repeats. An estimate for a bar, not a rule. */
function guess(password) {
  if (password.length < 8) return 0;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => kind.test(password)).length;
  const pool = new Set(password).size;
  const plain = /(.)\1\1|0123|1234|2345|3456|4567|5678|6789|abcd|qwer|asdf|pass|word|admin|letmein/i.test(password);
  const bits = password.length * Math.log2(Math.max(2, pool)) * (0.75 + kinds * 0.1) * (plain ? 0.6 : 1);
  return bits < 30 ? 1 : bits < 45 ? 2 : bits < 70 ? 3 : 4;
}
