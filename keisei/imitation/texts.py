"""Files of games as text: USI a game a line, CSA with a '/' between games, KIF one a file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from keisei.evaluation.csa import read_csa
from keisei.evaluation.kif import RecordError, read_kif
from keisei.evaluation.reading import MOST_CHARACTERS, MOST_MOVES, read_usi
from keisei.evaluation.records import GameRecord
from keisei.imitation.examples import Tally

_MOST_BYTES = 4 * MOST_CHARACTERS
_BETWEEN_GAMES = b"/"
_COMMENT = b"#"


def read_games(path: Path, form: str, tally: Tally) -> Iterator[tuple[str, GameRecord]]:
    """The games of a file, whose moves are not judged yet, each with the words where it is from.

    No more than one game is held at a time.

    Args:
        path: The file, in UTF-8 or cp932.
        form: "usi", "csa" or "kif".
        tally: Hears of what is no game.

    Raises:
        OSError: The file cannot be read.
    """
    read = _READERS[form]
    with path.open("rb") as file:
        for number, data in enumerate(_PARTS[form](file), start=1):
            place = f"game {number} of {str(path)!r}"
            try:
                game = read(_text(data))
                if len(game.moves) > MOST_MOVES:
                    raise RecordError(f"it has {len(game.moves)} moves; {MOST_MOVES} are the most")
            except RecordError as error:
                tally.skip("it is no record of a game", f"{place}: {error}")
                continue
            if game.moves:
                yield place, game
            else:
                tally.skip("it has no moves", place)


def _text(data: bytes) -> str:
    if len(data) > _MOST_BYTES:
        raise RecordError(f"it has more than {_MOST_BYTES} bytes")
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RecordError("its text is neither in UTF-8 nor in cp932")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines, of a very long one its beginning."""
    while line := file.readline(_MOST_BYTES + 2):
        yield line
        while len(line) > _MOST_BYTES and not line.endswith(b"\n"):
            line = file.readline(_MOST_BYTES + 2)
            if not line:
                return


def _usi_games(file: BinaryIO) -> Iterator[bytes]:
    for line in _lines(file):
        if line.strip() and not line.lstrip().startswith(_COMMENT):
            yield line.strip()


def _csa_games(file: BinaryIO) -> Iterator[bytes]:
    game = bytearray()
    for line in _lines(file):
        if line.strip() != _BETWEEN_GAMES:
            # Of what is too long no more is kept than shows it.
            game += line[: _MOST_BYTES + 1 - len(game)] if len(game) <= _MOST_BYTES else b""
        elif game.strip():
            yield bytes(game)
            game.clear()
    if game.strip():
        yield bytes(game)


def _kif_games(file: BinaryIO) -> Iterator[bytes]:
    yield file.read(_MOST_BYTES + 1)


_PARTS: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {
    "usi": _usi_games,
    "csa": _csa_games,
    "kif": _kif_games,
}
_READERS: dict[str, Callable[[str], GameRecord]] = {
    "usi": read_usi,
    "csa": lambda text: read_csa(text)[0],
    "kif": lambda text: read_kif(text)[0],
}
