// Staying current: one stream of events a tab; each lets the page be fetched anew, at most twice a second.
import { refresh } from "./page.js";

const LEAST_BETWEEN = 500; // milliseconds
const POLL = 5000; // while there is no stream
const chip = document.getElementById("live");

let stream = null;
let state = "connecting";
let waiting = 0; // events that came while the person paused
let timer = null;
let last = 0;
let retry_in = 500;

export function startLive() {
  chip.addEventListener("click", togglePause);
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : reconnect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => event.persisted && reconnect());
  setInterval(() => state === "lost" && !document.hidden && renew(), POLL);
  setInterval(tick, 1000);
  connect();
}

function connect() {
  if (stream) return;
  stream = new EventSource("/api/v1/events");
  stream.onopen = () => {
    const was_lost = state === "lost";
    retry_in = 500;
    show(is_paused() ? "paused" : "live");
    if (was_lost) renew(); // what happened meanwhile
  };
  stream.onmessage = happened;
  for (const name of ["activity", "task", "agent", "board", "mission"]) stream.addEventListener(name, happened);
  stream.onerror = () => {
    show("lost");
    if (stream?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    disconnect();
    setTimeout(() => !document.hidden && connect(), retry_in);
    retry_in = Math.min(retry_in * 2, 15000);
  };
}

function disconnect() {
  stream?.close();
  stream = null;
}

function reconnect() {
  connect();
  if (!is_paused()) renew();
}

function happened() {
  if (is_paused()) {
    waiting += 1;
    show("paused");
    return;
  }
  if (timer) return;
  const in_a_moment = Math.max(0, last + LEAST_BETWEEN - performance.now());
  timer = setTimeout(() => {
    timer = null;
    last = performance.now();
    renew();
  }, in_a_moment);
}

function renew() {
  if (document.activeElement?.closest("#main form[data-send]:not(.say)")) {
    // Somebody fills in a form on the page itself; the rest may wait until they are done.
  }
  refresh().catch(() => show("lost"));
}

export function togglePause() {
  if (is_paused()) {
    waiting = 0;
    show(stream?.readyState === EventSource.OPEN ? "live" : "lost");
    renew();
  } else {
    show("paused");
  }
}

export function is_paused() {
  return state === "paused";
}

function show(next) {
  state = state === "paused" && next === "lost" ? "paused" : next;
  chip.dataset.state = state;
  const words = { live: "live", lost: "reconnecting", paused: waiting ? `paused, ${waiting} new` : "paused", connecting: "connecting" };
  chip.querySelector(".state").textContent = words[state];
  chip.setAttribute("aria-pressed", String(state === "paused"));
}

/** Clocks of what is running go on without the server. */
function tick() {
  if (document.hidden || is_paused()) return;
  for (const clock of document.querySelectorAll("time[data-since]")) {
    clock.textContent = elapsed((Date.now() - Date.parse(clock.dataset.since)) / 1000);
  }
}

function elapsed(length) {
  const seconds = Math.max(0, Math.floor(length));
  const two = (number) => String(number).padStart(2, "0");
  if (seconds >= 86400) return `${Math.floor(seconds / 86400)}d${two(Math.floor(seconds / 3600) % 24)}h`;
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`;
  return seconds >= 60 ? `${Math.floor(seconds / 60)}m${two(seconds % 60)}s` : `${seconds}s`;
}
