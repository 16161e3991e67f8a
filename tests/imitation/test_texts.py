"""Games as text, written and read by others too."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.evaluation.records import GameRecord, to_csa
from keisei.imitation.examples import Examples, Tally
from keisei.imitation.sources import SourceError, find_files, read_examples
from keisei.players.player import Forfeit
from keisei.shogi.constants import BLACK
from keisei.shogi.moves import Move
from tests.imitation.games import (
    csa,
    cshogi,
    expected,
    kif,
    random_game,
    write_csa,
    write_kif,
    write_usi,
)

GAMES = [random_game(seed, 61) for seed in (5, 6, 7)]


def read(*files: Path) -> tuple[list[Examples], Tally]:
    tally = Tally()
    return list(read_examples(files, 512, 0, tally)), tally


def assert_games(examples: Examples, games: list[list[str]]) -> None:
    begin = 0
    for moves in games:
        states, bits, actions = expected(moves)
        part = examples.chosen(slice(begin, begin + len(moves)))
        # cshogi counts no repetitions here.
        part.states[:, 96] = 0
        np.testing.assert_array_equal(part.states, states)
        np.testing.assert_array_equal(part.mask_bits, bits)
        np.testing.assert_array_equal(part.actions, actions)
        assert len(set(part.keys.tolist())) == 1
        begin += len(moves)
    assert begin == len(examples)


def to_black(moves: list[str], result: float) -> NDArray[np.float64]:
    return np.where(np.arange(len(moves)) % 2 == BLACK, result, -result)


def test_csa_of_cshogi(tmp_path: Path) -> None:
    write_csa(tmp_path / "games.csa", GAMES, "%TORYO")
    (examples,), tally = read(tmp_path / "games.csa")
    assert_games(examples, GAMES)
    wanted = np.concatenate([to_black(moves, 1.0) for moves in GAMES])
    np.testing.assert_array_equal(examples.results, wanted)  # White gives up after Black's move
    assert (tally.games, tally.skipped) == (3, {})


@pytest.mark.parametrize("name", ["game.kif", "game.kifu"])
def test_kif_of_cshogi_in_both_encodings(name: str, tmp_path: Path) -> None:
    write_kif(tmp_path / name, GAMES[0], "resign")
    (examples,), _ = read(tmp_path / name)
    assert_games(examples, GAMES[:1])
    np.testing.assert_array_equal(examples.results, to_black(GAMES[0], 1.0))


@pytest.mark.parametrize(
    ("end", "is_draw"), [("draw", True), ("sennichite", False), ("win", False)]
)
def test_ends_of_kif_by_cshogi_are_known(end: str, is_draw: bool, tmp_path: Path) -> None:
    write_kif(tmp_path / "game.kif", GAMES[0], end)
    (examples,), tally = read(tmp_path / "game.kif")
    assert tally.skipped == {}
    # What the board does not bear out is not believed.
    assert (examples.results == 0).all() == is_draw
    assert np.isnan(examples.results).all() != is_draw


def test_lines_of_usi_say_nothing_of_the_result(tmp_path: Path) -> None:
    write_usi(tmp_path / "games.usi", GAMES)
    (examples,), tally = read(tmp_path / "games.usi")
    assert_games(examples, GAMES)
    assert np.isnan(examples.results).all()
    assert tally.games == 3


def test_cshogi_and_we_read_the_same(tmp_path: Path) -> None:
    write_csa(tmp_path / "a.csa", GAMES, "%TORYO")
    write_kif(tmp_path / "b.kif", GAMES[0], "resign")
    for path, games in ((tmp_path / "a.csa", GAMES), (tmp_path / "b.kif", GAMES[:1])):
        theirs: Any = (csa if path.suffix == ".csa" else kif).Parser.parse_file(str(path))
        parsers: list[Any] = theirs if path.suffix == ".csa" else [theirs]
        assert [[cshogi.move_to_usi(move) for move in each.moves] for each in parsers] == games
        assert_games(read(path)[0][0], games)


def test_python_shogi_and_we_read_the_same(tmp_path: Path) -> None:
    their_csa: Any = pytest.importorskip("shogi.CSA", reason="python-shogi is not installed")
    their_kif: Any = pytest.importorskip("shogi.KIF", reason="python-shogi is not installed")
    moves = GAMES[0]
    sfen = "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1"
    summary = {"names": ["a", "b"], "sfen": sfen, "moves": moves, "win": "b"}
    text = their_kif.Exporter.kif(summary)
    for name, data in (("u.kif", text.encode()), ("s.kif", text.encode("cp932"))):
        (tmp_path / name).write_bytes(data)
        assert_games(read(tmp_path / name)[0][0], [moves])
    own = to_csa(
        GameRecord(0, BLACK, Forfeit.RESIGNATION, moves=[Move.from_usi(usi) for usi in moves]),
        "a",
        "b",
    )
    assert their_csa.Parser.parse_str(own)[0]["moves"] == moves


def test_a_bad_game_is_left_out_and_counted_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "games.usi"
    good = " ".join(GAMES[0])
    path.write_text(
        f"startpos moves {good}\nstartpos moves 7g7f 3c3d 7g7f\nstartpos moves 7g7\n"
        f"sfen 9/9/9/9/9/9/9/9/9 b - 1 moves 7g7f\nstartpos\n{good}\n"
    )
    (examples,), tally = read(path)
    assert_games(examples, [GAMES[0], GAMES[0]])
    assert examples.keys[0] == examples.keys[-1]
    assert {reason: each.count for reason, each in tally.skipped.items()} == {
        "a move is not legal": 1,
        "it is no record of a game": 2,
        "it has no moves": 1,
    }
    first = tally.skipped["a move is not legal"].first
    assert first == f"game 2 of {str(path)!r}: move 3, 7g7f"


def test_a_first_position_in_which_a_king_can_be_captured_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csa").write_text("P-51OU\nP+59OU\nP+52KI\n+\n+5251KI\n%TORYO\n")
    (examples,), tally = read(tmp_path / "a.csa")
    assert len(examples) == 0
    assert list(tally.skipped) == ["a king can be captured in the first position"]


def test_moves_after_the_end_are_refused(tmp_path: Path) -> None:
    there_and_back = "5i5h 5a5b 5h5i 5b5a"
    for rounds, is_over in ((2, False), (3, True)):
        path = tmp_path / f"{rounds}.usi"
        path.write_text("startpos moves " + rounds * (there_and_back + " "))
        more = tmp_path / f"{rounds}-more.usi"
        more.write_text(path.read_text() + "7g7f")
        examples, _ = read(path)
        assert len(examples[0]) == 4 * rounds
        assert bool((examples[0].results == 0).all()) == is_over
        _, tally = read(more)
        assert bool(tally.skipped) == is_over


def test_what_is_too_long_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "games.usi"
    path.write_text("startpos moves " + "7g7f " * 400_000 + f"\n{' '.join(GAMES[0])}\n")
    (examples,), tally = read(path)
    assert_games(examples, GAMES[:1])
    assert list(tally.skipped) == ["it is no record of a game"]


def test_files_are_found_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("below/b.KIF", "a.csa", "notes.md"):
        (tmp_path / name).touch()
    assert find_files([tmp_path]) == [tmp_path / "a.csa", tmp_path / "below/b.KIF"]
    # A game that a match wrote in two forms is learned from once, from the form that tells more.
    for name in ("a.usi", "a.psv", "below/c.usi"):
        (tmp_path / name).touch()
    names = ["a.csa", "a.psv", "below/b.KIF", "below/c.usi"]
    assert find_files([tmp_path]) == [tmp_path / name for name in names]
    for place, words in (
        (tmp_path / "none", "does not exist"),
        (tmp_path / "notes.md", r"does not tell what it holds; it has to end in \.csa"),
    ):
        with pytest.raises(SourceError, match=words):
            find_files([place])
