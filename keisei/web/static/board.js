// Boards, put together from the figures that the server draws.

import { show, svg } from "./dom.js";
import { BLACK, HAND, WHITE, kanji, parse, parseMove } from "./sfen.js";
import { tellTrouble } from "./server.js";

const [WIDTH, HEIGHT] = [980, 1172];
const [LEFT, TOP, SQUARE] = [28, 146, 100];
const STAND = { left: LEFT, width: 900, height: 94 };
const STAND_TOPS = [1070, 6];
const [FIRST_PIECE, PIECE] = [250, 100];
const INK = "1c1611";
const FACE = "fce9bd";

let figures = null;

/** Put the figures into the document, once. */
function load() {
  figures ??= fetch("/static/figures.svg")
    .then((response) => response.text())
    .then((text) => {
      const sprite = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
      for (const [name, value] of [["width", 0], ["height", 0], ["aria-hidden", "true"], ["class", "figures"]]) sprite.setAttribute(name, value);
      document.body.append(document.importNode(sprite, true));
    })
    .catch(() => tellTrouble("The server does not answer: the pieces are missing."));
}

function use(name, x, y, turned = false) {
  return svg("use", { href: `#keisei-${name}`, transform: `translate(${x} ${y})${turned ? " rotate(180)" : ""}` });
}

function text(word, x, y, percent, advance, ink = INK) {
  return [...word].map((glyph, place) => use(`glyph-${glyph}-${percent}-${ink}`, x + (advance * (2 * place - word.length + 1)) / 2, y));
}

/** A board on the page. `draw` shows a position, `placeAt` says what lies under a point. */
export class BoardView {
  constructor() {
    load();
    this.flipped = false;
    this.label = null;
    this.layers = svg("g");
    this.element = svg("svg", { class: "board", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" }, this.layers);
  }

  /** Show a position; `marks` may name selected, targets, check, cursor and what is lifted. */
  draw(sfen, last = null, marks = {}) {
    this.position = parse(sfen);
    this.element.setAttribute("aria-label", this.label ?? `position ${sfen}`);
    show(this.layers, ground(this.flipped), this.squares(last, marks), this.pieces(marks), this.stands(marks), this.signs(marks));
  }

  /** The centre of a square. */
  centre(square) {
    const [file, rank] = [Math.floor(square / 9), square % 9];
    const [across, down] = this.flipped ? [file, 8 - rank] : [8 - file, rank];
    return [LEFT + SQUARE * (across + 0.5), TOP + SQUARE * (down + 0.5)];
  }

  /** Where a piece in hand lies. */
  held(colour, letter) {
    const kinds = [...HAND].filter((each) => this.position.hands[colour][each]);
    return [LEFT + FIRST_PIECE + PIECE * kinds.indexOf(letter), this.standTop(colour) + STAND.height / 2];
  }

  standTop(colour) {
    return STAND_TOPS[this.flipped ? 1 - colour : colour];
  }

  /** What lies at a point of the picture: a square, or colour and letter of a piece in hand. */
  placeAt(x, y) {
    const [across, down] = [Math.floor((x - LEFT) / SQUARE), Math.floor((y - TOP) / SQUARE)];
    if (across >= 0 && across < 9 && down >= 0 && down < 9) {
      const [file, rank] = this.flipped ? [across, 8 - down] : [8 - across, down];
      return { square: 9 * file + rank };
    }
    for (const colour of [BLACK, WHITE]) {
      for (const letter of Object.keys(this.position.hands[colour])) {
        const [left, top] = this.held(colour, letter);
        if (Math.abs(x - left) < PIECE / 2 && Math.abs(y - top) < STAND.height / 2) return { colour, letter };
      }
    }
    return null;
  }

  /** The point of the picture under the pointer. */
  pointOf(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.element.getScreenCTM().inverse());
    return [x, y];
  }

  squares(last, marks) {
    const parts = [];
    if (last) {
      const { from, to, drops } = parseMove(last);
      if (!drops) parts.push(use("left-square", ...this.centre(from)));
      parts.push(use("reached-square", ...this.centre(to)));
    }
    if (typeof marks.selected === "number") parts.push(this.frame(marks.selected, "selected"));
    if (typeof marks.check === "number") parts.push(this.frame(marks.check, "check"));
    return parts;
  }

  frame(square, kind) {
    const [x, y] = this.centre(square);
    return svg("rect", { class: `mark ${kind}`, x: x - 46, y: y - 46, width: 92, height: 92, rx: 8 });
  }

  pieces({ lifted }) {
    return this.position.pieces.map((piece, square) => {
      if (!piece || lifted === square) return null;
      return this.piece(piece, ...this.centre(square));
    });
  }

  /** A piece by itself, which `place` puts somewhere. */
  piece(piece, x, y) {
    return use(`piece-${kanji(piece)}`, x, y, this.isTurned(piece.colour));
  }

  place(figure, x, y, colour) {
    figure.setAttribute("transform", `translate(${x} ${y})${this.isTurned(colour) ? " rotate(180)" : ""} scale(1.15)`);
  }

  isTurned(colour) {
    return (colour === WHITE) !== this.flipped;
  }

  stands({ selected, lifted }) {
    return [BLACK, WHITE].map((colour) => {
      const top = this.standTop(colour);
      const middle = top + STAND.height / 2;
      const isToMove = this.position.turn === colour;
      const parts = [svg("rect", { class: "stand", x: STAND.left, y: top, width: STAND.width, height: STAND.height, rx: 6 })];
      if (isToMove) parts.push(use("to-move", LEFT + 93, middle));
      parts.push(use(`badge-${colour}`, LEFT + 39, middle), ...text(colour === BLACK ? "先手" : "後手", LEFT + 115, middle, 10, 52, isToMove ? FACE : INK));
      for (const letter of HAND) {
        const count = this.position.hands[colour][letter];
        if (!count) continue;
        const [x, y] = this.held(colour, letter);
        const isChosen = selected?.letter === letter && selected.colour === colour;
        if (isChosen) parts.push(svg("rect", { class: "mark selected", x: x - 42, y: y - 45, width: 84, height: 90, rx: 8 }));
        const isLast = lifted?.letter === letter && lifted.colour === colour && count === 1;
        if (!isLast) parts.push(this.piece({ kind: letter, colour }, x - 8, y));
        if (count > 1) parts.push(...text(String(count), x + 40, y + 22, 12, 27));
      }
      return parts;
    }).flat();
  }

  signs({ targets = [], cursor }) {
    const parts = targets.map((square) => {
      const [cx, cy] = this.centre(square);
      return this.position.pieces[square]
        ? svg("circle", { class: "target taken", cx, cy, r: 44 })
        : svg("circle", { class: "target", cx, cy, r: 15 });
    });
    if (typeof cursor === "number") parts.push(this.frame(cursor, "cursor"));
    else if (cursor) {
      const [x, y] = this.held(cursor.colour, cursor.letter);
      parts.push(svg("rect", { class: "mark cursor", x: x - 46, y: y - 46, width: 92, height: 92, rx: 8 }));
    }
    return parts;
  }
}

/** A board on which nobody moves. */
export function boardView() {
  return new BoardView();
}

function ground(flipped) {
  let lines = "";
  for (let line = 0; line <= 9; line += 1) {
    lines += `M${LEFT + SQUARE * line} ${TOP}v900M${LEFT} ${TOP + SQUARE * line}h900`;
  }
  const dots = [3, 6].flatMap((across) => [3, 6].map((down) => svg("circle", { class: "dot", cx: LEFT + SQUARE * across, cy: TOP + SQUARE * down, r: 9 })));
  const names = [...Array(9).keys()].flatMap((place) => {
    const number = flipped ? 8 - place : place;
    return [
      use(`glyph-${9 - number}-8-${INK}`, LEFT + SQUARE * (place + 0.5), TOP - 22),
      use(`glyph-${"一二三四五六七八九"[number]}-7-${INK}`, LEFT + 924, TOP + SQUARE * (place + 0.5)),
    ];
  });
  return [
    svg("rect", { class: "paper", width: WIDTH, height: HEIGHT, rx: 10 }),
    svg("rect", { class: "wood", x: LEFT, y: TOP, width: 900, height: 900 }),
    svg("path", { class: "lines", d: lines }),
    dots,
    names,
  ].flat();
}
