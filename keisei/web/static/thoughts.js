// What a player thinks of a position: a bar for the value, and the moves that it would choose.

import { el, show } from "./dom.js";
import { percent, value } from "./format.js";
import { BLACK } from "./sfen.js";

/** A bar from White's win to Black's, and a table of moves. */
export class Thoughts {
  constructor() {
    this.bar = el("div", { class: "value-bar", role: "meter", "aria-valuemin": -1, "aria-valuemax": 1, "aria-label": "value for Black" }, el("i"));
    this.words = el("p", { class: "soft small" });
    this.table = el("div", { class: "scroll" });
    this.element = el("section", { class: "thoughts" }, this.bar, this.words, this.table);
  }

  clear(sentence = "") {
    this.tell(0);
    this.words.textContent = sentence;
    show(this.table);
  }

  /** Show an opinion of a position in which a colour is to move. */
  set(opinion, turn) {
    const forBlack = turn === BLACK ? opinion.value : -opinion.value;
    this.tell(forBlack);
    this.words.textContent = `Value for Black ${value(forBlack)}: from −1, White wins, to +1, Black wins.`;
    show(this.table, candidates(opinion, turn));
  }

  tell(forBlack) {
    this.bar.firstChild.style.width = `${50 + 50 * forBlack}%`;
    this.bar.setAttribute("aria-valuenow", forBlack.toFixed(2));
  }
}

/** The moves that a player would choose, as a table. */
export function candidates(opinion, turn) {
  const searched = opinion.candidates.some((each) => each.visits !== null);
  const head = [["Move"], ["Probability", "number"], ...(searched ? [["Visits", "number"], ["Value", "number"]] : [])];
  const rows = opinion.candidates.map((each) => {
    const forBlack = each.value === null ? null : turn === BLACK ? each.value : -each.value;
    const more = searched ? [each.visits ?? "–", value(forBlack)].map((cell) => el("td", { class: "number" }, cell)) : [];
    const first = el("tr", { "data-move": each.move }, el("td", { lang: "ja", class: "name" }, each.name), el("td", { class: "number" }, percent(each.probability)), more);
    const line = each.line.slice(1).join(" ");
    return line ? [first, el("tr", { class: "line" }, el("td", { class: "small soft", lang: "ja", colspan: 4 }, line))] : [first];
  });
  return el("table", {}, el("thead", {}, el("tr", {}, head.map(([name, kind]) => el("th", { class: kind }, name)))), el("tbody", {}, rows));
}
