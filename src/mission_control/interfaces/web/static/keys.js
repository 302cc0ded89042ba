// Single keys, off while somebody types or a dialog is open, and for good when a person switches them off.
import { chooseMove, MOVES, move, open } from "./dialogs.js";
import { togglePause } from "./live.js";

const PLACES = { b: "/", i: "/inbox", a: "/agents", h: "/activity", m: "/stats" };
let goes = false;

export function startKeys() {
  const on = document.getElementById("keys-on");
  on.checked = localStorage.getItem("keys") !== "off";
  on.addEventListener("change", () => localStorage.setItem("keys", on.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (!on.checked || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
    if (press(event.key)) event.preventDefault();
  });
}

function press(key) {
  if (goes) {
    goes = false;
    if (PLACES[key]) location.assign(PLACES[key]);
    return true;
  }
  switch (key) {
    case "g":
      goes = true;
      setTimeout(() => (goes = false), 1500);
      return true;
    case "n":
      open("new-task");
      return true;
    case "?":
      open("help");
      return true;
    case "p":
      togglePause();
      return true;
    case "/":
      return search();
    case "[":
      return follow("task-before");
    case "]":
      return follow("task-after");
    case "e":
      return follow("edit") || openCard("/edit");
    case "j":
      return step(1);
    case "k":
      return step(-1);
    case "l":
      return stepColumn(1);
    case "h":
      return stepColumn(-1);
    case "x":
      return pick();
    case "m":
      return withCard(chooseMove);
    case "r":
      return retry();
    default:
      return false;
  }
}

function search() {
  const field = document.getElementById("log-find") ?? document.querySelector("#filters input[type=search]");
  if (field) field.select(), field.focus();
  else location.assign("/");
  return true;
}

function follow(id) {
  const link = document.getElementById(id);
  if (link) location.assign(link.href);
  return Boolean(link);
}

function current() {
  return document.activeElement?.closest(".card");
}

function withCard(use) {
  const card = current();
  if (card) use(card);
  return Boolean(card);
}

function focus(card) {
  card?.querySelector(".title").focus();
  card?.scrollIntoView({ block: "nearest", inline: "nearest" });
  return Boolean(card);
}

function step(by) {
  const card = current();
  if (!card) return focus(document.querySelector(".card"));
  const cards = [...card.closest(".cards").querySelectorAll(".card")];
  return focus(cards[cards.indexOf(card) + by] ?? card);
}

function stepColumn(by) {
  const card = current();
  if (!card) return focus(document.querySelector(".card"));
  const columns = [...document.querySelectorAll(".column")].filter((column) => column.querySelector(".card"));
  const here = columns.indexOf(card.closest(".column"));
  const row = [...card.parentNode.querySelectorAll(".card")].indexOf(card);
  const cards = columns[Math.min(Math.max(here + by, 0), columns.length - 1)].querySelectorAll(".card");
  return focus(cards[Math.min(row, cards.length - 1)]);
}

function openCard(rest) {
  return withCard((card) => location.assign(card.querySelector(".title").href + rest));
}

function pick() {
  return withCard((card) => card.querySelector(".pick").click());
}

function retry() {
  const button = document.getElementById("retry");
  if (button) {
    button.click();
    return true;
  }
  return withCard((card) => {
    if (MOVES[card.dataset.status].some(([, , to]) => to === "inbox") && card.dataset.status !== "review") move(card.dataset.id, card.dataset.status, "inbox");
  });
}
