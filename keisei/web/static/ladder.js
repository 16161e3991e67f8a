// Results of ladders: a picture and a table of each.

import { el, show, svg } from "./dom.js";
import { ask } from "./server.js";

const [LEFT, ROW, TOP] = [150, 26, 26];

export async function open(place) {
  const ladders = await ask("/api/ladders");
  show(
    place,
    el("h1", {}, "Ladder"),
    el("p", { class: "soft" }, "Elo over the random player, with 95% intervals. keisei-vec eval PLAYER --ladder --out DIR writes one into a folder here."),
    ladders.length ? ladders.map(section) : el("p", {}, "There is no ladder.json in this folder yet."),
  );
}

function section(ladder) {
  if (ladder.problem) return el("section", {}, el("h2", {}, ladder.name), el("p", { class: "problem" }, ladder.problem));
  const ratings = ladder.ratings.filter((each) => typeof each?.elo === "number").sort((one, other) => other.elo - one.elo);
  const place = el("div");
  new ResizeObserver(() => show(place, picture(ratings, Math.max(300, place.clientWidth)))).observe(place);
  return el("section", {}, el("h2", {}, ladder.name), place, el("div", { class: "scroll" }, table(ratings)));
}

function picture(ratings, width) {
  const ends = ratings.flatMap((each) => [each.low, each.high, each.elo]).filter(Number.isFinite);
  const low = 500 * Math.floor(Math.min(...ends) / 500);
  const high = Math.max(low + 500, 500 * Math.ceil(Math.max(...ends) / 500));
  const x = (elo) => LEFT + ((width - LEFT - 30) * (elo - low)) / (high - low);
  const bottom = TOP + ROW * ratings.length;
  const step = width < 700 ? 1000 : 500;
  const ticks = [];
  for (let tick = low; tick <= high; tick += step) {
    ticks.push(svg("path", { d: `M${x(tick)} ${TOP - 8}V${bottom}`, stroke: "var(--line)" }));
    ticks.push(svg("text", { x: x(tick), y: bottom + 16, "text-anchor": "middle", fill: "var(--soft)", "font-size": 12 }, tick));
  }
  const rows = ratings.map((each, row) => {
    const y = TOP + ROW * (row + 0.5);
    return svg(
      "g",
      {},
      svg("text", { x: LEFT - 12, y: y + 4, "text-anchor": "end", fill: "var(--ink)", "font-size": 13 }, shortName(each.name)),
      svg("path", { d: `M${x(each.low)} ${y}H${x(each.high)}`, stroke: "var(--c0)", "stroke-width": 2 }),
      svg("circle", { cx: x(each.elo), cy: y, r: 4.5, fill: "var(--c0)" }),
    );
  });
  return svg("svg", { width, height: bottom + 26, viewBox: `0 0 ${width} ${bottom + 26}`, role: "img", "aria-label": "ratings" }, ticks, rows);
}

function shortName(name) {
  return name.length > 20 ? `…${name.slice(-19)}` : name;
}

function table(ratings) {
  const rows = ratings.map((each) => {
    const sign = each.is_bounded === false ? (each.elo > 0 ? "≥ " : "≤ ") : "";
    const interval = each.low < each.high ? `${Math.round(each.low)} to ${Math.round(each.high)}` : "";
    const cells = [sign + Math.round(each.elo), interval, each.games ?? ""];
    return el("tr", {}, el("td", {}, each.name), cells.map((cell) => el("td", { class: "number" }, cell)));
  });
  const head = ["Elo", "95% interval", "Games"].map((name) => el("th", { class: "number" }, name));
  return el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Player"), head)), el("tbody", {}, rows));
}
