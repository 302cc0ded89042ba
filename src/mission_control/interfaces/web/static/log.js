// The log of an attempt: its last lines first, then what comes; earlier ones on demand. Everything is text, never HTML.
import { AnsiUp } from "./vendor/ansi_up.js";
import { is_paused } from "./live.js";

const LAST_LINES = 500;
const EARLIER_BYTES = 200000;
const MOST_ROWS = 2000;
const MOST_CHARACTERS = 4000; // of a line; the rest is in the raw file
const LOOK = 400; // milliseconds between two looks at a live log
const SLOW_LOOK = 2000;

/** Pieces of text with the colours of the page as classes; other colours stay plain, for the policy allows no inline style. */
class Colours extends AnsiUp {
  spans = [];
  transform_to_html(piece) {
    if (piece.text) this.spans.push(piece);
    return "";
  }
  process_hyperlink(packet) {
    this.spans.push({ ...this.with_state(packet), text: packet.text });
    return "";
  }
}

export function startLogs() {
  let shown = null;
  const look = () => {
    const pane = document.querySelector("[data-log]");
    if (!pane || pane === shown?.pane) return shown?.heard(pane?.dataset.isLive === "1");
    shown?.stop();
    shown = new Log(pane);
  };
  document.addEventListener("morphed", look);
  look();
}

class Log {
  constructor(pane) {
    this.pane = pane;
    this.rows = document.createElement("ol");
    pane.replaceChildren(this.rows);
    this.colours = new Colours();
    this.line = "";
    this.row = null;
    this.follows = true;
    this.is_live = true;
    this.found = [];
    this.tools();
    this.open();
  }

  tools() {
    const follow = document.getElementById("log-follow");
    follow.onclick = () => this.setFollow(!this.follows);
    this.pane.addEventListener("scroll", () => {
      const is_at_end = this.pane.scrollHeight - this.pane.scrollTop - this.pane.clientHeight < 30;
      if (!is_at_end && this.follows && !this.moves) this.setFollow(false);
      else if (is_at_end && !this.follows) this.setFollow(true);
    });
    const find = document.getElementById("log-find");
    find.oninput = () => this.find(find.value);
    find.onkeydown = (event) => {
      if (event.key === "Enter") this.leaf(event.shiftKey ? -1 : 1);
      if (event.key === "Escape") (find.value = ""), this.find("");
    };
    document.getElementById("log-copy").onclick = async (event) => {
      await navigator.clipboard.writeText([...this.rows.children].map((row) => row.textContent).join("\n"));
      const button = event.target;
      button.textContent = "copied";
      setTimeout(() => (button.textContent = "copy"), 1500);
    };
  }

  setFollow(follows) {
    this.follows = follows;
    document.getElementById("log-follow").setAttribute("aria-pressed", String(follows));
    document.getElementById("log-follow").textContent = follows ? "follow" : "follow ↓";
    if (follows) this.toEnd();
  }

  toEnd() {
    this.moves = true;
    this.pane.scrollTop = this.pane.scrollHeight;
    requestAnimationFrame(() => requestAnimationFrame(() => (this.moves = false)));
  }

  async get(query = "") {
    const answer = await fetch(this.pane.dataset.log + query, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  async open() {
    try {
      const piece = await this.get(`?tail=${LAST_LINES}`);
      this.begin = piece.offset;
      this.head = "";
      this.take(piece);
      this.earlierButton();
      if (!piece.size) this.say(this.is_live ? "Nothing printed yet." : "It printed nothing.");
    } catch {
      this.say("The log cannot be read now.");
    }
    this.timer = setTimeout(() => this.goOn(), LOOK);
  }

  /** Look again after a while: soon where the attempt is live, else only when the page has said that it ended. */
  async goOn() {
    let wait = SLOW_LOOK;
    if (!this.pane.isConnected) return;
    if (!document.hidden && !is_paused() && this.end !== undefined && (this.is_live || this.asks)) {
      try {
        this.asks = false;
        this.take(await this.get(`?offset=${this.end}`));
        wait = LOOK;
      } catch {
        this.asks = true;
      }
    }
    this.timer = setTimeout(() => this.goOn(), wait);
  }

  take(piece) {
    if (piece.size < this.end) {
      this.rows.replaceChildren(); // the file began anew
      this.row = null;
      this.line = "";
    }
    if (piece.skipped) this.rows.append(gap(piece.skipped));
    if (piece.text) this.add(piece.text);
    this.end = piece.end;
    this.is_live = piece.outcome === null || piece.end < piece.size;
  }

  /** The page says whether the attempt is live; its last lines come after its end. */
  heard(is_live) {
    if (is_live !== this.was_live) this.asks = true;
    this.was_live = is_live;
  }

  stop() {
    clearTimeout(this.timer);
  }

  say(text) {
    const note = document.createElement("p");
    note.className = "log-note";
    note.textContent = text;
    this.pane.querySelector(".log-note")?.remove();
    this.pane.append(note);
  }

  add(text) {
    this.pane.querySelector(".log-note")?.remove();
    const pieces = (this.line + text).split("\n");
    this.row?.remove(); // the last line was not whole yet
    this.row = null;
    this.line = pieces.pop();
    const rows = document.createDocumentFragment();
    for (const piece of pieces.slice(-MOST_ROWS)) rows.append(this.rendered(piece, this.colours));
    if (this.line) {
      const copy = Object.assign(new Colours(), this.colours, { spans: [] }); // its colours do not last
      this.row = this.rendered(this.line, copy);
      rows.append(this.row);
    }
    this.rows.append(rows);
    // Whoever has gone back to read keeps more.
    const most = this.follows ? MOST_ROWS : 5 * MOST_ROWS;
    while (this.rows.children.length > most) this.rows.firstChild.remove();
    if (this.follows) this.toEnd();
    const wanted = document.getElementById("log-find")?.value;
    if (wanted) this.find(wanted, false);
  }

  rendered(line, colours) {
    const row = document.createElement("li");
    let text = line.endsWith("\r") ? line.slice(0, -1) : line;
    text = text.slice(text.lastIndexOf("\r") + 1); // what a terminal would show at the end
    const left_out = text.length - MOST_CHARACTERS;
    if (left_out > 0) text = text.slice(0, MOST_CHARACTERS);
    colours.spans = [];
    colours.use_classes = true;
    colours.ansi_to_html(text);
    for (const piece of colours.spans) row.append(styled(piece));
    if (left_out > 0) row.append(` … ${left_out.toLocaleString()} characters more, see raw`);
    return row;
  }

  earlierButton() {
    this.pane.querySelector(".earlier")?.remove();
    if (!this.begin) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button earlier";
    button.textContent = "Earlier lines";
    button.onclick = () => this.earlier();
    this.pane.prepend(button);
  }

  async earlier() {
    const from = Math.max(0, this.begin - EARLIER_BYTES);
    const piece = await this.get(`?offset=${from}&limit=${this.begin - from}`);
    const lines = (piece.text + this.head).split("\n");
    this.head = from > 0 ? lines.shift() : ""; // not whole: its beginning comes with what is earlier still
    if (lines.at(-1) === "") lines.pop();
    this.begin = from;
    this.setFollow(false);
    const height = this.pane.scrollHeight;
    this.rows.prepend(...lines.map((line) => this.rendered(line, new Colours())));
    this.pane.scrollTop += this.pane.scrollHeight - height;
    this.earlierButton();
  }

  find(text, moves = true) {
    const wanted = text.toLowerCase();
    this.found = [];
    for (const row of this.rows.children) {
      const is_found = wanted !== "" && row.textContent.toLowerCase().includes(wanted);
      row.classList.toggle("is-found", is_found);
      row.classList.remove("is-current");
      if (is_found) this.found.push(row);
    }
    this.at = this.found.length;
    document.getElementById("log-found").textContent = wanted ? String(this.found.length) : "";
    if (moves && this.found.length) this.leaf(-1);
  }

  leaf(by) {
    if (!this.found.length) return;
    this.found[this.at]?.classList.remove("is-current");
    this.at = (this.at + by + this.found.length) % this.found.length;
    this.found[this.at].classList.add("is-current");
    this.setFollow(false);
    this.found[this.at].scrollIntoView({ block: "center" });
    document.getElementById("log-found").textContent = `${this.at + 1}/${this.found.length}`;
  }
}

function gap(bytes) {
  const row = document.createElement("li");
  row.className = "gap";
  row.textContent = `… ${bytes.toLocaleString()} bytes were left out: the output outgrew its limit …`;
  return row;
}

function styled(piece) {
  const classes = [];
  for (const name of ["bold", "faint", "italic", "underline"]) if (piece[name]) classes.push(`a-${name}`);
  for (const ground of ["fg", "bg"]) {
    const colour = piece[ground];
    if (colour && colour.class_name !== "truecolor") classes.push(`${colour.class_name}-${ground}`);
  }
  if (!classes.length) return document.createTextNode(piece.text);
  const span = document.createElement("span");
  span.className = classes.join(" ");
  span.textContent = piece.text;
  return span;
}
