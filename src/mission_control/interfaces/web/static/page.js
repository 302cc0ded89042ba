// The page as the server has it now, put into the page that is open: what did not change is not touched.

let under_way = null;
let again = false;

/** Fetch the page anew and morph it in. One at a time; what is asked for meanwhile is done once more afterwards. */
export function refresh(address = location.href) {
  if (under_way) {
    again = true;
    return under_way;
  }
  under_way = fetchAndMorph(address).finally(() => {
    under_way = null;
    if (again) {
      again = false;
      refresh().catch(() => {}); // whoever asked learns of it from the next
    }
  });
  return under_way;
}

async function fetchAndMorph(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (answer.type === "opaqueredirect") {
    location.reload(); // the session is over: to the log-in, and back here afterwards
    return;
  }
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (document.body.classList.contains("is-dragging")) return;
  document.dispatchEvent(new CustomEvent("morphing", { detail: fresh }));
  await morph("main", fresh);
  await morph("pages", fresh);
  document.title = fresh.title;
  document.dispatchEvent(new CustomEvent("morphed"));
}

async function morph(id, fresh) {
  const target = document.getElementById(id);
  const source = fresh.getElementById(id);
  if (!target || !source || target.isEqualNode(source)) return;
  await htmx.swap({ sourceElement: target, target, text: source.outerHTML, swap: "outerMorph" });
}

/** Tell a person what became of something. */
export function toast(text, mood = "good") {
  const box = document.getElementById("toasts");
  const note = document.createElement("div");
  note.className = `toast ${mood}`;
  const words = document.createElement("span");
  words.className = "grow";
  words.textContent = text;
  const close = document.createElement("button");
  close.className = "button bare square";
  close.type = "button";
  close.setAttribute("aria-label", "Close");
  close.append(icon("close"));
  close.addEventListener("click", () => note.remove());
  note.append(icon(mood === "bad" ? "warning" : "succeeded"), words, close);
  box.append(note);
  while (box.children.length > 4) box.firstChild.remove();
  setTimeout(() => note.remove(), mood === "bad" ? 12000 : 5000);
}

/** Say something to those who do not see it. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Send a change; the answer's sentence, or an error with the server's own words. */
export async function send(address, fields) {
  let answer;
  try {
    answer = await fetch(address, {
      method: "POST",
      headers: { Accept: "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content },
      body: fields instanceof URLSearchParams ? fields : new URLSearchParams(fields),
      redirect: "manual",
    });
  } catch {
    throw new Error("Mission Control does not answer; nothing was changed. Is it up?");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? `The server refused it (${answer.status}).`);
  return said;
}
