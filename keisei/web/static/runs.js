// The list of runs.

import { el, show } from "./dom.js";
import { duration, moment, rating, short } from "./format.js";
import { ask, listen } from "./server.js";

const NUMBERS = ["Rating (Elo)", "Plies", "Plies a second", "Time left"];

export async function open(place) {
  const list = new RunList();
  list.draw(await ask("/api/runs"));
  show(place, list.parts());
  listen([], { runs: (runs) => list.draw(runs) });
}

class RunList {
  constructor() {
    this.rows = new Map();
    this.body = el("tbody");
    this.empty = el("p", {}, "There is no run in this folder yet: keisei-vec train begins one.");
    this.button = el("button", { type: "button", disabled: true, onclick: () => this.compare() }, "Lay over each other");
  }

  parts() {
    return [
      el("h1", {}, "Runs"),
      this.empty,
      el("div", { class: "row" }, this.button, el("span", { class: "soft small" }, "Tick two runs or more to see them in the same charts.")),
      el("div", { class: "scroll" }, el("table", { class: "cards" }, el("thead", {}, head()), this.body)),
    ];
  }

  get chosen() {
    return [...this.rows.values()].filter((row) => row.box.checked).map((row) => row.name).sort();
  }

  /** Show the runs. Rows that stand stay where they are, with the focus and the press of a button on them. */
  draw(runs) {
    this.empty.hidden = runs.length > 0;
    const before = this.rows;
    this.rows = new Map(runs.map((run) => [run.run, before.get(run.run) ?? new Row(run.run, () => this.count())]));
    for (const [name, row] of before) if (!this.rows.has(name)) row.element.remove();
    const focused = document.activeElement;
    runs.forEach((run, place) => {
      const row = this.rows.get(run.run);
      row.set(run);
      const stands = this.body.children[place] ?? null;
      if (stands !== row.element) this.body.insertBefore(row.element, stands);
    });
    if (this.body.contains(focused)) focused.focus({ preventScroll: true });
    this.count();
  }

  count() {
    this.button.disabled = this.chosen.length < 2;
  }

  compare() {
    location.href = address(this.chosen, "/compare");
  }
}

class Row {
  constructor(name, onChoice) {
    this.name = name;
    this.box = el("input", { type: "checkbox", "aria-label": `choose ${name}`, onchange: onChoice });
    this.problems = el("div", { class: "problem small" });
    this.state = el("td");
    this.numbers = NUMBERS.map((number) => el("td", { class: "number", "data-name": number }));
    this.written = el("td", { class: "soft small", "data-name": "Last written" });
    const link = el("a", { href: address([name], "/run") }, name);
    this.element = el("tr", { "data-run": name }, el("td", {}, this.box), el("td", {}, link, this.problems), this.state, this.numbers, this.written);
  }

  set(run) {
    const told = JSON.stringify(run);
    if (told === this.told) return;
    this.told = told;
    const isRunning = run.state === "running";
    const share = run.total ? ` of ${short(run.total)}` : "";
    const numbers = [rating(run.rating, null, null), short(run.step) + share, isRunning ? short(run.sps) : "–", isRunning ? duration(run.eta) : "–"];
    show(this.problems, run.problems.map((problem) => el("div", {}, problem)));
    show(this.state, stateOf(run));
    this.numbers.forEach((cell, place) => { cell.textContent = numbers[place]; });
    this.written.textContent = moment(run.changed);
  }
}

function head() {
  return el(
    "tr",
    {},
    el("th", {}, el("span", { class: "soft", "aria-label": "chosen" }, "✓")),
    el("th", {}, "Run"),
    el("th", {}, "State"),
    NUMBERS.map((name) => el("th", { class: "number" }, name)),
    el("th", {}, "Last written"),
  );
}

/** The state of a run in a word, and with what it stopped. */
export function stateOf(run) {
  return el("span", { class: `state ${run.state}` }, run.state, run.why ? ` (${run.why})` : "");
}

/** The address of a page about runs. */
export function address(runs, page) {
  return `${page}?${new URLSearchParams(runs.map((run) => ["run", run]))}`;
}
