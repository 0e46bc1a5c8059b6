// Questions in the page's own dialog: one with two answers, and one for a line of text.
function shown(question, { yes, no, field = null }) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.className = "dlg ask";
    dialog.setAttribute("aria-label", question);
    const text = document.createElement("p");
    text.textContent = question;
    const row = document.createElement("div");
    row.className = "ask-row";
    let result = null;
    const say = (answer) => { result = answer; dialog.close(); };
    const buttons = [[no, "line", null], [yes, "main", true]].map(([label, kind, answer]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = `btn ${kind}`;
      button.textContent = label;
      button.addEventListener("click", () => say(answer && (field ? field.value : answer)));
      return button;
    });
    row.append(...buttons);
    dialog.append(text, ...(field ? [field] : []), row);
    dialog.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" && event.target === field) { event.preventDefault(); say(field.value); }
    });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(result); });
    document.body.append(dialog);
    dialog.showModal();
    (field ?? buttons[1]).focus();
  });
}

/** Resolves to true or false. */
export const confirmed = async (question, yes, no) => Boolean(await shown(question, { yes, no }));

/** Resolves to what was typed, or null. */
export function asked(question, value, yes, no) {
  const field = document.createElement("input");
  field.className = "p-input";
  field.value = value;
  field.setAttribute("aria-label", question);
  return shown(question, { yes, no, field });
}
