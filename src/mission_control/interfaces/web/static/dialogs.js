// Dialogs, and the two things that a person is asked on the way: where to, and why.
import { refresh, send, toast } from "./page.js";

/** What a person may do with a card, by the column it is in: key, words, column it goes to. */
export const MOVES = {
  inbox: [["c", "Cancel", "cancelled"]],
  in_progress: [["c", "Cancel: end what runs", "cancelled"]],
  review: [["d", "Approve: it is done", "done"], ["i", "Send back to the inbox", "inbox"], ["c", "Cancel", "cancelled"]],
  blocked: [["i", "Retry: back to the inbox", "inbox"], ["c", "Cancel", "cancelled"]],
  done: [["i", "Retry: back to the inbox", "inbox"]],
  cancelled: [["i", "Retry: back to the inbox", "inbox"]],
};

export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      open(opener.dataset.open);
    }
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close("cancel");
    if (event.target.matches("dialog")) event.target.close("cancel"); // beside it
    const rejecting = event.target.closest("[data-reject]");
    if (rejecting) move(rejecting.dataset.reject, "review", "inbox");
  });
}

export function open(id) {
  const dialog = document.getElementById(id);
  if (dialog.open) return;
  dialog.showModal();
}

/** Ask why work is sent back; null when the person thinks better of it. */
export function askWhy() {
  const dialog = document.getElementById("comment");
  const field = dialog.querySelector("textarea");
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "send" ? field.value : null), { once: true });
  });
}

/** Move a task; true when it was done. A refusal is told, and changes nothing. */
export async function move(id, from, to) {
  const fields = { to };
  if (from === "review" && to === "inbox") {
    const comment = await askWhy();
    if (comment === null) return false;
    fields.comment = comment;
  }
  try {
    toast((await send(`/t/${id}/move`, fields)).said);
    return true;
  } catch (error) {
    toast(error.message, "bad");
    return false;
  } finally {
    await refresh().catch(() => {});
  }
}

/** Let a person choose where a card goes; a letter is enough. */
export function chooseMove(card) {
  const dialog = document.getElementById("move");
  const { id, status } = card.dataset;
  dialog.querySelector("h2").textContent = `Move T-${id}`;
  const buttons = MOVES[status].map(([key, words, to]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.dataset.key = key;
    button.textContent = words;
    const letter = document.createElement("kbd");
    letter.textContent = key;
    button.append(letter);
    button.addEventListener("click", () => {
      dialog.close();
      move(id, status, to);
    });
    return button;
  });
  dialog.querySelector(".choices").replaceChildren(...buttons);
  dialog.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const chosen = buttons.find((button) => button.dataset.key === event.key);
    if (!chosen) return;
    event.preventDefault();
    event.stopPropagation();
    chosen.click();
  };
  dialog.showModal();
  buttons[0].focus();
}
