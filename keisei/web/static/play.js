// Playing against what was trained.

import { el, show } from "./dom.js";
import { openButton, saveButtons } from "./files.js";
import { GETTING_READY, Game } from "./game.js";
import { MovingBoard } from "./moving.js";
import { Notice } from "./notice.js";
import { Opponent } from "./opponent.js";
import { BLACK, START, WHITE } from "./sfen.js";
import { send } from "./server.js";
import { Thoughts } from "./thoughts.js";

const BOTH = 2;
const KEPT = "keisei-table";
const SIDES = [[BLACK, "Black (先手)"], [WHITE, "White (後手)"], [BOTH, "both sides"]];
const STARTS = [
  ["usual (平手)", START],
  ["lance handicap (香落ち)", "lnsgkgsn1/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"],
  ["bishop handicap (角落ち)", "lnsgkgsnl/1r7/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"],
  ["rook handicap (飛車落ち)", "lnsgkgsnl/7b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"],
  ["rook and lance (飛香落ち)", "lnsgkgsn1/7b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"],
  ["two pieces (二枚落ち)", "lnsgkgsnl/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"],
  ["four pieces (四枚落ち)", "1nsgkgsn1/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"],
  ["six pieces (六枚落ち)", "2sgkgs2/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"],
  ["eight pieces (八枚落ち)", "3gkg3/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"],
  ["a position (SFEN)", ""],
];

export async function open(place, query) {
  document.title = "Play – Keisei";
  const page = new PlayPage();
  await page.opponent.load();
  show(place, page.parts());
  await page.begin(query);
}

class PlayPage {
  constructor() {
    this.game = new Game();
    this.opponent = new Opponent(200);
    this.board = new MovingBoard((move) => this.move(move));
    this.thoughts = new Thoughts();
    this.status = el("p", { class: "status", role: "status" }, GETTING_READY);
    this.list = el("ol", { class: "moves" });
    this.notice = new Notice();
    this.plays = BLACK;
    this.side = el("select", { id: "side", "aria-label": "you play" }, SIDES.map(([side, name]) => el("option", { value: side }, name)));
    this.start = el("select", { id: "start", "aria-label": "start" }, STARTS.map(([name], each) => el("option", { value: each }, name)));
    this.sfen = el("input", { id: "sfen", size: 40, placeholder: "SFEN", hidden: true, "aria-label": "SFEN of the start" });
    this.start.addEventListener("change", () => { this.sfen.hidden = Boolean(this.chosenStart()); });
    this.work = null;
  }

  chosenStart() {
    return STARTS[Number(this.start.value)][1];
  }

  parts() {
    const button = (name, words, press, more = {}) => (this[name] = el("button", { type: "button", id: name, onclick: () => this.notice.guard(press), ...more }, words));
    const setup = el(
      "details",
      { class: "setup", open: true, onchange: () => this.keep() },
      el("summary", {}, "New game"),
      el("div", { class: "fields" }, el("label", {}, "You play ", this.side), el("label", {}, "from ", this.start), this.sfen, this.opponent.fields()),
      button("begins", "Begin", () => this.startAnew()),
    );
    const buttons = [
      button("undoes", "Undo", () => this.undo()),
      button("resigns", "Resign (投了)", () => this.finish("resignation")),
      button("declares", "Declare (入玉宣言)", () => this.finish("declaration")),
      button("flips", "Flip", () => this.flip()),
      button("thinks", "What does it think?", () => this.toggleThoughts(), { "aria-pressed": "false" }),
    ];
    const files = [
      openButton((text) => this.openText(text)),
      el("span", { class: "soft" }, "Save"),
      saveButtons(this.game, this.notice),
      el("a", { href: "/analysis", id: "analyses" }, "Analyse this game"),
    ];
    return [
      el("h1", {}, "Play"),
      el(
        "div",
        { class: "play" },
        el("div", { class: "play-board" }, this.board.element),
        el("div", { class: "play-side" }, this.status, this.notice.element, button("again", "Ask again", () => this.goOn(), { hidden: true }), el("div", { class: "row" }, buttons), (this.panel = el("div", { hidden: true }, this.thoughts.element)), setup, el("div", { class: "row" }, files), this.list),
      ),
    ];
  }

  /** Go on with the game of this tab, or begin one, against the player that the address names. */
  async begin(query) {
    const isNamed = query.has("name");
    const isRecalled = !isNamed && this.game.recall();
    if (!isRecalled) this.game.begin(START);
    // A reload goes on with the game.
    if (isNamed) history.replaceState(null, "", location.pathname);
    let trouble = "";
    try {
      if (isNamed) this.opponent.choose(query.get("run"), query.get("name"));
      else if (isRecalled) this.restore();
    } catch (error) {
      trouble = error.message;
    }
    await this.notice.guard(() => {
      this.notice.tell(trouble);
      return this.goOn();
    });
  }

  /** Keep for a reload who plays whom, and which side is up. */
  keep() {
    const { plays, board, opponent } = this;
    sessionStorage.setItem(KEPT, JSON.stringify({ plays, flipped: board.view.flipped, player: opponent.kept }));
  }

  restore() {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    if (!kept) return;
    this.plays = kept.plays;
    this.side.value = String(kept.plays);
    this.board.flip(kept.flipped);
    this.opponent.restore(kept.player);
  }

  async startAnew() {
    const start = this.chosenStart() || this.sfen.value.trim();
    this.stop();
    const before = { ...this.game };
    this.game.begin(start);
    try {
      await this.game.look();
    } catch (error) {
      Object.assign(this.game, before);
      await this.goOn();
      throw error;
    }
    this.plays = Number(this.side.value);
    this.board.flip(this.plays === WHITE);
    this.board.element.scrollIntoView({ block: "nearest" });
    await this.goOn();
  }

  stop() {
    this.work?.abort();
    this.work = null;
  }

  isMine() {
    return this.plays === BOTH || this.game.state?.turn === this.plays;
  }

  /** Look where the game stands, show it, and let the player move if it is its turn; `takeBack` if it cannot stand there. */
  async goOn(takeBack = () => {}) {
    this.stop();
    const { signal } = (this.work = new AbortController());
    try {
      await this.game.look();
    } catch (error) {
      takeBack();
      throw error;
    }
    if (signal.aborted) return;
    this.draw();
    this.keep();
    this.think(signal);
    if (this.game.isOver || this.isMine()) return;
    const answer = await this.ask(signal);
    if (signal.aborted) return;
    if (answer.declares) this.game.end = "declaration";
    else this.game.moves.push(answer.move);
    await this.goOn();
  }

  /** The player's answer; if none comes, it can be asked again. */
  async ask(signal) {
    try {
      return await send("/api/move", { ...this.game.asked, player: this.opponent.asked }, signal);
    } catch (error) {
      this.again.hidden = signal.aborted;
      throw error;
    }
  }

  draw() {
    this.again.hidden = true;
    const { game } = this;
    const { state: stands } = game;
    this.board.set({ ...stands, movable: !game.isOver && this.isMine() });
    this.name();
    this.status.textContent = this.sentenceOf(stands);
    this.undoes.disabled = !game.moves.length && !game.end;
    this.resigns.disabled = game.isOver || !this.isMine();
    this.declares.hidden = !(stands.declarable && this.isMine());
    show(this.list, stands.names.map((name) => el("li", { lang: "ja" }, name)));
    this.list.scrollTop = this.list.scrollHeight;
  }

  name() {
    if (this.plays === BOTH) this.game.names = ["", ""];
    else this.game.names = this.plays === BLACK ? ["visitor", this.opponent.name] : [this.opponent.name, "visitor"];
  }

  sentenceOf(stands) {
    if (stands.end) return `${stands.end.words}.`;
    const turn = stands.turn === BLACK ? "Black" : "White";
    const check = stands.check === null ? "" : " Check (王手)!";
    const again = stands.occurrence > 1 ? ` The position stands for the ${["", "first", "second", "third"][stands.occurrence]} time; the fourth is a draw.` : "";
    const wait = stands.ready ? "" : ` ${GETTING_READY}`;
    const played = stands.names.length ? `${stands.turn === BLACK ? "White" : "Black"} played ${stands.names.at(-1)}. ` : "";
    return `${played}${this.isMine() ? `${turn}: your move.` : `${turn}: ${this.opponent.name} thinks.${wait}`}${check}${again}`;
  }

  move(move) {
    return this.notice.guard(() => {
      const { game } = this;
      game.moves.push(move);
      return this.goOn(() => { if (game.moves.at(-1) === move) game.undo(1); });
    });
  }

  /** Take back to one's own last move. */
  async undo() {
    const { game } = this;
    this.stop();
    if (game.end) game.end = null;
    else {
      const first = game.start.split(" ")[1] === "w" ? WHITE : BLACK;
      do game.undo(1); while (this.plays !== BOTH && game.moves.length && (first + game.moves.length) % 2 !== this.plays);
    }
    await this.goOn();
  }

  finish(end) {
    this.game.end = end;
    return this.goOn(() => { this.game.end = null; });
  }

  flip() {
    this.board.flip(!this.board.view.flipped);
    this.keep();
  }

  async openText(text) {
    this.stop();
    await this.game.open(text);
    this.plays = BOTH;
    this.side.value = String(BOTH);
    await this.goOn();
  }

  async toggleThoughts() {
    const isWanted = this.panel.hidden;
    this.panel.hidden = !isWanted;
    this.thinks.setAttribute("aria-pressed", String(isWanted));
    if (this.game.state) await this.think(this.work?.signal);
  }

  /** Ask what the player thinks, if somebody wants to know. */
  async think(signal) {
    if (this.panel.hidden) return;
    if (this.game.isOver || !this.opponent.chosen.thinks) {
      this.thoughts.clear(this.game.isOver ? "The game is over." : "This player has no opinion; choose another.");
      return;
    }
    const { turn } = this.game.state;
    try {
      const opinion = await send("/api/thoughts", { ...this.game.asked, player: this.opponent.asked }, signal);
      if (!signal?.aborted) this.thoughts.set(opinion, turn);
    } catch (error) {
      if (error.name !== "AbortError") this.thoughts.clear(error.message);
    }
  }
}
