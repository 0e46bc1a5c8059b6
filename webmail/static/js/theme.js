// Light or dark, and the hour of the landscape.
import { send } from "./requests.js";

const root = document.documentElement;
const wish = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ?? (wish.matches ? "dark" : "light")) === "dark";

/** Dawn, day, dusk, night: the picture of the visitor's own hour; a dark page never gets a bright day. */
function hourName(date) {
  const hour = date.getHours();
  const name = hour >= 8 && hour < 17 ? "day" : hour >= 17 && hour < 19 ? "dusk" : hour >= 6 && hour < 8 ? "dawn" : "night";
  if (!isDark()) return name;
  return name === "day" || name === "dawn" ? "dusk" : name;
}

function paintScene() {
  if (!document.querySelector("[data-scene]")) return;
  root.dataset.hour = hourName(new Date());
  const clock = document.querySelector("[data-clock]");
  if (clock) {
    const now = new Date();
    // As the server writes English dates: the day before the month.
    const language = root.lang === "en" ? "en-GB" : root.lang;
    const day = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" }).format(now);
    const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(now);
    clock.textContent = `${day} · ${time}`;
  }
}

function apply(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  document.querySelector('meta[name="color-scheme"]').content = theme === "system" ? "light dark" : theme;
  paintScene();
}

document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-theme-switch]")) return;
  const theme = isDark() ? "light" : "dark";
  apply(theme);
  const body = new FormData();
  body.append("theme", theme);
  send("/mail/look", { body });
});

for (const button of document.querySelectorAll("[data-theme-switch]")) button.hidden = false;
wish.addEventListener("change", paintScene);
paintScene();
setInterval(paintScene, 60_000);

export { apply as applyTheme };
