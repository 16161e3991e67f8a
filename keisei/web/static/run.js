// One run: where it stands, its charts, its games, its files.

import { boardView } from "./board.js";
import { el, show } from "./dom.js";
import { duration, moment, percent, rating, short, value } from "./format.js";
import { Numbers, chartsOf } from "./numbers.js";
import { stateOf } from "./runs.js";
import { ask, listen } from "./server.js";

export async function open(place, query) {
  const name = query.get("run") ?? "";
  document.title = `${name} – Keisei`;
  const [words, details, series] = await Promise.all([
    ask("/api/words"),
    ask("/api/run", { run: name }),
    ask("/api/series", { run: name }),
  ]);
  const page = new RunPage(name, words, details, series);
  show(place, page.parts());
  page.draw();
  listen([name], { moments: ([moment]) => page.follow(moment) });
}

class RunPage {
  constructor(name, words, details, series) {
    this.name = name;
    this.details = details;
    this.moment = details;
    this.run = { ...series, name };
    this.numbers = new Numbers(words);
    this.facts = el("div");
    this.games = el("section");
    this.problems = el("div");
    this.sections = el("div");
    this.notes = el("div");
    this.checkpoints = el("div");
    // Long ones are read with the keys.
    this.texts = ["Settings", "Environment", "Log"].map((title) => el("pre", { tabindex: 0, "aria-label": title }));
    this.isAsking = false;
    this.boards = [];
    this.titleOfGames = el("h2");
  }

  parts() {
    this.plan();
    this.tellMoment(this.details);
    this.showFiles();
    return [el("h1", {}, this.name), this.facts, this.problems, axisChoice(this.numbers, () => this.draw()), this.sections, this.notes, this.files()];
  }

  plan() {
    const plan = this.numbers.plan([this.run]);
    this.planned = JSON.stringify(plan);
    this.charts = chartsOf(plan, this.charts);
    const [first, ...others] = this.charts.sections;
    const wanted = [...(first ? [first] : []), this.games, ...others];
    // Moved only where there are others, so that the focus stays.
    if (wanted.some((part, place) => part !== this.sections.children[place])) show(this.sections, wanted);
  }

  draw() {
    for (const [each, chart] of this.charts.all) {
      chart.set({ lines: each.lines(this.run, "", 0, true), ...this.numbers.axisData() });
    }
  }

  async follow(moment) {
    this.moment = { ...this.moment, ...moment };
    this.tellMoment(this.moment);
    if (this.isAsking || moment.state === "gone") return;
    this.isAsking = true;
    try {
      await this.readOn();
    } finally {
      this.isAsking = false;
    }
  }

  async readOn() {
    if (!(await readOn(this.run))) return;
    if (JSON.stringify(this.numbers.plan([this.run])) !== this.planned) this.plan();
    this.draw();
    this.details = await ask("/api/run", { run: this.name });
    this.showFiles();
  }

  tellMoment(run) {
    const facts = [
      ["State", stateOf(run)],
      ["Plies", `${short(run.step)}${run.total ? ` of ${short(run.total)}` : ""}`],
      ["Rating (Elo)", rating(run.rating, run.rating_low, run.rating_high)],
      ["Score", percent(run.score)],
      ["Updates", run.updates ?? "–"],
      ["Plies a second", short(run.sps)],
      ["Time spent", duration(run.elapsed)],
      ["Time left", run.state === "running" ? duration(run.eta) : "–"],
    ];
    const share = run.total ? Math.min(1, run.step / run.total) : 0;
    show(
      this.facts,
      el("dl", { class: "facts" }, facts.map(([name, fact]) => el("div", {}, el("dt", {}, name), el("dd", {}, fact)))),
      el("progress", { max: 1, value: share, "aria-label": "share of the plies played" }),
    );
    show(this.problems, run.problems.map((problem) => el("p", { class: "problem" }, `${problem}.`)));
    this.showGames(run.games, run.state);
  }

  showGames(games, state) {
    this.titleOfGames.textContent = state === "running" ? "Games of this moment" : "Games as the run left them";
    if (games.length !== this.boards.length) {
      this.boards = games.map(() => boardView());
      const figures = this.boards.map((board) => (board.caption = el("figcaption")) && el("figure", {}, board.element, board.caption));
      show(this.games, games.length ? [this.titleOfGames, el("div", { class: "boards" }, figures)] : []);
    }
    games.forEach((game, place) => {
      const board = this.boards[place];
      board.draw(game.sfen, game.last);
      const told = game.value === null ? "" : ` · value for Black ${value(game.value)}`;
      board.caption.textContent = `${game.last ?? "start"}${told}`;
    });
  }

  showFiles() {
    const { settings, environment, log } = this.details;
    const spoilt = this.run.spoilt ? `${this.run.spoilt} lines of metrics.jsonl are no rows and are left out.` : "";
    const notes = [spoilt, this.run.problem].filter(Boolean).map((note) => el("p", { class: "problem" }, note));
    show(this.notes, notes);
    const texts = [settings ?? "config.toml cannot be read.", environment ?? "environment.json cannot be read.", log || "train.log is empty or cannot be read."];
    // What stays as it was keeps the focus, the place that is read and what is marked there.
    this.texts.forEach((place, each) => { if (place.textContent !== texts[each]) place.textContent = texts[each]; });
    const made = table(this.details, this.run);
    if (this.checkpoints.innerHTML !== made.outerHTML) show(this.checkpoints, made);
  }

  files() {
    const fold = (title, part, open) => el("details", { open }, el("summary", {}, el("h2", {}, title)), part);
    return [fold("Checkpoints and their matches", this.checkpoints, true), ...this.texts.map((text) => fold(text.getAttribute("aria-label"), text, false))];
  }
}

/** Read on in the numbers of a run; whether there are others than before. */
export async function readOn(run) {
  const news = await ask("/api/series", { run: run.name, from: run.lines });
  if (news.generation !== run.generation) Object.assign(run, await ask("/api/series", { run: run.name }));
  else if (news.lines > run.lines) append(run, news);
  else return false;
  return true;
}

/** Add later rows to those that are there; columns that one of them lacks are filled up. */
function append(run, news) {
  const [before, after] = [run.columns.step?.length ?? 0, news.columns.step?.length ?? 0];
  for (const key of new Set([...Object.keys(run.columns), ...Object.keys(news.columns)])) {
    const old = run.columns[key] ?? Array(before).fill(null);
    run.columns[key] = old.concat(news.columns[key] ?? Array(after).fill(null));
  }
  run.lines = news.lines;
  run.spoilt = news.spoilt;
}

/** The choice of what lies on the horizontal axis. */
export function axisChoice(numbers, draw) {
  const axes = [["step", "over plies"], ["minutes", "over minutes"]];
  const buttons = axes.map(([axis, name]) => el("button", { type: "button", "aria-pressed": String(numbers.axis === axis) }, name));
  buttons.forEach((button, place) =>
    button.addEventListener("click", () => {
      [numbers.axis] = axes[place];
      buttons.forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
      draw();
    }),
  );
  return el("div", { class: "row", role: "group", "aria-label": "horizontal axis" }, el("span", { class: "soft" }, "Charts"), buttons);
}

function table(details, run) {
  const { checkpoints } = details;
  if (!checkpoints.length) return el("p", {}, "There are none.");
  const steps = run.columns.step ?? [];
  const row = (each) => {
    const at = each.step === null ? -1 : steps.indexOf(each.step);
    const column = (key) => (at < 0 ? null : (run.columns[key]?.[at] ?? null));
    const cells = [
      each.step !== null ? short(each.step) : each.name === "policy.safetensors" ? "the newest" : "–",
      rating(column("eval/rating"), column("eval/rating_low"), column("eval/rating_high")),
      percent(column("eval/score")),
      `${(each.bytes / 1e6).toFixed(1)} MB`,
    ];
    const play = `/play?${new URLSearchParams({ run: details.run, name: each.name })}`;
    return el("tr", {}, el("td", {}, each.name, " ", el("a", { class: "small", href: play }, "play")), cells.map((cell) => el("td", { class: "number" }, cell)), el("td", { class: "soft small" }, moment(each.written)));
  };
  const head = ["Plies", "Rating", "Score", "Size"].map((name) => el("th", { class: "number" }, name));
  return el(
    "div",
    { class: "scroll" },
    el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "File"), head, el("th", {}, "Written"))), el("tbody", {}, checkpoints.map(row))),
  );
}
