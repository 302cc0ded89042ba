// Forms that are sent without leaving the page; without scripts they are plain forms.
import { refresh, send, toast } from "./page.js";

export function startForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("form[data-send]")) {
      event.preventDefault();
      submit(form);
    } else if (form.matches("form[data-filter]")) {
      event.preventDefault();
      filter(form);
    }
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-filter]");
    if (form && event.target.type !== "search") filter(form);
  });
  let typing = null;
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-filter]");
    if (!form || event.target.type !== "search") return;
    clearTimeout(typing);
    typing = setTimeout(() => filter(form), 250);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.target.tagName !== "TEXTAREA") return;
    event.preventDefault();
    event.target.form?.requestSubmit();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-refetch]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.replaceState(null, "", link.href);
    refresh();
  });
}

async function submit(form) {
  if (form.dataset.sure && !confirm(form.dataset.sure)) return;
  if (form.classList.contains("is-busy")) return;
  const problem = form.querySelector(".problem");
  form.classList.add("is-busy");
  try {
    const said = await send(form.action, new URLSearchParams(new FormData(form)));
    if (problem) problem.textContent = "";
    await done(form, said);
  } catch (error) {
    if (problem) problem.textContent = error.message;
    else toast(error.message, "bad");
  } finally {
    form.classList.remove("is-busy");
  }
}

async function done(form, said) {
  const dialog = form.closest("dialog");
  if (dialog || "clear" in form.dataset) form.reset();
  if (dialog) {
    dialog.close();
  } else if (said.page && new URL(said.page, location.href).pathname !== location.pathname) {
    location.assign(said.page);
    return;
  }
  toast(said.said);
  await refresh();
}

/** The address is the state of the filters: it can be kept, shared and gone back to. */
function filter(form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  const address = query.size ? `${form.getAttribute("action")}?${query}` : form.getAttribute("action");
  history.replaceState(null, "", address);
  refresh();
}
