"""Games in KIF, the form in which people keep and exchange games of shogi, and names of moves.

A KIF file tells the first position by the name of its handicap, or as a board, then a line for each
move: where to, which piece, and in brackets where from.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from keisei.evaluation.records import GameRecord
from keisei.players.player import Forfeit
from keisei.shogi.constants import (
    BISHOP,
    BLACK,
    EMPTY,
    GOLD,
    KING,
    KNIGHT,
    LANCE,
    NUM_FILES,
    NUM_HAND_TYPES,
    NUM_RANKS,
    NUM_SQUARES,
    OTHER_SIDE,
    PAWN,
    PROMOTED,
    ROOK,
    SILVER,
    START_SFEN,
    WHITE,
    Termination,
)
from keisei.shogi.moves import Move
from keisei.shogi.notation import InvalidSfenError, Placement, format_sfen, parse_sfen

HANDICAPS = {
    "平手": START_SFEN,
    "香落ち": "lnsgkgsn1/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "角落ち": "lnsgkgsnl/1r7/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "飛車落ち": "lnsgkgsnl/7b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "飛香落ち": "lnsgkgsn1/7b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "二枚落ち": "lnsgkgsnl/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "四枚落ち": "1nsgkgsn1/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "六枚落ち": "2sgkgs2/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
    "八枚落ち": "3gkg3/9/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1",
}
"""First positions by the names that KIF has for them."""
_FILES = "１２３４５６７８９"
_RANKS = "一二三四五六七八九"
_COUNTS = ("", "", *"二三四五六七八九", "十", *(f"十{count}" for count in "一二三四五六七八"))
_PIECES = "・歩香桂銀角飛金玉と杏圭全馬龍"
_LONG_PIECES = {PROMOTED + LANCE: "成香", PROMOTED + KNIGHT: "成桂", PROMOTED + SILVER: "成銀"}
_OTHER_NAMES = {"王": KING, "竜": PROMOTED + ROOK}
_CODES = (
    {name: code for code, name in enumerate(_PIECES) if code}
    | {name: code for code, name in _LONG_PIECES.items()}
    | _OTHER_NAMES
)
_HAND_ORDER = (ROOK, BISHOP, GOLD, SILVER, KNIGHT, LANCE, PAWN)
_SIGNS = "▲△"
_ENDS: dict[Termination | Forfeit, str] = {
    Termination.CHECKMATE: "詰み",
    Termination.STALEMATE: "投了",
    Termination.SENNICHITE: "千日手",
    Termination.DECLARATION: "入玉勝ち",
    Termination.MAX_PLIES: "持将棋",
    Forfeit.RESIGNATION: "投了",
    Forfeit.ENGINE_FAILURE: "切れ負け",
    Forfeit.OUT_OF_TIME: "切れ負け",
    Forfeit.ILLEGAL_MOVE: "反則負け",
}
_READ_ENDS: dict[str, Termination | Forfeit] = {
    "詰み": Termination.CHECKMATE,
    "千日手": Termination.SENNICHITE,
    "入玉勝ち": Termination.DECLARATION,
    "入玉宣言": Termination.DECLARATION,
    "持将棋": Termination.MAX_PLIES,
    "投了": Forfeit.RESIGNATION,
    "切れ負け": Forfeit.OUT_OF_TIME,
    "反則負け": Forfeit.ILLEGAL_MOVE,
}
_LINE = re.compile(r"[ 　]*([0-9]{1,4})[ 　]+(\S.*)")
_MOVE = re.compile(
    r"(?:(?P<file>[1-9１-９])(?P<rank>[1-9一二三四五六七八九])|同)[ 　]*"
    rf"(?P<piece>{'|'.join(sorted(_CODES, key=len, reverse=True))})"
    r"(?P<how>打|不成|成|生)?(?:\((?P<from>[1-9][1-9])\))?"
)
_HEADER = re.compile(r"([^：:\s]{1,20})[：:](.*)")


class RecordError(ValueError):
    """A text that is no record of a game; the message is one sentence."""


def to_kif(game: GameRecord, name_a: str, name_b: str) -> str:
    """A game in KIF.

    Args:
        game: The game, which may go on.
        name_a: Name of player A, in one line.
        name_b: Name of its opponent.
    """
    names = (name_a, name_b) if game.colour_of_a == BLACK else (name_b, name_a)
    handicap = next((name for name, sfen in HANDICAPS.items() if sfen == game.start), None)
    is_even = handicap in (None, "平手")
    sides = ("先手", "後手") if is_even else ("下手", "上手")
    lines = list(_board_lines(parse_sfen(game.start))) if handicap is None else []
    lines = [f"手合割：{handicap}"] if handicap is not None else lines
    lines += [f"{side}：{name}" for side, name in zip(sides, names, strict=True)]
    lines.append("手数----指手---------消費時間--")
    spoken = list(_spoken(game.start, game.moves))
    lines += [f"{ply:4} {text}" for ply, text in enumerate(spoken, start=1)]
    end = _end_of(game)
    if end:
        lines.append(f"{len(spoken) + 1:4} {end}")
    return "\n".join(lines) + "\n"


def move_names(start: str, moves: Sequence[Move]) -> list[str]:
    """Moves as players write them, such as ``▲７六歩(77)``.

    Args:
        start: The position before the first of them, in SFEN.
        moves: The moves, which are legal.
    """
    first = parse_sfen(start).to_move
    spoken = _spoken(start, moves)
    return [_SIGNS[(first + ply) % 2] + text for ply, text in enumerate(spoken)]


def _spoken(start: str, moves: Sequence[Move]) -> Iterator[str]:
    """Moves in the form of KIF, each played on a board of absolute piece codes."""
    placement = parse_sfen(start)
    board: list[int] = placement.board.tolist()
    colour, before = placement.to_move, None
    for move in moves:
        to = move.to_square
        place = "同　" if to == before else _FILES[to // NUM_RANKS] + _RANKS[to % NUM_RANKS]
        if move.drop is not None:
            code = move.drop
            yield f"{place}{_PIECES[code]}打"
        else:
            origin = move.from_square or 0
            code = board[origin] % OTHER_SIDE
            name = _LONG_PIECES.get(code, _PIECES[code])
            promotion = "成" if move.promote else ""
            yield f"{place}{name}{promotion}({origin // NUM_RANKS + 1}{origin % NUM_RANKS + 1})"
            board[origin] = EMPTY
            code += PROMOTED if move.promote else 0
        board[to] = code + (OTHER_SIDE if colour == WHITE else 0)
        colour, before = 1 - colour, to


def _end_of(game: GameRecord) -> str:
    """The word for how a game ended; empty while it goes on."""
    if game.end is Termination.PERPETUAL_CHECK:
        to_move = (parse_sfen(game.start).to_move + len(game.moves)) % 2
        return "反則勝ち" if game.winner == to_move else "反則負け"
    return _ENDS.get(game.end, "")


def _board_lines(placement: Placement) -> Iterator[str]:
    """A position as a board of characters."""
    yield f"後手の持駒：{_hand(placement, WHITE)}"
    yield "  ９ ８ ７ ６ ５ ４ ３ ２ １"
    yield f"+{'-' * 27}+"
    for rank in range(NUM_RANKS):
        squares = (NUM_RANKS * file + rank for file in reversed(range(NUM_FILES)))
        codes = (int(placement.board[square]) for square in squares)
        row = "".join(("v" if code > OTHER_SIDE else " ") + _PIECES[code % 16] for code in codes)
        yield f"|{row}|{_RANKS[rank]}"
    yield f"+{'-' * 27}+"
    yield f"先手の持駒：{_hand(placement, BLACK)}"
    if placement.to_move == WHITE:
        yield "後手番"


def _hand(placement: Placement, colour: int) -> str:
    counts: list[int] = placement.hands[colour].tolist()
    held = [(piece, counts[piece - PAWN]) for piece in _HAND_ORDER if counts[piece - PAWN]]
    return "　".join(_PIECES[piece] + _COUNTS[count] for piece, count in held) or "なし"


def read_kif(text: str) -> tuple[GameRecord, tuple[str, str]]:
    """A game from KIF, and the names of Black and White; variations and comments are left out.

    The moves are read but not judged.

    Raises:
        RecordError: The text is no KIF; the sentence names the line.
    """
    headers: dict[str, str] = {}
    rows: list[str] = []
    moves: list[Move] = []
    end: Termination | Forfeit = Termination.NONE
    white_begins = False
    for line in text.splitlines():
        if line.startswith("変化"):
            break
        row, header, turn = line.startswith("|"), _HEADER.match(line), _LINE.match(line)
        white_begins |= line.strip() in ("後手番", "上手番")
        if row:
            rows.append(line[1:])
        elif turn is not None and not line.startswith(("*", "#")):
            found = _read_turn(turn[2], moves)
            if found is None:
                break
            if not isinstance(found, Move):
                end = found
                break
            moves.append(found)
        elif header is not None and not line.startswith(("*", "#")):
            headers[header[1]] = header[2].strip(" 　")
    start = _read_start(headers, rows, white_begins=white_begins)
    names = (
        headers.get("先手") or headers.get("下手") or "",
        headers.get("後手") or headers.get("上手") or "",
    )
    return GameRecord(0, BLACK, end, start=start, moves=moves), names


def _read_turn(text: str, before: Sequence[Move]) -> Move | Termination | Forfeit | None:
    """A move, or how the game ends; None for another word, which ends the record."""
    word = text.split(maxsplit=1)[0]
    found = _MOVE.match(text)
    if found is None:
        ends = (end for name, end in _READ_ENDS.items() if word.startswith(name))
        known = next(ends, None)
        if known is None and not word.startswith(("中断", "反則勝ち", "不戦", "封じ手")):
            raise RecordError(f"KIF: {text[:40]!r} is no move and no end of a game")
        return known
    if found["file"]:
        file, rank = _FILES.find(found["file"]), _RANKS.find(found["rank"])
        file = int(found["file"]) - 1 if file < 0 else file
        rank = int(found["rank"]) - 1 if rank < 0 else rank
        to = NUM_RANKS * file + rank
    elif before:
        to = before[-1].to_square
    else:
        raise RecordError(f"KIF: {text[:40]!r} goes to the same square as no move before it")
    if found["from"] is None:
        piece = _CODES[found["piece"]]
        if piece >= KING:
            raise RecordError(f"KIF: {text[:40]!r} does not say where the piece comes from")
        return Move(None, to, drop=piece)
    origin = NUM_RANKS * (int(found["from"][0]) - 1) + int(found["from"][1]) - 1
    return Move(origin, to, promote=found["how"] == "成")


def _read_start(headers: dict[str, str], rows: list[str], *, white_begins: bool) -> str:
    """The first position in SFEN, of a board if there is one."""
    if not rows:
        name = headers.get("手合割", "平手").split()[0] if headers.get("手合割") else "平手"
        if name not in HANDICAPS:
            raise RecordError(f"KIF: the handicap {name[:40]!r} is not known; give its board")
        return HANDICAPS[name]
    board = np.zeros(NUM_SQUARES, np.uint8)
    for rank, row in enumerate(rows[:NUM_RANKS]):
        squares = re.findall(r"([ v^])(.)", row.partition("|")[0])
        if len(rows) < NUM_RANKS or len(squares) != NUM_FILES:
            raise RecordError(f"KIF: the board is no board of nine ranks and files at {row[:40]!r}")
        for column, (side, name) in enumerate(squares):
            code = _CODES.get(name, EMPTY)
            square = NUM_RANKS * (NUM_FILES - 1 - column) + rank
            board[square] = code + (OTHER_SIDE if code and side == "v" else 0)
    hands = np.zeros((2, NUM_HAND_TYPES), np.uint8)
    for colour, sides in enumerate((("先手", "下手"), ("後手", "上手"))):
        held = next((headers[key] for side in sides if (key := f"{side}の持駒") in headers), "")
        _read_hand(held, hands[colour])
    colour = WHITE if white_begins or headers.get("手番", "").startswith("後") else BLACK
    sfen = format_sfen(Placement(board, hands, colour, 1))
    try:
        parse_sfen(sfen)
    except InvalidSfenError as error:
        raise RecordError(f"KIF: its board cannot be: {error}") from None
    return sfen


def _read_hand(text: str, counts: "np.ndarray[tuple[int], np.dtype[np.uint8]]") -> None:
    for item in re.split(r"[ 　]+", text):
        if not item or item == "なし":
            continue
        piece, count = _CODES.get(item[0], EMPTY), item[1:]
        if not PAWN <= piece <= GOLD or (count and count not in _COUNTS):
            raise RecordError(f"KIF: {item[:20]!r} are no pieces in hand")
        counts[piece - PAWN] = _COUNTS.index(count) if count else 1
