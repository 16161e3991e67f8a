// The game of a visitor: kept in the page, judged by the server.

import { START } from "./sfen.js";
import { send } from "./server.js";

const KEPT = "keisei-game";
const CAP = 512;
const MOST_MOVES = 2000;
/** Ends that a player makes, by the names that the server has for them in opened games. */
const STATED = { RESIGNATION: "resignation", DECLARATION: "declaration", OUT_OF_TIME: "out_of_time", ILLEGAL_MOVE: "illegal_move" };
export const GETTING_READY = "Getting ready; the first time takes a while.";

export class Game {
  constructor() {
    this.begin(START);
  }

  /** Begin anew from a position, with moves that were made already. */
  begin(start, moves = [], names = ["", ""]) {
    this.start = start;
    this.moves = [...moves];
    this.names = names;
    this.cap = CAP;
    this.end = null;
    this.state = null;
  }

  /** What requests say of the game. */
  get asked() {
    return { start: this.start, moves: this.moves, cap: this.cap, ...(this.end ? { end: this.end } : {}) };
  }

  /** Ask where the game stands, and keep the answer; a move that is refused is taken back. */
  async look(more = {}) {
    this.state = await send("/api/game", { ...this.asked, ...more });
    const { start, moves, names, end, cap } = this;
    sessionStorage.setItem(KEPT, JSON.stringify({ start, moves, names, end, cap }));
    return this.state;
  }

  get isOver() {
    return Boolean(this.state?.end);
  }

  /** Take back the last moves, so many. */
  undo(count) {
    this.moves.splice(Math.max(0, this.moves.length - count));
    this.end = null;
  }

  /** Take up the game that this tab had. */
  recall() {
    try {
      const { start, moves, names, end, cap } = JSON.parse(sessionStorage.getItem(KEPT));
      this.begin(start, moves, names);
      [this.end, this.cap] = [end, cap];
      return true;
    } catch {
      return false;
    }
  }

  /** The game as texts: kif, csa and usi. */
  texts() {
    const [black, white] = this.names;
    return send("/api/record", { ...this.asked, black, white });
  }

  /** Take the game of a text; the sentence of an error says what is wrong with it. */
  async open(text) {
    const found = await send("/api/open", { text });
    this.begin(found.start, found.moves, [found.black, found.white]);
    this.end = STATED[found.end?.kind] ?? null;
    // A longer game than ours may be was not cut off, unless its record says so.
    if (found.moves.length >= CAP && found.end?.kind !== "MAX_PLIES") this.cap = MOST_MOVES;
    return found;
  }
}
