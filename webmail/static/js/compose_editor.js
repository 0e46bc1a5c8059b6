// The editor: Squire on a box that starts with markup our server made safe; pasted markup passes the list here first.
import Squire from "squire-rte";
import { asked } from "./compose_ask.js";

const TAGS = new Set("A ABBR B BLOCKQUOTE BR CODE DD DEL DIV DL DT EM H1 H2 H3 H4 H5 H6 HR I INS LI OL P PRE S SMALL SPAN STRONG SUB SUP TABLE TBODY TD TFOOT TH THEAD TR U UL".split(" "));
const DROPPED = new Set("SCRIPT STYLE TITLE TEMPLATE NOSCRIPT IFRAME OBJECT TEXTAREA SVG MATH HEAD META LINK".split(" "));
const LINK = /^(https?:\/\/|mailto:|tel:)/i;

/** Markup as a fragment of allowed elements without attributes but href. Nothing of it is live while it is read. */
function safeFragment(markup) {
  const parsed = new DOMParser().parseFromString(markup, "text/html").body;
  const out = document.createDocumentFragment();
  const walk = (from, to) => {
    for (const node of from.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) to.append(node.textContent);
      if (node.nodeType !== Node.ELEMENT_NODE || DROPPED.has(node.tagName.toUpperCase())) continue;
      if (!TAGS.has(node.tagName)) { walk(node, to); continue; }
      const kept = document.createElement(node.tagName);
      const target = node.getAttribute("href");
      if (node.tagName === "A" && target && LINK.test(target)) kept.setAttribute("href", target);
      walk(node, kept);
      to.append(kept);
    }
  };
  walk(parsed, out);
  return out;
}

const FORMATS = {
  bold: (s) => (s.hasFormat("B") ? s.removeBold() : s.bold()),
  italic: (s) => (s.hasFormat("I") ? s.removeItalic() : s.italic()),
  list: (s) => (s.hasFormat("UL") ? s.removeList() : s.makeUnorderedList()),
  quote: (s) => s.increaseQuoteLevel(),
  clear: (s) => s.removeAllFormatting(),
};

/** What was typed as the address of a link, or nothing when no link can be made of it. */
function linked(text) {
  const target = (text ?? "").trim();
  if (LINK.test(target)) return URL.canParse(target) ? target : "";
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(target)) return `mailto:${target}`;
  return /^[^\s:/]+\.[^\s:]+$/.test(target) ? `https://${target}` : "";
}

export class Editor {
  constructor(form, touched) {
    this.box = form.querySelector("[data-edit]");
    this.squire = new Squire(this.box, {
      blockTag: "DIV",
      sanitizeToDOMFragment: safeFragment,
      addLinks: true,
    });
    // The template holds the letter's markup as text: it was escaped on its way and made safe before.
    this.squire.setHTML(form.querySelector("[data-body]").content.textContent || "<div><br></div>");
    this.squire.moveCursorToStart();
    this.last = this.html;
    // Squire reports every change of its box, also of what is not part of the letter.
    this.squire.addEventListener("input", () => { const now = this.html; if (now !== this.last) { this.last = now; touched(); } });
    this.squire.addEventListener("pathChange", () => this.show(form));
    for (const button of form.querySelectorAll("[data-format]")) {
      button.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays where it is
      button.addEventListener("click", () => this.format(button.dataset.format, form));
    }
  }

  async format(name, form) {
    if (name === "link") {
      const range = this.squire.getSelection(); // the dialog takes the focus, and the selection with it
      const target = linked(await asked(form.dataset.wordLink, "https://", form.dataset.wordLinkYes, form.dataset.wordCancel));
      this.squire.setSelection(range);
      if (target) this.squire.makeLink(target);
    } else {
      FORMATS[name](this.squire);
    }
    this.squire.focus();
  }

  show(form) {
    const on = { bold: "B", italic: "I", list: "UL" };
    for (const [name, tag] of Object.entries(on)) {
      form.querySelector(`[data-format="${name}"]`)?.setAttribute("aria-pressed", String(this.squire.hasFormat(tag)));
    }
  }

  get html() { return this.squire.getHTML(); }

  /** What was written here, without the quoted part. */
  get ownText() {
    const copy = this.box.cloneNode(true);
    for (const quoted of copy.querySelectorAll("blockquote")) quoted.remove();
    return copy.innerText ?? copy.textContent;
  }

  focus() { this.squire.focus(); }
}
