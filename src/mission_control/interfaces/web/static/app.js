// What every page does beside showing itself: stay current, send forms, open dialogs, obey keys.
import { startDialogs } from "./dialogs.js";
import { startForms } from "./forms.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startMentions } from "./mentions.js";

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  document.dispatchEvent(new CustomEvent("themed"));
});

startDialogs();
startForms();
startKeys();
startLive();
startMentions();
if (document.getElementById("columns") || document.getElementById("filters")) import("./board.js").then((board) => board.startBoard());
if (document.querySelector("[data-log]")) import("./log.js").then((log) => log.startLogs());
if (document.querySelector("[data-chart]")) import("./charts.js").then((charts) => charts.startCharts());
