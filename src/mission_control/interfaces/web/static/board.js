// The board: cards that are dragged, selected and moved together.
import { chooseMove, MOVES, move } from "./dialogs.js";
import { announce, refresh, send, toast } from "./page.js";

export function startBoard() {
  document.addEventListener("click", (event) => {
    const more = event.target.closest("[data-move]");
    if (more) chooseMove(more.closest(".card"));
    const bulk = event.target.closest("[data-bulk]");
    if (bulk) carryOut(bulk.dataset.bulk);
  });
  document.addEventListener("change", (event) => event.target.matches(".pick") && count());
  document.addEventListener("morphed", () => {
    makeSortable();
    count();
  });
  makeSortable();
  count();
}

function makeSortable() {
  if (!globalThis.Sortable || matchMedia("(max-width: 720px)").matches) return; // there, cards are moved by their menu
  const is_calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  for (const cards of document.querySelectorAll(".cards")) {
    if (Sortable.get(cards)) continue;
    Sortable.create(cards, {
      group: "board",
      draggable: ".card",
      filter: "input, button",
      preventOnFilter: false,
      sort: false, // priority and age decide what comes first
      animation: is_calm ? 0 : 120,
      delayOnTouchOnly: true,
      delay: 150,
      onStart: began,
      onEnd: ended,
    });
  }
}

function began(event) {
  document.body.classList.add("is-dragging");
  const { status } = event.item.dataset;
  const may = MOVES[status].map(([, , to]) => to);
  for (const column of document.querySelectorAll(".column")) {
    const to = column.dataset.status;
    column.classList.toggle("may-drop", may.includes(to));
    column.classList.toggle("may-not-drop", to !== status && !may.includes(to));
  }
}

/** The card is shown where it was dropped until the server has spoken; refused, it goes back. */
async function ended(event) {
  document.body.classList.remove("is-dragging");
  for (const column of document.querySelectorAll(".column")) column.classList.remove("may-drop", "may-not-drop");
  const { item, from, to } = event;
  if (from === to) return refresh();
  const { id, status } = item.dataset;
  const target = to.closest(".column").dataset.status;
  item.classList.add("is-moving");
  const is_done = await move(id, status, target);
  item.classList.remove("is-moving");
  if (!is_done && item.isConnected && item.parentNode === to) from.prepend(item);
  announce(is_done ? `T-${id} moved to ${target.replace("_", " ")}` : `T-${id} stays in ${status.replace("_", " ")}`);
  await refresh();
}

function picked() {
  return [...document.querySelectorAll(".pick:checked")].map((box) => box.value);
}

function count() {
  const bar = document.getElementById("bulk");
  if (!bar) return;
  const ids = picked();
  bar.hidden = ids.length === 0;
  document.getElementById("picked").textContent = ids.length;
}

async function carryOut(event) {
  const ids = picked();
  const clear = () => document.querySelectorAll(".pick:checked").forEach((box) => (box.checked = false));
  if (event !== "none") {
    if (event === "cancel" && !confirm(`Cancel ${ids.length} task${ids.length > 1 ? "s" : ""}?`)) return;
    try {
      toast((await send("/bulk", new URLSearchParams([["event", event], ...ids.map((id) => ["task", id])]))).said);
    } catch (error) {
      toast(error.message, "bad");
      return;
    }
  }
  clear();
  count();
  await refresh();
}
