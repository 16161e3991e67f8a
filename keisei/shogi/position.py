"""Positions of many games as a struct of arrays, and how a move changes one.

The words of the games lie in blocks of ``LANES``: ``words[(block * WORDS + word) * LANES + lane]``,
so that the move generator can run the games of a block side by side in vector registers. Both
players' views are kept, which frees the generator of colour: it always moves up. A view holds the
piece codes of all pieces, one bitboard for each of the four bits of a code, and the bitboard of its
owner's pieces.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keisei.shogi.bitboard import LO_BITS, ONE, ZERO
from keisei.shogi.constants import (
    EMPTY,
    FIRST_DROP_CLASS,
    FIRST_PROMOTION_CLASS,
    NUM_HAND_TYPES,
    NUM_SQUARES,
    OTHER_SIDE,
    PROMOTED,
)
from keisei.shogi.features import (
    ENEMY_HAND,
    IN_CHECK,
    OWN_HAND,
    PLIES_LEFT,
    PROGRESS,
    REPETITION,
    STATE_SIZE,
    TO_MOVE,
)
from keisei.shogi.intrinsics import Scalar, copy_bytes, vector_starts
from keisei.shogi.jit import Int, inline_kernel, kernel

LANES = 32
"""Games a block. LLVM vectorises the loop over a block only if it is this long."""

VIEW_WORDS = 10
"""Code bits 0 to 3 and own pieces, each as (lo, hi)."""
OWN_WORD = 8
HAND_WORD = 20
"""Black's hand, then White's: byte i is the count of hand type i (PAWN to GOLD)."""
TURN_WORD = 22
"""0 when Black is to move, 1 when White is."""
WORDS = 23

VIEW_SIZE = ENEMY_HAND.stop
"""Bytes of a player's view: board and hands."""

SEEN_WORDS = 32
"""Words of the filter that tells most new positions from repeated ones: 2048 bits."""

_CACHE_LINE = 64
"""Bytes."""


class Games(NamedTuple):
    """N games.

    Attributes:
        words: uint64 [blocks * WORDS * LANES], see the module's text.
        boards: uint8 [N, 2, VIEW_SIZE], Black's and White's view as in the compact state: piece
            codes by square, the opponent's + OTHER_SIDE, then own hand and opponent's.
        hashes: uint64 [N], of board and hands.
        history: uint64 [N, 2, plies // 2 + 1], hashes of the positions from the first one on, those
            after an even number of plies and those after an odd number.
        seen: uint64 [N, SEEN_WORDS], a Bloom filter of the history: a position's hash names one
            word by its upper bits, and two bits of it by its lower ones.
        plies: int32 [N], moves played.
        check_runs: int32 [N, 2], how many of a player's last moves gave check without a gap.
        repeats: int32 [N], earlier occurrences of the position.
        in_check: uint8 [N], 1 if the player to move is in check.
    """

    words: NDArray[np.uint64]
    boards: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    history: NDArray[np.uint64]
    seen: NDArray[np.uint64]
    plies: NDArray[np.int32]
    check_runs: NDArray[np.int32]
    repeats: NDArray[np.int32]
    in_check: NDArray[np.uint8]


def aligned_zeros(shape: int | tuple[int, ...], dtype: type[Scalar]) -> NDArray[Scalar]:
    """Zeros of a shape and type, from the beginning of a cache line on.

    Vectors that cross from one line into the next are read and written more slowly.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + _CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % _CACHE_LINE
    return memory[start : start + size].view(dtype).reshape(shape)


def new_games(num_games: int, max_plies: int) -> Games:
    """Empty boards for games of up to ``max_plies`` plies; the words fill whole blocks."""
    blocks = -(-num_games // LANES)
    return Games(
        words=aligned_zeros(blocks * WORDS * LANES, np.uint64),
        boards=np.zeros((num_games, 2, VIEW_SIZE), np.uint8),
        hashes=np.zeros(num_games, np.uint64),
        history=np.zeros((num_games, 2, max_plies // 2 + 1), np.uint64),
        seen=np.zeros((num_games, SEEN_WORDS), np.uint64),
        plies=np.zeros(num_games, np.int32),
        check_runs=np.zeros((num_games, 2), np.int32),
        repeats=np.zeros(num_games, np.int32),
        in_check=np.zeros(num_games, np.uint8),
    )


# Square - square of origin for each direction of travel, plus 16, six bits each.
_ORIGIN_BIAS = 16
_ORIGIN_STEPS = np.uint64(
    sum(
        (step + _ORIGIN_BIAS) << (6 * direction)
        for direction, step in enumerate((1, -8, 10, -9, 9, -1, -10, 8, -7, 11))
    )
)

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_U27, _U30, _U31 = np.uint64(27), np.uint64(30), np.uint64(31)
_U6, _U8, _U63 = np.uint64(6), np.uint64(8), np.uint64(63)
_LANES = np.uint64(LANES)
_SEEN_SHIFT = np.uint64(64 - SEEN_WORDS.bit_length() + 1)
_HAND_KEY = 81 * 32
_OWN_HAND, _ENEMY_HAND = OWN_HAND.start, ENEMY_HAND.start
_VIEW_PARTS = vector_starts(VIEW_SIZE)
_MAX_BYTE = 255
_MAX_REPETITION = 2


@inline_kernel
def mix(x: np.uint64) -> np.uint64:
    """A well-mixed word for each word (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = (x + ONE) * _GOLDEN
    x = (x ^ (x >> _U30)) * _MIX_1
    x = (x ^ (x >> _U27)) * _MIX_2
    return x ^ (x >> _U31)


@inline_kernel
def _piece_key(code: Int, square: Int) -> np.uint64:
    """Hash of a piece (absolute code) on a square (Black's view)."""
    return mix(np.uint64(code * NUM_SQUARES + square))


@inline_kernel
def _hand_key(side: Int, hand_type: Int) -> np.uint64:
    """Hash of one piece in a hand; n pieces add up to n times this."""
    return mix(np.uint64(_HAND_KEY + side * NUM_HAND_TYPES + hand_type))


@inline_kernel
def game_base(game: Int) -> np.uint64:
    """Index into ``words`` of a game's word 0; word w lies ``w * LANES`` further."""
    index = np.uint64(game)
    return (index // _LANES) * np.uint64(WORDS * LANES) + index % _LANES


@inline_kernel
def turn_of(games: Games, game: Int) -> Int:
    """The player to move: 0 Black, 1 White."""
    return np.int64(games.words[game_base(game) + np.uint64(TURN_WORD * LANES)])


@inline_kernel
def toggle_piece(games: Games, game: Int, square: Int, piece: Int, side: Int) -> None:
    """Put a piece (code 1..14) of a side on a square of that side's view, or take it away.

    Boards and hash are not touched.
    """
    base = game_base(game)
    code = np.uint64(piece)
    for view in range(2):
        seen_from = square if view == side else NUM_SQUARES - 1 - square
        half = np.uint64(seen_from >= 63)
        bit = ONE << (np.uint64(seen_from) - half * LO_BITS)
        at = base + (np.uint64(view * VIEW_WORDS) + half) * _LANES
        # Masks, not branches: which bits a code has is not to be guessed.
        for code_bit in range(4):
            chosen = ZERO - ((code >> np.uint64(code_bit)) & ONE)
            games.words[at + np.uint64(2 * code_bit * LANES)] ^= bit & chosen
        games.words[at + np.uint64(OWN_WORD * LANES)] ^= bit & (ZERO - np.uint64(view == side))


@inline_kernel
def _set_square(games: Games, game: Int, square: Int, piece: Int, side: Int) -> None:
    """Write a piece (0 for none) of a side on a square of its view into both boards."""
    games.boards[game, side, square] = piece
    other = piece + OTHER_SIDE if piece != EMPTY else EMPTY
    games.boards[game, 1 - side, NUM_SQUARES - 1 - square] = other


@inline_kernel
def absolute_key(square: Int, piece: Int, side: Int) -> np.uint64:
    """Hash of a piece of a side on a square of that side's view."""
    if side == 1:
        return _piece_key(piece + OTHER_SIDE, NUM_SQUARES - 1 - square)
    return _piece_key(piece, square)


@inline_kernel
def add_to_hand(games: Games, game: Int, side: Int, hand_type: Int, sign: Int) -> None:
    """Add (sign 1) or take (sign -1) one piece of a hand type, in words, boards and hash."""
    at = game_base(game) + np.uint64((HAND_WORD + side) * LANES)
    held = np.int64(games.boards[game, side, _OWN_HAND + hand_type]) + sign
    games.boards[game, side, _OWN_HAND + hand_type] = held
    games.boards[game, 1 - side, _ENEMY_HAND + hand_type] = held
    one = ONE << (_U8 * np.uint64(hand_type))
    if sign > 0:
        games.words[at] += one
        games.hashes[game] += _hand_key(side, hand_type)
    else:
        games.words[at] -= one
        games.hashes[game] -= _hand_key(side, hand_type)


@inline_kernel
def origin_square(games: Games, game: Int, side: Int, direction: Int, to: Int) -> Int:
    """The square from which a piece came: the first one with a piece on the way back.

    Args:
        games: the games.
        game: which one.
        side: the mover.
        direction: 0..9, the direction of travel.
        to: destination in the mover's view. The move has to be legal.
    """
    field = (_ORIGIN_STEPS >> (_U6 * np.uint64(direction))) & _U63
    step = np.int64(field) - _ORIGIN_BIAS
    square = to + step
    while games.boards[game, side, square] == EMPTY:
        square += step
    return square


@inline_kernel
def apply_action(games: Games, game: Int, action: Int) -> Int:
    """Play a legal action (see the action numbering in docs/spec.md) in one game.

    Changes words, boards, hash, ply and side to move; the caller records check and repetition.
    Returns the square of origin in the mover's view, -1 for a drop.
    """
    side = turn_of(games, game)
    move_class = action // NUM_SQUARES
    to = action % NUM_SQUARES
    origin = -1
    if move_class >= FIRST_DROP_CLASS:
        piece = move_class - FIRST_DROP_CLASS + 1
        add_to_hand(games, game, side, piece - 1, -1)
    else:
        direction = move_class % FIRST_PROMOTION_CLASS
        origin = origin_square(games, game, side, direction, to)
        moved = np.int64(games.boards[game, side, origin])
        piece = moved + PROMOTED if move_class >= FIRST_PROMOTION_CLASS else moved
        toggle_piece(games, game, origin, moved, side)
        _set_square(games, game, origin, EMPTY, side)
        games.hashes[game] -= absolute_key(origin, moved, side)
        captured = np.int64(games.boards[game, side, to])
        if captured != EMPTY:
            captured -= OTHER_SIDE
            there = NUM_SQUARES - 1 - to
            toggle_piece(games, game, there, captured, 1 - side)
            games.hashes[game] -= absolute_key(there, captured, 1 - side)
            add_to_hand(games, game, side, (captured - 1) % PROMOTED, 1)
    toggle_piece(games, game, to, piece, side)
    _set_square(games, game, to, piece, side)
    games.hashes[game] += absolute_key(to, piece, side)
    games.words[game_base(game) + np.uint64(TURN_WORD * LANES)] ^= ONE
    games.plies[game] += 1
    return origin


@kernel
def place(
    games: Games,
    game: int,
    board: NDArray[np.uint8],
    hands: NDArray[np.uint8],
    to_move: int,
) -> None:
    """Set up a position as the first of its game.

    Args:
        games: where to write.
        game: its index.
        board: uint8 [81], absolute piece codes by square (White's + OTHER_SIDE).
        hands: uint8 [2, 7], counts of Black's and White's pieces in hand, PAWN to GOLD.
        to_move: BLACK or WHITE.
    """
    base = game_base(game)
    for word in range(WORDS):
        games.words[base + np.uint64(word * LANES)] = ZERO
    games.boards[game] = 0
    games.hashes[game] = ZERO
    for square in range(NUM_SQUARES):
        code = np.int64(board[square])
        if code != EMPTY:
            side = 1 if code >= OTHER_SIDE else 0
            own_square = NUM_SQUARES - 1 - square if side == 1 else square
            piece = code - side * OTHER_SIDE
            toggle_piece(games, game, own_square, piece, side)
            _set_square(games, game, own_square, piece, side)
            games.hashes[game] += absolute_key(own_square, piece, side)
    for side in range(2):
        for hand_type in range(NUM_HAND_TYPES):
            for _ in range(hands[side, hand_type]):
                add_to_hand(games, game, side, hand_type, 1)
    games.words[base + np.uint64(TURN_WORD * LANES)] = np.uint64(to_move)
    start_history(games, game)


@inline_kernel
def mark_seen(games: Games, game: Int) -> bool:
    """Enter the position into the game's filter; True if it may have occurred before."""
    position = games.hashes[game]
    bits = (ONE << (position & _U63)) | (ONE << ((position >> _U6) & _U63))
    word = position >> _SEEN_SHIFT
    known = games.seen[game, word]
    games.seen[game, word] = known | bits
    return known & bits == bits


@inline_kernel
def start_history(games: Games, game: Int) -> None:
    """Make the present position the first of its game."""
    games.plies[game] = 0
    games.check_runs[game, 0] = 0
    games.check_runs[game, 1] = 0
    games.repeats[game] = 0
    games.history[game, 0, 0] = games.hashes[game]
    for word in range(SEEN_WORDS):
        games.seen[game, word] = ZERO
    mark_seen(games, game)


@inline_kernel
def copy_position(games: Games, game: Int, source: Games, source_game: Int) -> None:
    """Copy board, hands, side to move, hash and check flag from one game to another."""
    base, source_base = game_base(game), game_base(source_game)
    for word in range(WORDS):
        offset = np.uint64(word * LANES)
        games.words[base + offset] = source.words[source_base + offset]
    for view in range(2):
        for index in range(VIEW_SIZE):
            games.boards[game, view, index] = source.boards[source_game, view, index]
    games.hashes[game] = source.hashes[source_game]
    games.in_check[game] = source.in_check[source_game]


@inline_kernel
def write_state(games: Games, game: Int, max_plies: Int, out: NDArray[np.uint8], row: Int) -> None:
    """Write one game's compact state (keisei.shogi.features).

    Args:
        games: the games.
        game: which one.
        max_plies: the ply cap.
        out: uint8 [rows, STATE_SIZE].
        row: where to write.
    """
    side = turn_of(games, game)
    at = np.uint64(row) * np.uint64(STATE_SIZE)
    view = np.uint64(2 * game + side) * np.uint64(VIEW_SIZE)
    for part in _VIEW_PARTS:
        copy_bytes(out, at + part, games.boards, view + part)
    ply = games.plies[game]
    out[row, IN_CHECK] = games.in_check[game]
    out[row, REPETITION] = min(games.repeats[game], _MAX_REPETITION)
    out[row, TO_MOVE] = side
    out[row, PROGRESS] = min(_MAX_BYTE * ply // max_plies, _MAX_BYTE)
    out[row, PLIES_LEFT] = min(max(max_plies - ply, 0), _MAX_BYTE)
