// Staying current: one stream of events a tab; each lets the page be fetched anew.
import { refresh } from "./page.js";

const PACE = 400; // milliseconds at least between two events: the page is fetched anew no oftener
const POLL = 5000; // while there is no stream
const AGES = 30000; // "5m ago" grows old without any event
const chip = document.getElementById("live");

let stream = null;
let state = "connecting";
let waiting = 0; // events that came while the person paused
let seen = document.body.dataset.lastActivity; // the newest line of history that the page shows
let retry_in = 500;

export function startLive() {
  chip.addEventListener("click", togglePause);
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : reconnect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => event.persisted && reconnect());
  setInterval(() => state === "lost" && !document.hidden && renew(), POLL);
  setInterval(() => state === "live" && !document.hidden && renew(), AGES);
  setInterval(tick, 1000);
  connect();
}

function connect() {
  if (stream) return;
  stream = new EventSource(`/api/v1/events?pace=${PACE}&after=${seen}`);
  stream.addEventListener("ready", () => {
    const was_lost = state === "lost";
    retry_in = 500;
    show("live");
    if (was_lost) renew(); // what happened meanwhile
  });
  for (const name of ["changed", "reset"]) {
    stream.addEventListener(name, (event) => {
      seen = event.lastEventId;
      happened();
    });
  }
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
  } else {
    renew();
  }
}

function renew() {
  refresh().then(
    () => state === "lost" && stream?.readyState === EventSource.OPEN && show("live"),
    () => show("lost"),
  );
}

export function togglePause() {
  if (is_paused()) {
    waiting = 0;
    show(stream?.readyState === EventSource.OPEN ? "live" : "lost", true);
    renew();
  } else {
    show("paused");
  }
}

export function is_paused() {
  return state === "paused";
}

function show(next, goes_on = false) {
  state = state === "paused" && ["lost", "live"].includes(next) && !goes_on ? "paused" : next;
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
