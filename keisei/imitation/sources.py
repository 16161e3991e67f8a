"""The files to learn from, read in portions that fit into memory whatever their size."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from keisei.evaluation.records import GameRecord
from keisei.imitation.examples import Examples, Tally
from keisei.imitation.packed import HCPE, PSV, PackedReader
from keisei.imitation.replay import replay
from keisei.imitation.texts import read_games

FORMS = {
    ".csa": "csa",
    ".hcpe": "hcpe",
    ".kif": "kif",
    ".kifu": "kif",
    ".psv": "psv",
    ".bin": "psv",
    ".sfen": "usi",
    ".txt": "usi",
    ".usi": "usi",
}
"""What files hold, by the ends of their names."""
_TELLING = {"csa": 0, "kif": 1, "usi": 2}
"""Records of games, those first that tell most: a line of USI knows no resignation."""
_NO_RECORD = len(_TELLING)
_RECORDS = {"psv": PSV, "hcpe": HCPE}
_AT_ONCE = 16_384
"""Positions that are read together."""


class SourceError(ValueError):
    """Files that cannot be learned from; the message is one sentence."""


def find_files(places: Sequence[Path]) -> list[Path]:
    """The files themselves, and those below folders that hold games by their names, in order.

    Of records in a folder whose names differ in their ends only, as ``match --save`` writes them,
    the one that tells most is taken: they hold the same games.

    Raises:
        SourceError: There is none, or a file's name does not tell what it holds.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            below = sorted(path for path in place.rglob("*") if path.suffix.lower() in FORMS)
            found += _without_copies([path for path in below if path.is_file()])
        elif not place.exists():
            raise SourceError(f"{str(place)!r} does not exist; give files of games or folders")
        elif place.suffix.lower() not in FORMS:
            raise SourceError(
                f"the name of {str(place)!r} does not tell what it holds; it has to end in "
                f"{', '.join(FORMS)}"
            )
        else:
            found.append(place)
    if not found:
        raise SourceError(
            f"there is no file of games in {str(places[0])!r}; their names end in "
            f"{', '.join(FORMS)}"
        )
    return found


def _without_copies(paths: Sequence[Path]) -> list[Path]:
    """The paths, in order, without records that a more telling one of the same name stands for."""
    best: dict[Path, int] = {}
    for path in paths:
        rank = _rank(path)
        best[path.with_suffix("")] = min(rank, best.get(path.with_suffix(""), rank))
    return [path for path in paths if _rank(path) in {_NO_RECORD, best[path.with_suffix("")]}]


def _rank(path: Path) -> int:
    return _TELLING.get(FORMS[path.suffix.lower()], _NO_RECORD)


def read_examples(
    files: Sequence[Path], max_plies: int, seed: int, tally: Tally
) -> Iterator[Examples]:
    """All positions of the files that can be learned from, some ten thousand at a time.

    Args:
        files: In this order.
        max_plies: The ply cap that states speak of.
        seed: Of the keys of games.
        tally: Hears what is read and what is left out.

    Raises:
        SourceError: A file cannot be read.
    """
    for path in files:
        form = FORMS[path.suffix.lower()]
        try:
            if form in _RECORDS:
                yield from _packed(path, _RECORDS[form], max_plies, seed, tally)
            else:
                for games in _portions(read_games(path, form, tally)):
                    yield replay(games, max_plies, seed, tally)
        except OSError as error:
            raise SourceError(f"{str(path)!r} cannot be read: {error.strerror}") from None


def _packed(
    path: Path, record: "np.dtype[np.void]", max_plies: int, seed: int, tally: Tally
) -> Iterator[Examples]:
    reader = PackedReader(path, max_plies, seed)
    with path.open("rb") as file:
        while data := file.read(record.itemsize * _AT_ONCE):
            whole = len(data) // record.itemsize
            if whole * record.itemsize != len(data):
                tally.skip("the file ends within a record", repr(str(path)))
            if whole:
                yield reader.take(np.frombuffer(data, record, whole), tally)


def _portions(
    games: Iterator[tuple[str, GameRecord]],
) -> Iterator[list[tuple[str, GameRecord]]]:
    """Games in lists of some ten thousand moves."""
    portion: list[tuple[str, GameRecord]] = []
    moves = 0
    for game in games:
        portion.append(game)
        moves += len(game[1].moves)
        if moves >= _AT_ONCE:
            yield portion
            portion, moves = [], 0
    if portion:
        yield portion
