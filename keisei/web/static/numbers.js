// The numbers of runs as charts: which belong together, and what keisei/web/metrics.md says of them.

import { Chart } from "./chart.js";
import { el, show } from "./dom.js";
import { duration, percent, short } from "./format.js";

const ENDS = [
  ["share_checkmate", "mate (詰み)"],
  ["share_stalemate", "no move left"],
  ["share_sennichite", "repetition (千日手)"],
  ["share_perpetual_check", "perpetual check (連続王手の千日手)"],
  ["share_declaration", "declaration (入玉宣言)"],
  ["share_max_plies", "cut off at the ply cap"],
].map(([key, name]) => [`games/${key}`, name]);
const PARTS = [
  ["time/env", "environment"],
  ["time/act", "choosing moves"],
  ["time/store", "storing"],
  ["time/learn", "learning"],
  ["time/other", "other"],
];
const BANDS = /_(low|high)$/;
const OPPONENT = /^eval\/(.+)_(score|score_low|score_high|score_black|score_white|games|wins|draws|losses|mean_plies)$/;

/** What the charts of some runs are made of, kept up as their rows grow. */
export class Numbers {
  constructor(words) {
    this.groups = words;
    this.meanings = new Map(words.flatMap((group) => group.numbers.map((each) => [each.key, each])));
    this.axis = "step";
  }

  /** Rows as columns, by key; an empty one for a key that no row has. */
  static column(run, key) {
    return run.columns[key] ?? run.columns.step?.map(() => null) ?? [];
  }

  x(run) {
    if (this.axis === "step") return Numbers.column(run, "step");
    return Numbers.column(run, "time/elapsed").map((seconds) => (seconds === null ? null : seconds / 60));
  }

  axisData() {
    return this.axis === "step"
      ? { xLabel: "plies", formatX: short }
      : { xLabel: "minutes", formatX: (minutes) => (minutes < 10 ? short(minutes) : duration(60 * minutes)) };
  }

  meaning(key) {
    const known = this.meanings.get(key);
    if (known) return known;
    const parts = OPPONENT.exec(key);
    const like = parts && this.meanings.get(`eval/random_${parts[2]}`);
    if (!like) return { key, meaning: "", hint: "" };
    return { key, meaning: like.meaning.replace("the random player", parts[1].replaceAll("_", " ")), hint: like.hint };
  }

  /** All keys of some runs that stand for a line of a chart, in the order of the page of metrics. */
  keys(runs) {
    const seen = new Set(runs.flatMap((run) => Object.keys(run.columns)));
    const ordered = [...this.meanings.keys()].filter((key) => seen.has(key));
    const rest = [...seen].filter((key) => !this.meanings.has(key)).sort();
    return [...ordered, ...rest].filter((key) => key !== "step" && !BANDS.test(key));
  }

  line(run, key, name, number) {
    const line = { name, colour: number, x: this.x(run), y: Numbers.column(run, key) };
    if (!run.columns[`${key}_low`]) return line;
    return { ...line, low: Numbers.column(run, `${key}_low`), high: Numbers.column(run, `${key}_high`) };
  }

  /** The description of each chart that some runs give, in groups. */
  plan(runs) {
    const keys = this.keys(runs);
    const scores = keys.filter((key) => OPPONENT.exec(key)?.[2] === "score");
    const strength = keys.includes("eval/rating") ? [this.single("eval/rating", "Rating (Elo over the random player)")] : [];
    if (scores.length) strength.push(this.scores(scores));
    const piles = [this.pile("How games end", ENDS), this.pile("Where the time goes", PARTS)];
    const first = [{ title: "Strength", charts: strength }, { title: "Games and time", charts: piles }];
    const used = new Set(["eval/rating", ...scores, ...ENDS.map(([key]) => key), ...PARTS.map(([key]) => key)]);
    const groups = this.groups.map((group) => ({
      title: group.title,
      charts: keys.filter((key) => !used.has(key) && this.groupOf(key) === group).map((key) => this.single(key, key)),
    }));
    const [run, ...others] = groups;
    return [...first, ...others, run].filter((group) => group.charts.length);
  }

  groupOf(key) {
    const prefix = key.split("/")[0];
    return this.groups.find((group) => group.numbers.some((each) => each.key === key)) ?? this.groups.find((group) => group.numbers.some((each) => each.key.split("/")[0] === prefix));
  }

  single(key, title) {
    const { meaning, hint } = this.meaning(key);
    const sentence = hint ? `${ended(meaning)} Look for: ${ended(hint)}` : ended(meaning);
    return { id: key, title, sentence, lines: (run, name, number) => [this.line(run, key, name, number)] };
  }

  scores(keys) {
    const name = (key) => OPPONENT.exec(key)[1].replaceAll("_", " ");
    return {
      id: "scores",
      title: "Score against each opponent",
      sentence: "A score is (wins + half of the draws) / games, with its 95% interval.",
      format: percent,
      byLine: true,
      lines: (run, label, number, alone) =>
        keys.map((key, place) => this.line(run, key, alone ? name(key) : `${label}: ${name(key)}`, alone ? place : number + 7 * place)),
    };
  }

  pile(title, parts) {
    return {
      id: title,
      title,
      sentence: title === "How games end" ? "Shares of the games that ended in each window." : "Shares of each window's seconds.",
      piled: true,
      format: percent,
      lines: (run) => shares(parts.map(([key, name], place) => ({ name, colour: place, x: this.x(run), y: Numbers.column(run, key) }))),
    };
  }
}

function ended(sentence) {
  return !sentence || sentence.endsWith(".") ? sentence : `${sentence}.`;
}

/** The same lines as shares of their sum, with rows in which nothing happened left out. */
function shares(lines) {
  const kept = (lines[0]?.x ?? []).map((_, row) => row).filter((row) => lines.some((line) => line.y[row]));
  const sums = kept.map((row) => lines.reduce((sum, line) => sum + (line.y[row] ?? 0), 0));
  return lines.map((line) => ({
    ...line,
    x: kept.map((row) => line.x[row]),
    y: kept.map((row, place) => (line.y[row] ?? 0) / sums[place]),
  }));
}

/** The charts of a plan, on the page. Those of `before` stay as they are where they are still wanted. */
export function chartsOf(plan, before = { all: [], sections: [] }) {
  const known = new Map(before.all.map(([each, chart]) => [each.id, chart]));
  const standing = new Map(before.sections.map((section) => [section.dataset.title, section]));
  const all = [];
  const sections = plan.map((group, place) => {
    const charts = group.charts.map((each) => {
      const chart = known.get(each.id) ?? new Chart(each);
      all.push([each, chart]);
      return chart.element;
    });
    const section = standing.get(group.title) ?? el("details", { open: place < 3, "data-title": group.title }, el("summary", {}, el("h2", {}, group.title)), el("div", { class: "charts" }));
    show(section.lastChild, charts);
    return section;
  });
  return { all, sections };
}
