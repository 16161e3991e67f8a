"""Openings of matches: random plies, or lines of a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keisei.shogi import (
    Board,
    IllegalMoveError,
    InvalidSfenError,
    InvalidUsiError,
    action_from_move,
)
from keisei.shogi.constants import START_SFEN
from keisei.shogi.moves import Move
from keisei.vec import ShogiVectorEnv

_COMMENT = "#"


class OpeningError(ValueError):
    """A file that is none of openings; the message is one sentence that names file and line."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a game begins."""

    start: str
    """The first position, in SFEN."""
    actions: tuple[int, ...]
    """The moves from there, as actions of whoever moves."""


def random_openings(num_openings: int, plies: int, seed: int) -> NDArray[np.int64]:
    """Openings of uniformly random moves after which the game still goes on.

    Args:
        num_openings: How many.
        plies: Length of each; an opening does not depend on how many there are.
        seed: Fixes them.

    Returns:
        int64 [num_openings, plies], actions from the usual start position.

    Raises:
        ValueError: Openings of this length end games too often.
    """
    openings = np.zeros((num_openings, plies), np.int64)
    missing = np.arange(num_openings) if plies else np.arange(0)
    for attempt in range(100):
        if not len(missing):
            return openings
        env = ShogiVectorEnv(len(missing), max_plies=plies + 1, obs="compact")
        seeds = np.random.SeedSequence((seed, attempt)).generate_state(num_openings)[missing]
        env.reset(seed=seeds.tolist())
        over = np.zeros(len(missing), np.bool_)
        for ply in range(plies):
            actions = env.sample_actions()
            openings[missing, ply] = actions
            _, _, terminations, _, _ = env.step(actions)
            over |= terminations
        env.close()
        missing = missing[over]
    raise ValueError(f"random openings of {plies} plies end the game too often; take shorter ones")


def read_openings(
    path: Path, count: int, seed: int, *, max_plies: int, declaration: bool
) -> tuple[Opening, ...]:
    """Openings from the lines of a file, in an order that follows from the seed.

    A line holds ``startpos`` or an SFEN, then perhaps ``moves`` and moves in USI, as after the word
    ``position`` of USI, which may stand there. Blank lines and those that begin with ``#`` are
    passed over. All lines come once before one comes again; only those that come are looked at.

    Args:
        path: The file, text in UTF-8.
        count: How many are needed.
        seed: Fixes the order.
        max_plies: The ply cap of the games.
        declaration: Whether wins are declared in them.

    Raises:
        OpeningError: The file cannot be read or holds no opening, or a line is none after which a
            game goes on.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise OpeningError(f"cannot read openings {str(path)!r}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise OpeningError(f"openings {str(path)!r} are no text in UTF-8") from None
    numbered = [
        (number, tokens)
        for number, tokens in enumerate(map(str.split, lines), start=1)
        if tokens and not tokens[0].startswith(_COMMENT)
    ]
    if not numbered:
        raise OpeningError(f"openings {str(path)!r} hold no line with an opening")
    rng = np.random.default_rng(seed)
    rounds = [rng.permutation(len(numbered)) for _ in range(-(-count // len(numbered)))]
    found: dict[int, Opening] = {}
    order: list[int] = np.concatenate(rounds)[:count].tolist()
    for place in order:
        number, tokens = numbered[place]
        if place not in found:
            try:
                found[place] = _opening(tokens, max_plies, declaration=declaration)
            except (InvalidSfenError, InvalidUsiError, IllegalMoveError, OpeningError) as error:
                raise OpeningError(f"openings {str(path)!r}, line {number}: {error}") from None
    return tuple(found[place] for place in order)


def _opening(tokens: Sequence[str], max_plies: int, *, declaration: bool) -> Opening:
    """The opening that the words of a line describe."""
    words = list(tokens[1:] if tokens[0] == "position" else tokens)
    place = words.index("moves") if "moves" in words else len(words)
    placement, moves = words[:place], words[place + 1 :]
    if placement[:1] == ["sfen"]:
        placement = placement[1:]
    board = Board(START_SFEN if placement == ["startpos"] else " ".join(placement))
    start, actions = board.sfen(), list[int]()
    for text in (*moves, None):
        outcome = board.outcome(max_plies=max_plies, declaration=declaration)
        if outcome is not None:
            end = outcome.termination.name
            after = f"{len(actions)} of {len(moves)} moves"
            raise OpeningError(f"the game is over after {after} ({end})")
        if text is not None:
            actions.append(action_from_move(board, Move.from_usi(text)))
            board.push_action(actions[-1])
    return Opening(start, tuple(actions))
