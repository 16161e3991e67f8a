// Several runs laid over each other; those that differ in their seed alone, as one band.

import { el, show } from "./dom.js";
import { Numbers, chartsOf } from "./numbers.js";
import { axisChoice, readOn } from "./run.js";
import { address, stateOf } from "./runs.js";
import { ask, listen } from "./server.js";

const MOST = 8;
const POINTS = 200;
const OF_A_SEED = /^(seed|run_dir|torch_threads) = .*$/gm;

export async function open(place, query) {
  const asked = [...new Set(query.getAll("run"))];
  document.title = "Runs compared – Keisei";
  const problems = asked.length > MOST ? [`The first ${MOST} of ${asked.length} runs are shown.`] : [];
  const readOrTell = (name) => read(name).catch((error) => void problems.push(`${error.message}.`));
  const [words, ...runs] = await Promise.all([ask("/api/words"), ...asked.slice(0, MOST).map(readOrTell)]);
  const found = runs.filter(Boolean);
  const page = new ComparePage(words, found);
  show(place, page.parts(problems));
  page.draw();
  if (found.length) listen(found.map((run) => run.name), { moments: (moments) => page.follow(moments) });
}

async function read(name) {
  const [details, series] = await Promise.all([ask("/api/run", { run: name }), ask("/api/series", { run: name })]);
  return { ...series, name, details };
}

class ComparePage {
  constructor(words, runs) {
    this.runs = runs;
    this.numbers = new Numbers(words);
    this.banded = false;
    this.key = el("div", { class: "row legend" });
  }

  parts(problems) {
    ({ all: this.charts, sections: this.sections } = chartsOf(this.numbers.plan(this.runs).map(spread)));
    const groups = new Map(this.runs.map((run) => [settingOf(run), null]));
    const seeds = el("input", { type: "checkbox", id: "seeds", disabled: groups.size === this.runs.length });
    seeds.addEventListener("change", () => {
      this.banded = seeds.checked;
      this.draw();
    });
    return [
      el("h1", {}, "Runs laid over each other"),
      problems.map((problem) => el("p", { class: "problem" }, problem)),
      this.key,
      el("div", { class: "row" }, axisChoice(this.numbers, () => this.draw()), el("label", {}, seeds, " runs of one setting as a band from the lowest to the highest, with their mean")),
      this.sections,
    ];
  }

  draw() {
    const parties = this.parties();
    this.drawKey(parties);
    for (const [each, chart] of this.charts) {
      // The intervals of many matches would cover each other.
      const plain = (line) => (parties.length > 2 ? { ...line, low: undefined, high: undefined } : line);
      const lines = parties.flatMap(({ name, runs }, number) => joined(runs.map((run) => each.lines(run, name, number, false).map(plain))));
      chart.set({ lines, ...this.numbers.axisData() });
    }
  }

  drawKey(parties) {
    const names = parties.map(({ name, runs }, number) =>
      el("span", {}, el("b", { class: `c${number % 7}` }, "━"), runs.length === 1 ? el("a", { href: address([name], "/run") }, name) : name, runs.length === 1 ? stateOf(runs[0].details) : null),
    );
    // Links that are the same keep the focus.
    if (this.key.innerHTML !== names.map((each) => each.outerHTML).join("")) show(this.key, names);
  }

  /** What is drawn as one: each run, or all runs of a setting. */
  parties() {
    if (!this.banded) return this.runs.map((run) => ({ name: run.name, runs: [run] }));
    const groups = new Map();
    for (const run of this.runs) {
      const setting = settingOf(run);
      groups.set(setting, [...(groups.get(setting) ?? []), run]);
    }
    return [...groups.values()].map((runs) => ({ name: runs.map((run) => run.name).join(", "), runs }));
  }

  async follow(moments) {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      moments.forEach((moment, place) => Object.assign(this.runs[place].details, moment));
      this.drawKey(this.parties());
      const grown = await Promise.all(this.runs.filter((run) => run.details.state !== "gone").map(readOn));
      if (grown.some(Boolean)) this.draw();
    } finally {
      this.isAsking = false;
    }
  }
}

/** The settings of a run without its seed and folder. */
function settingOf(run) {
  return (run.details.settings ?? run.name).replace(OF_A_SEED, "");
}

/** A group of charts in which a pile becomes a chart for each of its parts. */
function spread(group) {
  const charts = group.charts.flatMap((each) => {
    if (each.piled) return parts(each);
    return [each];
  });
  return { ...group, charts };
}

function parts(pile) {
  const like = pile.lines({ columns: { step: [] } });
  return like.map(({ name }, place) => ({
    ...pile,
    title: `${pile.title}: ${name}`,
    piled: false,
    lines: (run, label, number) => [{ ...pile.lines(run)[place], name: label, colour: number }],
  }));
}

/** The lines of several runs as one each: the mean, between the lowest and the highest. */
function joined(linesOfRuns) {
  if (linesOfRuns.length === 1) return linesOfRuns[0];
  return linesOfRuns[0].map((first, place) => {
    const lines = linesOfRuns.map((lines) => lines[place]).filter(Boolean);
    const known = lines.map((line) => line.x.flatMap((x, row) => (x === null || line.y[row] === null || line.y[row] === undefined ? [] : [[x, line.y[row]]])));
    const ends = known.filter((points) => points.length).map((points) => [points[0][0], points.at(-1)[0]]);
    const low = Math.max(...ends.map(([begin]) => begin));
    const high = Math.min(...ends.map(([, end]) => end));
    if (!ends.length || low > high) return { ...first, x: [], y: [], low: undefined, high: undefined };
    const x = [...Array(POINTS).keys()].map((point) => low + ((high - low) * point) / (POINTS - 1));
    const rows = x.map((at) => known.filter((points) => points.length).map((points) => between(points, at)));
    return {
      ...first,
      x,
      y: rows.map((row) => row.reduce((sum, each) => sum + each, 0) / row.length),
      low: rows.map((row) => Math.min(...row)),
      high: rows.map((row) => Math.max(...row)),
    };
  });
}

/** The height of a line of points at a place within it. */
function between(points, at) {
  let [low, high] = [0, points.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= at) low = middle;
    else high = middle;
  }
  const [[x0, y0], [x1, y1]] = [points[low], points[high]];
  return x1 === x0 ? y0 : y0 + ((y1 - y0) * Math.min(1, Math.max(0, at - x0) / (x1 - x0)));
}

