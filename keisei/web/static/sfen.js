// Positions and moves as text. Squares are numbered by files: 1a is 0, 1i is 8, 9i is 80.

export const START = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1";
export const [BLACK, WHITE] = [0, 1];
/** Pieces in hand, as they lie there. */
export const HAND = "RBGSNLP";
const KANJI = {
  P: "歩", L: "香", N: "桂", S: "銀", G: "金", B: "角", R: "飛", K: "玉",
  "+P": "と", "+L": "杏", "+N": "圭", "+S": "全", "+B": "馬", "+R": "龍",
};
const NAMES = {
  P: "pawn", L: "lance", N: "knight", S: "silver", G: "gold", B: "bishop", R: "rook", K: "king",
  "+P": "promoted pawn", "+L": "promoted lance", "+N": "promoted knight", "+S": "promoted silver", "+B": "horse", "+R": "dragon",
};

/** What an SFEN says: pieces by square, hands by colour and letter, the colour to move. */
export function parse(sfen) {
  const [rows, side, hands] = sfen.split(" ");
  const pieces = Array(81).fill(null);
  rows.split("/").forEach((row, rank) => {
    let file = 8;
    for (const [, digit, plus, letter] of row.matchAll(/(\d)|(\+?)([A-Za-z])/g)) {
      if (digit) file -= Number(digit);
      else {
        pieces[9 * file + rank] = { kind: plus + letter.toUpperCase(), colour: letter === letter.toUpperCase() ? BLACK : WHITE };
        file -= 1;
      }
    }
  });
  const held = [{}, {}];
  for (const [, count, letter] of hands.matchAll(/(\d*)([A-Za-z])/g)) {
    held[letter === letter.toUpperCase() ? BLACK : WHITE][letter.toUpperCase()] = Number(count || 1);
  }
  return { pieces, hands: held, turn: side === "b" ? BLACK : WHITE };
}

/** The name of a square, such as 7g. */
export function squareName(square) {
  return `${Math.floor(square / 9) + 1}${"abcdefghi"[square % 9]}`;
}

/** The number of a square by its name. */
export function squareOf(name) {
  return 9 * (Number(name[0]) - 1) + "abcdefghi".indexOf(name[1]);
}

/** A move in USI taken apart: `from` a square, or a letter in hand for a drop. */
export function parseMove(usi) {
  const drops = usi[1] === "*";
  return { from: drops ? usi[0] : squareOf(usi), to: squareOf(usi.slice(2)), promotes: usi.endsWith("+"), drops };
}

/** The character on a piece. */
export function kanji({ kind, colour }) {
  return kind === "K" && colour === WHITE ? "王" : KANJI[kind];
}

/** A piece in words. */
export function pieceName({ kind, colour }) {
  return `${colour === BLACK ? "Black" : "White"} ${NAMES[kind]}`;
}
