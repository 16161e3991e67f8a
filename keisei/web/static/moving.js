// A board on which a person moves: by click, by drag and by keys.

import { BoardView } from "./board.js";
import { el, show } from "./dom.js";
import { BLACK, HAND, START, WHITE, parseMove, pieceName, squareName } from "./sfen.js";

const DRAG_PIXELS = 6;
const HOW = "Board. Arrow keys go over the squares and, beyond the edge, to the pieces in hand; Enter takes up and puts down, Escape lets go.";
const MOST_SPOKEN = 9;
const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/** Tells `onMove` of each legal move that the person makes, in USI. */
export class MovingBoard {
  constructor(onMove) {
    this.onMove = onMove;
    this.view = new BoardView();
    this.spoken = el("p", { class: "spoken", "aria-live": "polite" });
    this.choice = el("dialog", { class: "promotion", "aria-label": "promotion" });
    this.element = el("div", { class: "moving" }, this.view.element, this.choice, this.spoken);
    this.state = { sfen: START, last: null, check: null, legal: [], movable: false };
    this.selected = null;
    this.cursor = null;
    this.left = null;
    const picture = this.view.element;
    picture.setAttribute("tabindex", "0");
    picture.setAttribute("role", "application");
    this.view.label = HOW;
    picture.addEventListener("pointerdown", (event) => this.press(event));
    picture.addEventListener("pointermove", (event) => this.drag(event));
    picture.addEventListener("pointerup", (event) => this.release(event));
    picture.addEventListener("pointercancel", () => this.letGo());
    picture.addEventListener("keydown", (event) => this.key(event));
    picture.addEventListener("blur", () => this.leave());
    this.draw();
  }

  /** Show a position: sfen, last move, legal moves, the king in check, and whether one may move. */
  set(state) {
    this.state = state;
    this.selected = null;
    this.letGo();
  }

  flip(flipped) {
    this.view.flipped = flipped;
    this.left = null;
    this.draw();
  }

  draw() {
    const { sfen, last, check } = this.state;
    const lifted = this.ghost ? this.selected : null;
    this.view.draw(sfen, last, { check, cursor: this.cursor, targets: this.targets(), selected: this.selected, lifted });
    if (this.ghost) this.view.layers.append(this.ghost);
  }

  /** The moves of what is selected. */
  moves() {
    if (this.selected === null || !this.state.movable) return [];
    const origin = typeof this.selected === "number" ? this.selected : this.selected.letter;
    return this.state.legal.filter((move) => parseMove(move).from === origin);
  }

  targets() {
    return [...new Set(this.moves().map((move) => parseMove(move).to))];
  }

  /** What can be taken up at a place: a square, a piece in hand, or null. */
  ownAt(place) {
    if (!place || !this.state.movable) return null;
    const { turn, pieces } = this.view.position;
    if (place.letter) return place.colour === turn ? place : null;
    return pieces[place.square]?.colour === turn ? place.square : null;
  }

  /** A place was chosen: take up what lies there, move there, or let go. */
  choose(place) {
    if (place && place.square !== undefined && this.targets().includes(place.square)) {
      this.moveTo(place.square);
      return;
    }
    const own = this.ownAt(place);
    const isSame = JSON.stringify(own) === JSON.stringify(this.selected);
    this.selected = isSame ? null : own;
    this.draw();
    this.tellSelected();
  }

  tellSelected() {
    const { selected } = this;
    if (selected === null) return;
    const name = typeof selected === "number" ? this.words(selected) : `${pieceName({ kind: selected.letter, colour: selected.colour })} in hand`;
    const targets = this.targets();
    const where = targets.length > MOST_SPOKEN ? `${targets.length} squares` : targets.map(squareName).join(", ");
    this.spoken.textContent = `${name} is taken up; it can go ${where ? `to ${where}` : "nowhere"}`;
  }

  async moveTo(square) {
    const found = this.moves().filter((move) => parseMove(move).to === square);
    this.ghost = null;
    const move = found.length > 1 ? await this.askPromotion(found) : found[0];
    this.selected = null;
    this.draw();
    if (move) this.onMove(move);
  }

  /** Ask which of two moves is meant; null if neither. */
  askPromotion(moves) {
    return new Promise((resolve) => {
      const button = (promotes, words) => {
        const move = moves.find((each) => parseMove(each).promotes === promotes);
        return el("button", { type: "button", "data-move": move, onclick: () => { resolve(move); this.choice.close(); } }, words);
      };
      show(this.choice, el("p", {}, "Promote the piece?"), el("div", { class: "row" }, button(true, "Promote (成)"), button(false, "Do not (不成)")));
      this.choice.onclose = () => resolve(null);
      this.choice.showModal();
    });
  }

  press(event) {
    if (event.button > 0) return;
    this.cursor = null;
    const place = this.view.placeAt(...this.view.pointOf(event));
    this.pressed = { place, x: event.clientX, y: event.clientY, own: this.ownAt(place) };
    if (this.pressed.own !== null) {
      event.preventDefault();
      this.view.element.setPointerCapture(event.pointerId);
      this.view.element.focus({ preventScroll: true });
    }
  }

  drag(event) {
    const { pressed } = this;
    if (!pressed || pressed.own === null) return;
    if (!this.ghost && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < DRAG_PIXELS) return;
    if (!this.ghost) {
      this.selected = pressed.own;
      const { turn, pieces } = this.view.position;
      const kind = typeof this.selected === "number" ? pieces[this.selected].kind : this.selected.letter;
      this.ghost = this.view.piece({ kind, colour: turn }, 0, 0);
      this.ghost.classList.add("ghost");
      this.draw();
    }
    this.view.place(this.ghost, ...this.view.pointOf(event), this.view.position.turn);
  }

  release(event) {
    const { pressed, ghost } = this;
    this.pressed = null;
    if (!pressed) return;
    if (!ghost) {
      this.choose(pressed.place);
      return;
    }
    this.ghost = null;
    const place = this.view.placeAt(...this.view.pointOf(event));
    if (place?.square !== undefined && this.targets().includes(place.square)) this.moveTo(place.square);
    else {
      this.selected = null;
      this.draw();
    }
  }

  letGo() {
    this.pressed = null;
    this.ghost = null;
    this.draw();
  }

  key(event) {
    const step = STEPS[event.key];
    if (step) this.point(this.next(...step));
    else if (event.key === "Enter" || event.key === " ") this.choose(this.place());
    else if (event.key === "Escape") {
      this.selected = null;
      this.draw();
    } else return;
    event.preventDefault();
  }

  /** The place under the cursor of the keyboard. */
  place() {
    return typeof this.cursor === "number" ? { square: this.cursor } : this.cursor;
  }

  point(cursor) {
    this.cursor = cursor;
    this.draw();
    if (cursor !== null) this.spoken.textContent = this.words(cursor);
  }

  /** The cursor goes with the focus, and comes back to its square. */
  leave() {
    if (typeof this.cursor === "number") this.left = this.cursor;
    this.point(null);
  }

  words(cursor) {
    const { pieces, hands } = this.view.position;
    if (typeof cursor === "number") return `${squareName(cursor)} ${pieces[cursor] ? pieceName(pieces[cursor]) : "empty"}`;
    return `in hand: ${pieceName({ kind: cursor.letter, colour: cursor.colour })}, ${hands[cursor.colour][cursor.letter]}`;
  }

  /** Where the cursor goes: over the squares, and beyond the edges to the pieces in hand. */
  next(across, down) {
    if (this.cursor === null) return this.left ?? this.edge(true);
    if (typeof this.cursor !== "number") return this.nextInHand(across, down);
    let [column, row] = this.view.flipped ? [Math.floor(this.cursor / 9), 8 - (this.cursor % 9)] : [8 - Math.floor(this.cursor / 9), this.cursor % 9];
    column = Math.min(8, Math.max(0, column + across));
    row += down;
    if (row < 0 || row > 8) return this.firstInHand(row > 8) ?? this.cursor;
    return this.view.flipped ? 9 * column + 8 - row : 9 * (8 - column) + row;
  }

  held(colour) {
    return [...HAND].filter((letter) => this.view.position.hands[colour][letter]);
  }

  firstInHand(isBelow) {
    const colour = isBelow !== this.view.flipped ? BLACK : WHITE;
    const [letter] = this.held(colour);
    return letter ? { colour, letter } : null;
  }

  nextInHand(across, down) {
    const { colour, letter } = this.cursor;
    const held = this.held(colour);
    const isBelow = (colour === BLACK) !== this.view.flipped;
    if (down) return down > 0 === isBelow ? this.cursor : this.edge(isBelow);
    const place = Math.min(held.length - 1, Math.max(0, held.indexOf(letter) + across));
    return held.length ? { colour, letter: held[place] } : this.edge(isBelow);
  }

  /** The middle of the lowest rank on the screen, or of the highest. */
  edge(isLowest) {
    return 36 + (isLowest !== this.view.flipped ? 8 : 0);
  }
}
