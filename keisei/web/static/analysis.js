// A game as a player sees it: its values, what the player would have chosen, the worst moves.

import { BoardView } from "./board.js";
import { Chart } from "./chart.js";
import { el, show } from "./dom.js";
import { openButton, saveButtons } from "./files.js";
import { percent, value } from "./format.js";
import { GETTING_READY, Game } from "./game.js";
import { Notice } from "./notice.js";
import { Opponent } from "./opponent.js";
import { BLACK, WHITE } from "./sfen.js";
import { send } from "./server.js";
import { Thoughts } from "./thoughts.js";

const AT_ONCE = 8;
/** How much of the value a move has lost that is marked so. */
const MARKS = [[0.6, "??"], [0.3, "?"]];

export async function open(place) {
  document.title = "Analysis – Keisei";
  const page = new AnalysisPage();
  await page.opponent.load();
  show(place, page.parts());
  page.game.recall();
  await page.notice.guard(() => page.take());
}

class AnalysisPage {
  constructor() {
    this.game = new Game();
    this.opponent = new Opponent(200);
    this.board = new BoardView();
    this.thoughts = new Thoughts();
    this.chart = new Chart({ title: "Value for Black", sentence: "From −1, White wins, to +1, Black wins; over the moves of the game.", format: value });
    this.status = el("p", { class: "status", role: "status" }, GETTING_READY);
    this.notice = new Notice();
    this.rows = el("tbody");
    this.opinions = [];
    this.ply = 0;
    addEventListener("keydown", (event) => this.key(event));
  }

  parts() {
    this.begins = el("button", { type: "button", id: "analyse", onclick: () => this.notice.guard(() => this.analyse()) }, "Analyse");
    const step = (words, label, to) => el("button", { type: "button", "aria-label": label, onclick: () => this.look(to()) }, words);
    const steps = [
      step("|◀", "first position", () => 0),
      step("◀", "one move back", () => this.ply - 1),
      step("▶", "one move on", () => this.ply + 1),
      step("▶|", "last position", () => this.game.moves.length),
      el("button", { type: "button", onclick: () => this.flip() }, "Flip"),
    ];
    const head = [["#", "number"], ["Move"], ["Value", "number"], ["Chosen with", "number"], ["It would have chosen"]];
    return [
      el("h1", {}, "Analysis"),
      el("div", { class: "row" }, openButton((text) => this.openText(text)), el("span", { class: "soft" }, "Save"), saveButtons(this.game, this.notice)),
      el("div", { class: "fields" }, this.opponent.fields().slice(0, 3), this.begins),
      this.notice.element,
      el(
        "div",
        { class: "play" },
        el("div", { class: "play-board" }, this.board.element, el("div", { class: "row" }, steps)),
        el(
          "div",
          { class: "play-side" },
          this.status,
          this.thoughts.element,
          this.chart.element,
          el("div", { class: "scroll game-table" }, el("table", {}, el("thead", {}, el("tr", {}, head.map(([name, kind]) => el("th", { class: kind }, name)))), this.rows)),
        ),
      ),
    ];
  }

  async openText(text) {
    await this.game.open(text);
    await this.notice.guard(() => this.take());
  }

  /** Show a game of which nothing is known yet. */
  async take() {
    this.work?.abort();
    this.opinions = [];
    await this.game.look({ positions: true });
    this.first = this.game.start.split(" ")[1] === "w" ? WHITE : BLACK;
    this.look(this.game.moves.length);
    this.draw();
  }

  /** Ask for opinions of all positions, some at a time. */
  async analyse() {
    this.work?.abort();
    const { signal } = (this.work = new AbortController());
    this.opinions = [];
    const last = this.game.moves.length - (this.game.isOver ? 1 : 0);
    for (let begin = 0; begin <= last; begin += AT_ONCE) {
      const plies = [...Array(Math.min(AT_ONCE, last + 1 - begin)).keys()].map((each) => begin + each);
      this.status.textContent = `${begin} of ${last + 1} positions are judged.`;
      const found = await send("/api/judge", { ...this.game.asked, plies, player: this.opponent.asked }, signal);
      this.opinions.push(...found);
      this.draw();
    }
    this.look(this.ply);
  }

  turnAt(ply) {
    return (this.first + ply) % 2;
  }

  /** The value for Black after so many moves; null where it is not known. */
  valueAt(ply) {
    const opinion = this.opinions[ply];
    if (opinion) return this.turnAt(ply) === BLACK ? opinion.value : -opinion.value;
    const { end } = this.game.state;
    if (ply !== this.game.moves.length || !end || !this.opinions.length) return null;
    return end.winner === null ? 0 : end.winner === BLACK ? 1 : -1;
  }

  /** How much the move after a position has lost to who made it, and its mark. */
  lossAt(ply) {
    const [before, after] = [this.valueAt(ply), this.valueAt(ply + 1)];
    const isChosen = this.opinions[ply]?.candidates[0]?.move === this.game.moves[ply];
    if (before === null || after === null || isChosen) return [0, ""];
    const loss = this.turnAt(ply) === BLACK ? before - after : after - before;
    return [loss, MARKS.find(([least]) => loss >= least)?.[1] ?? ""];
  }

  draw() {
    const { names } = this.game.state;
    show(this.rows, names.map((name, ply) => this.row(name, ply)));
    const plies = [...Array(this.game.moves.length + 1).keys()];
    const y = plies.map((ply) => this.valueAt(ply));
    const marked = plies.map((ply) => (ply && this.lossAt(ply - 1)[1] ? y[ply] : null));
    this.chart.set({
      xLabel: "moves",
      range: [-1, 1],
      formatX: (ply) => String(Math.round(ply)),
      lines: [{ name: "value", colour: 0, x: plies, y, plain: true }, { name: "worst moves", colour: 1, x: plies, y: marked, dots: true }],
    });
  }

  row(name, ply) {
    const opinion = this.opinions[ply];
    const [, mark] = this.lossAt(ply);
    const best = opinion?.candidates[0];
    const choice = !best || best.move === this.game.moves[ply] ? "" : best.name;
    const button = el("button", { type: "button", class: "link", lang: "ja", onclick: () => this.look(ply + 1) }, name, mark ? el("b", { class: "problem" }, ` ${mark}`) : null);
    const cells = [value(this.valueAt(ply + 1)), percent(opinion?.played)];
    return el(
      "tr",
      { "data-ply": ply + 1, class: ply + 1 === this.ply ? "current" : null },
      el("td", { class: "number soft" }, ply + 1),
      el("td", {}, button),
      cells.map((cell) => el("td", { class: "number" }, cell)),
      el("td", { lang: "ja" }, choice),
    );
  }

  /** Show the position after so many moves. */
  look(ply) {
    const { state, moves } = this.game;
    if (!state) return;
    this.ply = Math.min(moves.length, Math.max(0, ply));
    this.board.draw(state.positions[this.ply], moves[this.ply - 1] ?? null);
    const end = this.ply === moves.length && state.end ? ` ${state.end.words}.` : "";
    this.status.textContent = `${this.ply ? `Move ${this.ply}: ${state.names[this.ply - 1]}.` : "First position."}${end}`;
    const opinion = this.opinions[this.ply];
    if (opinion) this.thoughts.set(opinion, this.turnAt(this.ply));
    else this.thoughts.clear();
    for (const row of this.rows.children) row.classList.toggle("current", Number(row.dataset.ply) === this.ply);
  }

  flip() {
    this.board.flipped = !this.board.flipped;
    this.look(this.ply);
  }

  key(event) {
    if (event.target.closest?.("input, textarea, select, dialog")) return;
    if (event.key === "ArrowLeft") this.look(this.ply - 1);
    if (event.key === "ArrowRight") this.look(this.ply + 1);
  }
}
