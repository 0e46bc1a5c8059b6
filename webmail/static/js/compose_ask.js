// A question with two answers in the page's own dialog; resolves to true or false.
export function confirmed(question, yes, no) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.className = "dlg ask";
    const text = document.createElement("p");
    text.textContent = question;
    const row = document.createElement("div");
    row.className = "ask-row";
    const buttons = [[no, "line", false], [yes, "main", true]].map(([label, kind, answer]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = `btn ${kind}`;
      button.textContent = label;
      button.addEventListener("click", () => { result = answer; dialog.close(); });
      return button;
    });
    let result = false;
    row.append(...buttons);
    dialog.append(text, row);
    dialog.setAttribute("aria-label", question);
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("close", () => { dialog.remove(); resolve(result); });
    document.body.append(dialog);
    dialog.showModal();
    buttons[1].focus();
  });
}
