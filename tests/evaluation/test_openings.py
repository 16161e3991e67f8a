import itertools
from pathlib import Path

import pytest

from keisei.evaluation.match import MatchRules, play_match
from keisei.evaluation.openings import Opening, OpeningError, read_openings
from keisei.players.greedy import GreedyPlayer
from keisei.players.simple import RandomPlayer
from keisei.shogi import Board
from keisei.shogi.constants import START_SFEN
from tests.evaluation.test_match import Resigning

HANDICAP = "lnsgkgsnl/7b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"
LINES = (
    "startpos moves 7g7f 3c3d",
    HANDICAP,
    f"position sfen {HANDICAP} moves 5a4b 2g2f 4b3b",
    "startpos",
    f"{HANDICAP.removesuffix(' 1')} moves 7a6b",
    "sfen 4k4/9/9/9/9/9/9/4R4/4K4 w Br 17",
)
STARTS = (START_SFEN, HANDICAP, HANDICAP, START_SFEN, HANDICAP, LINES[5].removeprefix("sfen "))


def read(folder: Path, text: str, count: int = 1, *, seed: int = 0) -> tuple[Opening, ...]:
    file = folder / "book.txt"
    file.write_text(text)
    return read_openings(file, count, seed, max_plies=40, declaration=True)


def moves_of(opening: Opening) -> str:
    board, moves = Board(opening.start), list[str]()
    for action in opening.actions:
        board.push_action(action)
        assert board.last_move is not None
        moves.append(board.last_move.usi())
    return " ".join(moves)


def test_every_form_of_a_line_is_read(tmp_path: Path) -> None:
    text = "# a book\n\n" + "\n".join(LINES) + "\n"
    found = {(each.start, moves_of(each)) for each in read(tmp_path, text, 6)}
    assert found == set(
        zip(STARTS, ("7g7f 3c3d", "", "5a4b 2g2f 4b3b", "", "7a6b", ""), strict=True)
    )


def test_a_file_may_begin_with_the_mark_of_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("startpos moves 7g7f\n", "utf-8-sig")
    (opening,) = read_openings(tmp_path / "book.txt", 1, 0, max_plies=40, declaration=True)
    assert moves_of(opening) == "7g7f"


def test_the_order_follows_from_the_seed_and_nothing_repeats_before_all_came(
    tmp_path: Path,
) -> None:
    text = "\n".join(LINES)
    one, two, other = (read(tmp_path, text, 15, seed=seed) for seed in (1, 1, 2))
    assert one == two != other
    for part in (one[:6], one[6:12], other[:6]):
        assert len(set(part)) == 6
    assert one[:6] != one[6:12]
    assert read(tmp_path, text, 4, seed=1) == one[:4]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nowhere", "SFEN 'nowhere' has 1 field(s)"),
        ("startpos moves 7g7f 7g7f", "7g7f is not legal in "),
        ("startpos moves 7g7x", "7g7x"),
        ("startpos 7g7f", "SFEN 'startpos 7g7f' has 2 field(s)"),
        ("sfen", "SFEN '' has"),
        ("position", "SFEN '' has"),
        ("moves 7g7f", "SFEN '' has"),
        ("4k4/4G4/4P4/9/9/9/9/9/4K4 w - 1", "the game is over after 0 of 0 moves (CHECKMATE)"),
        (
            "4k4/9/4P4/9/9/9/9/9/4K4 b G 1 moves G*5b 5a4a",
            "the game is over after 1 of 2 moves (CHECKMATE)",
        ),
        (
            "startpos moves" + 12 * " 2h3h 8b7b 3h2h 7b8b",
            "the game is over after 12 of 48 moves (SENNICHITE)",
        ),
        ("startpos moves 7g7f " + 99 * "x", "x"),
        ("9/9/9/9/9/9/9/9/9 b - 1", "kings of Black"),
    ],
)
def test_a_bad_line_is_named_with_file_number_and_reason(
    tmp_path: Path, line: str, reason: str
) -> None:
    with pytest.raises(OpeningError) as refused:
        read(tmp_path, f"# comment\n\n{line}\n")
    assert str(refused.value).startswith(f"openings '{tmp_path / 'book.txt'}', line 3: ")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_game_that_its_opening_fills_is_over(tmp_path: Path) -> None:
    moves = " 2h3h 8b7b 3h4h 7b6b 4h5h 6b5b 5h2h 5b8b" * 5
    with pytest.raises(OpeningError, match=r"over after 24 of 40 moves \(SENNICHITE\)"):
        read(tmp_path, "startpos moves" + moves)
    file = tmp_path / "book.txt"
    file.write_text("startpos moves 7g7f 3c3d")
    with pytest.raises(OpeningError, match=r"over after 2 of 2 moves \(MAX_PLIES\)"):
        read_openings(file, 1, 0, max_plies=2, declaration=True)


def test_files_without_openings_are_named(tmp_path: Path) -> None:
    with pytest.raises(OpeningError, match=r"book\.txt' hold no line with an opening"):
        read(tmp_path, "# nothing\n\n")
    with pytest.raises(OpeningError, match=r"cannot read openings '.*none': No such file"):
        read_openings(tmp_path / "none", 1, 0, max_plies=40, declaration=True)
    with pytest.raises(OpeningError, match=r"cannot read openings '.*': Is a directory"):
        read_openings(tmp_path, 1, 0, max_plies=40, declaration=True)
    (tmp_path / "book.txt").write_bytes(b"startpos\xff")
    with pytest.raises(OpeningError, match="are no text in UTF-8"):
        read_openings(tmp_path / "book.txt", 1, 0, max_plies=40, declaration=True)


@pytest.mark.parametrize("num_envs", [1, 3, 64])
def test_each_opening_is_played_with_both_colours_from_its_position(
    tmp_path: Path, num_envs: int
) -> None:
    openings = read(tmp_path, "\n".join(LINES), 6, seed=4)
    rules = MatchRules(opening_plies=0, max_plies=40, openings=openings)
    players = GreedyPlayer(1), RandomPlayer(2)
    result = play_match(*players, 14, rules=rules, num_envs=num_envs, seed=9)
    assert result.total.games == 14
    for game in result.games:
        opening = openings[game.number // 2 % 6]
        assert game.start == opening.start
        assert game.colour_of_a == game.number % 2
        board = Board(game.start)
        for ply, move in enumerate(game.moves):
            if ply < len(opening.actions):
                board.push_action(opening.actions[ply])
                assert board.last_move == move
            else:
                assert board.outcome(max_plies=40, declaration=True) is None
                assert board.turn == game.colour_at(ply)
                board.push(move)
        outcome = board.outcome(max_plies=40, declaration=True)
        assert outcome is not None
        assert (game.end, game.winner) == (outcome.termination, outcome.winner)


def test_games_after_a_forfeit_begin_where_they_should(tmp_path: Path) -> None:
    openings = read(tmp_path, "\n".join(LINES), 6)
    rules = MatchRules(opening_plies=0, max_plies=20, openings=openings)
    result = play_match(Resigning(3), RandomPlayer(1), 12, rules=rules, num_envs=2)
    assert result.ends == {"resignation": 12}
    assert [game.start for game in result.games] == [
        start for opening in openings for start in itertools.repeat(opening.start, 2)
    ]
    for game in result.games:
        board = Board(game.start)
        for move in game.moves:
            board.push(move)
        assert board.turn == game.colour_of_a
