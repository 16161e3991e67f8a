// Charts: lines with bands, and shares in a pile. They are drawn when they come into sight, in the
// size that they have there, and tell their values where the pointer is.

import { el, show, svg } from "./dom.js";
import { short } from "./format.js";

const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [190, 46, 10, 8, 22];
const COLOURS = 7;
/** A line of more points is shown by its mean, the points themselves faintly behind. */
const NOISY = 200;
const DASHES = ["", "6 3", "2 3", "8 3 2 3"];

/** A colour by its number; after the last one they come again, with other strokes. */
export function colour(number) {
  return `var(--c${number % COLOURS})`;
}

function dash(number) {
  return DASHES[Math.floor(number / COLOURS) % DASHES.length];
}

/**
 * A chart that is drawn anew with `set`.
 *
 * Its data: `xLabel` in words, `formatX`, and `lines`, each with name, colour number, x, y and,
 * where there is a band, low and high; `plain` is never smoothed, `dots` has no line; `range`, if
 * the heights have ends of their own. A chart of shares is `piled`, its lines lie on each other.
 */
export class Chart {
  constructor({ title, sentence = "", piled = false, format = short }) {
    this.piled = piled;
    this.format = format;
    this.data = { lines: [], xLabel: "", formatX: short };
    this.cursor = null;
    this.isSeen = false;
    this.picture = svg("svg", { role: "img", "aria-label": title });
    this.legend = el("div", { class: "legend" });
    this.element = el(
      "figure",
      { class: "chart" },
      el("h3", {}, title),
      sentence ? el("p", {}, sentence) : null,
      this.picture,
      this.legend,
    );
    this.picture.addEventListener("pointermove", (event) => this.point(event));
    this.picture.addEventListener("pointerleave", () => this.point(null));
    new ResizeObserver(() => this.draw()).observe(this.picture);
    new IntersectionObserver((entries) => {
      this.isSeen = entries.at(-1).isIntersecting;
      this.draw();
    }, { rootMargin: "200px" }).observe(this.picture);
  }

  set(data) {
    this.data = data;
    this.isDrawn = false;
    this.draw();
  }

  draw() {
    const width = this.picture.clientWidth;
    if (!this.isSeen || !width || (this.isDrawn && this.width === width)) return;
    [this.isDrawn, this.width] = [true, width];
    const lines = this.piled ? pile(this.data.lines) : this.data.lines;
    this.scale = scaleOf(lines, width, this.piled ? [0, 1] : this.data.range);
    show(
      this.picture,
      grid(this.scale, this.format, this.data),
      lines.map((line) => drawn(line, this.scale, this.piled)),
      (this.mark = svg("path", { class: "cursor" })),
    );
    this.tell();
  }

  point(event) {
    if (!this.scale) return;
    const inside = event && event.offsetX >= LEFT && event.offsetX <= this.width - RIGHT;
    this.cursor = inside ? this.scale.xAt(event.offsetX) : null;
    this.tell();
  }

  tell() {
    const { lines, formatX, xLabel } = this.data;
    const isAsked = this.cursor !== null;
    this.mark?.setAttribute("d", isAsked ? `M${this.scale.x(this.cursor)} ${TOP}V${HEIGHT - BOTTOM}` : "");
    const items = lines.map((line) => {
      const row = isAsked ? nearest(line.x, this.cursor, line.y) : lastOf(line.y);
      return el("span", {}, sample(line, this.piled), `${line.name ? `${line.name} ` : ""}${row < 0 ? "–" : this.format(line.y[row])}`);
    });
    const at = isAsked ? el("span", { class: "soft" }, `at ${formatX(this.cursor)} ${xLabel}`) : null;
    show(this.legend, items, at);
  }
}

function sample(line, piled) {
  const look = piled
    ? svg("rect", { width: 18, height: 10, fill: colour(line.colour) })
    : svg("path", { d: "M0 5H18", stroke: colour(line.colour), "stroke-width": 2.5, "stroke-dasharray": dash(line.colour) });
  return svg("svg", { viewBox: "0 0 18 10", "aria-hidden": "true" }, look);
}

function isNumber(number) {
  return number !== null && number !== undefined;
}

function lastOf(column) {
  return column.findLastIndex(isNumber);
}

/** The row whose x is nearest to a place, among those that have a value. */
function nearest(x, place, y) {
  let best = -1;
  for (let row = 0; row < x.length; row += 1) {
    if (isNumber(y[row]) && (best < 0 || Math.abs(x[row] - place) < Math.abs(x[best] - place))) best = row;
  }
  return best;
}

/** Each line as the band between what lies below it and that with itself on top. */
function pile(lines) {
  const below = lines[0]?.x.map(() => 0) ?? [];
  return lines.map((line) => {
    const low = [...below];
    line.y.forEach((share, row) => { below[row] += share ?? 0; });
    return { ...line, low, high: [...below] };
  });
}

function scaleOf(lines, width, range) {
  const finite = (columns) => columns.flat().filter(isNumber);
  const [left, right] = ends(finite(lines.map((line) => line.x)), 0, 1);
  const values = finite(lines.flatMap((line) => [line.y, line.low ?? [], line.high ?? []]));
  const [low, high] = range ?? ends(values, 0, 1);
  const room = range ? 0 : 0.06 * (high - low);
  const [bottom, top] = [low - room, high + room];
  const x = (place) => LEFT + ((width - LEFT - RIGHT) * (place - left)) / (right - left);
  const y = (height) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * (height - bottom)) / (top - bottom);
  const xAt = (pixel) => left + ((pixel - LEFT) * (right - left)) / (width - LEFT - RIGHT);
  return { x, y, xAt, left, right, low: bottom, high: top, width };
}

function ends(numbers, low, high) {
  if (!numbers.length) return [low, high];
  let [least, most] = [Infinity, -Infinity];
  for (const number of numbers) {
    if (number < least) least = number;
    if (number > most) most = number;
  }
  if (least !== most) return [least, most];
  const room = Math.abs(least) * 0.1 || 1;
  return [least - room, most + room];
}

/** Round numbers within two ends, about so many. */
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((each) => power * each >= rough);
  // Counted: a step may be too small to change the numbers that it is added to.
  const first = Math.ceil(low / step);
  const found = [...Array(2 * count).keys()].map((each) => (first + each) * step).filter((tick) => tick <= high + step * 1e-9);
  return [...new Set(found.map((tick) => +tick.toPrecision(12)))];
}

function grid(scale, format, { xLabel, formatX }) {
  const marks = ticks(scale.low, scale.high, 4).map((tick) => [
    svg("path", { class: "grid", d: `M${LEFT} ${scale.y(tick)}H${scale.width - RIGHT}` }),
    svg("text", { x: LEFT - 6, y: scale.y(tick) + 4, "text-anchor": "end" }, format(tick)),
  ]);
  const places = ticks(scale.left, scale.right, scale.width < 340 ? 3 : 5);
  const feet = places.map((tick) => svg("text", { x: scale.x(tick), y: HEIGHT - 6, "text-anchor": anchor(scale, tick) }, formatX(tick)));
  return [...marks.flat(), ...feet, svg("title", {}, xLabel)];
}

function anchor(scale, tick) {
  if (scale.x(tick) > scale.width - RIGHT - 14) return "end";
  return scale.x(tick) < LEFT + 8 ? "start" : "middle";
}

function drawn(line, scale, piled) {
  const group = svg("g", {});
  if (line.low) {
    const opacity = piled ? 0.85 : 0.2;
    group.append(svg("path", { d: band(line, scale), fill: colour(line.colour), "fill-opacity": opacity }));
  }
  if (piled) return group;
  const points = line.y.filter(isNumber).length;
  const stroke = { stroke: colour(line.colour), fill: "none", "stroke-linejoin": "round" };
  const isNoisy = points > NOISY && !line.low && !line.plain;
  if (isNoisy) group.append(svg("path", { d: path(line.x, line.y, scale), ...stroke, "stroke-width": 1, "stroke-opacity": 0.25 }));
  const heights = isNoisy ? smooth(line.y) : line.y;
  if (!line.dots) group.append(svg("path", { d: path(line.x, heights, scale), ...stroke, "stroke-width": 1.8, "stroke-dasharray": dash(line.colour) }));
  if (points < 40 || line.dots) {
    line.y.forEach((height, row) => {
      if (isNumber(height)) group.append(svg("circle", { cx: scale.x(line.x[row]), cy: scale.y(height), r: line.dots ? 4.5 : 2.2, fill: colour(line.colour) }));
    });
  }
  return group;
}

/** Means over a window of a fortieth of the rows. */
function smooth(y) {
  const half = Math.ceil(y.length / 80);
  const [sums, counts] = [[0], [0]];
  y.forEach((height, row) => {
    sums.push(sums[row] + (height ?? 0));
    counts.push(counts[row] + (isNumber(height) ? 1 : 0));
  });
  return y.map((height, row) => {
    if (!isNumber(height)) return null;
    const [begin, end] = [Math.max(0, row - half), Math.min(y.length, row + half + 1)];
    return (sums[end] - sums[begin]) / (counts[end] - counts[begin]);
  });
}

function path(x, y, scale) {
  let text = "";
  for (let row = 0; row < x.length; row += 1) {
    if (isNumber(y[row]) && isNumber(x[row])) text += `${text ? "L" : "M"}${scale.x(x[row]).toFixed(1)} ${scale.y(y[row]).toFixed(1)}`;
  }
  return text;
}

function band({ x, low, high }, scale) {
  const rows = x.map((_, row) => row).filter((row) => isNumber(low[row]) && isNumber(high[row]));
  const point = (row, column) => `${scale.x(x[row]).toFixed(1)} ${scale.y(column[row]).toFixed(1)}`;
  if (!rows.length) return "";
  const upper = rows.map((row) => point(row, high)).join("L");
  const lower = rows.reverse().map((row) => point(row, low)).join("L");
  return `M${upper}L${lower}Z`;
}
