// After an @ the names of the squad are offered: Tab or Enter takes the first, a click any.

export function startMentions() {
  document.addEventListener("input", (event) => event.target.matches("textarea[name=comment]") && offer(event.target));
  document.addEventListener("keydown", (event) => {
    const first = event.target.matches?.("textarea[name=comment]") && offered(event.target)?.querySelector("button");
    if (!first || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      offered(event.target).remove();
    } else if (event.key === "Tab" || event.key === "Enter") {
      event.preventDefault();
      first.click();
    }
  });
}

function offered(field) {
  const next = field.nextElementSibling;
  return next?.classList.contains("names") ? next : null;
}

function offer(field) {
  offered(field)?.remove();
  const begun = /(?:^|\s)@([a-z0-9_-]*)$/i.exec(field.value.slice(0, field.selectionStart));
  if (!begun) return;
  const names = [...document.querySelectorAll("#agent-names option")].map((option) => option.value);
  const fitting = names.filter((name) => name.startsWith(begun[1].toLowerCase()) && name !== begun[1]).slice(0, 6);
  if (!fitting.length) return;
  const box = document.createElement("div");
  box.className = "names";
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-label", "Names");
  box.append(...fitting.map((name, at) => choice(field, name, begun[1].length, at === 0)));
  field.after(box);
}

function choice(field, name, typed, is_first) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.setAttribute("role", "option");
  button.setAttribute("aria-selected", String(is_first));
  button.textContent = `@${name}`;
  button.addEventListener("click", () => {
    const at = field.selectionStart;
    field.setRangeText(`${name} `, at - typed, at, "end");
    offered(field)?.remove();
    field.focus();
  });
  return button;
}
