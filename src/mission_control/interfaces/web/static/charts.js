// Charts, each drawn from the table below it, in the colours of the page.

const plots = new Map();

export function startCharts() {
  draw();
  for (const name of ["morphed", "themed"]) document.addEventListener(name, draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("resize", draw);
}

function draw() {
  for (const figure of document.querySelectorAll("[data-chart]")) {
    const box = figure.querySelector(".plot");
    plots.get(box)?.destroy();
    box.replaceChildren();
    plots.set(box, plot(figure, box));
  }
}

function colour(name) {
  // A token may be light-dark(…): only a real element knows which of the two it is.
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function plot(figure, box) {
  const rows = [...figure.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => (cell.dataset.number === undefined ? null : Number(cell.dataset.number))));
  const form = figure.dataset.chart;
  const keys = box.dataset.keys.split(" ");
  const columns = [rows.map((row) => row[0]), ...keys.map((_, at) => rows.map((row) => row[at + 1]))];
  const names = [...figure.querySelectorAll("thead th")].map((cell) => cell.textContent);
  const data = form === "stacked" ? [columns[0], columns[1].map((value, at) => value + columns[2][at]), columns[2]] : columns;
  const is_bar = form === "stacked";
  const series = keys.map((key, at) => ({
    label: names[at + 1],
    stroke: colour(key),
    fill: is_bar ? colour(key) : undefined,
    width: is_bar ? 0 : 1.75,
    paths: is_bar ? uPlot.paths.bars({ size: [0.7, 26], radius: 0.15 }) : undefined,
    points: { show: !is_bar, size: 5, fill: colour(key) },
    spanGaps: true,
  }));
  const step = rows.length > 1 ? rows[1][0] - rows[0][0] : 3600;
  const padding = is_bar ? step / 2 : 0;
  const axis = { stroke: colour("ink-3"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: `11px ${getComputedStyle(document.body).fontFamily}` };
  return new uPlot(
    {
      width: box.clientWidth - 16,
      height: box.clientHeight - 10,
      legend: { show: false },
      cursor: { y: false },
      scales: { x: { time: true, range: (_, least, most) => [least - padding, most + padding] }, y: { range: (_, least, most) => [0, Math.max(most * 1.08, form === "seconds" ? 0.01 : 4)] } },
      series: [{}, ...series],
      axes: [{ ...axis, space: 64, size: 32, values: (_, moments) => moments.map((moment) => when(moment, step)) }, { ...axis, size: 52, values: (_, values) => values.map(form === "seconds" ? span : (value) => value.toLocaleString()) }],
    },
    data,
    box,
  );
}

function when(moment, step) {
  const date = new Date(moment * 1000);
  const is_midnight = date.getHours() === 0 && date.getMinutes() === 0;
  if (step >= 86400 || is_midnight) return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

function span(seconds) {
  if (seconds === 0) return "0";
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 120) return `${+seconds.toFixed(1)}s`;
  return seconds < 7200 ? `${+(seconds / 60).toFixed(1)}m` : `${+(seconds / 3600).toFixed(1)}h`;
}
