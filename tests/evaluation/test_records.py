from typing import Any, cast

import cshogi
import pytest
from cshogi import CSA

from keisei.evaluation.match import MatchRules, play_match
from keisei.evaluation.records import GameRecord, to_csa, to_usi_lines
from keisei.players.greedy import GreedyPlayer
from keisei.players.player import Forfeit
from keisei.players.simple import RandomPlayer
from keisei.shogi import Board
from keisei.shogi.constants import BLACK, WHITE, Termination
from keisei.shogi.moves import Move


def record(usi: str, end: Termination | Forfeit, winner: int | None) -> GameRecord:
    moves = [Move.from_usi(text) for text in usi.split()]
    return GameRecord(0, BLACK, end, winner, moves=moves)


def test_a_short_game_in_csa() -> None:
    game = record("7g7f 3c3d 8h2b+ 3a2b B*4e", Forfeit.RESIGNATION, BLACK)
    assert to_csa(game, "Anna", "Bo").splitlines() == [
        "V2.2",
        "N+Anna",
        "N-Bo",
        "'resignation",
        "PI",
        "+",
        "+7776FU",
        "-3334FU",
        "+8822UM",
        "-3122GI",
        "+0045KA",
        "%TORYO",
    ]
    game.colour_of_a = WHITE
    assert to_csa(game, "Anna", "Bo").splitlines()[1:3] == ["N+Bo", "N-Anna"]


HANDICAP = "lnsgkgsnl/7b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL w - 1"
HANDS = "4k4/9/4+P4/9/9/9/9/9/4K4 b RB2G4Pr2s 31"


def test_a_game_from_another_position_tells_it() -> None:
    moves = [Move.from_usi(text) for text in ("5c5b", "5a4a")]
    game = GameRecord(0, BLACK, Forfeit.RESIGNATION, WHITE, moves=moves, start=HANDS)
    assert to_usi_lines([game]) == f"position sfen {HANDS} moves 5c5b 5a4a\n"
    assert (game.colour_at(0), game.colour_at(3)) == (BLACK, WHITE)
    lines = to_csa(game, "a", "b").splitlines()
    assert lines[4:7] == ["P1" + 4 * " * " + "-OU" + 4 * " * ", "P2" + 9 * " * ", lines[6]]
    assert lines[6] == "P3" + 4 * " * " + "+TO" + 4 * " * "
    assert lines[13:] == [
        "P+00FU00FU00FU00FU00KA00HI00KI00KI",
        "P-00GI00GI00HI",
        "+",
        "+5352TO",
        "-5141OU",
        "%TORYO",
    ]


@pytest.mark.parametrize("start", [HANDICAP, HANDS])
def test_other_readers_find_the_position(start: str) -> None:
    game_board, moves = Board(start), list[Move]()
    for _ in range(5):
        moves.append(game_board.legal_moves[-1])
        game_board.push(moves[-1])
    game = GameRecord(0, BLACK, Termination.MAX_PLIES, None, moves=moves, start=start)
    (read,) = CSA.Parser.parse_str(to_csa(game, "a", "b"))
    board, side, hands = cast(Any, read).sfen.split()[:3]
    assert [board, side, sorted(hands)] == [*start.split()[:2], sorted(start.split()[2])]
    assert [cshogi.move_to_usi(move) for move in read.moves] == [m.usi() for m in moves]


def test_real_games_are_read_by_cshogi_as_they_were_played() -> None:
    rules = MatchRules(max_plies=120)
    result = play_match(GreedyPlayer(1), RandomPlayer(2), 60, rules=rules, seed=2)
    text = "/\n".join(to_csa(game, "greedy", "random") for game in result.games)
    parsed = CSA.Parser.parse_str(text)
    assert len(parsed) == 60
    for game, read in zip(result.games, parsed, strict=True):
        assert [cshogi.move_to_usi(move) for move in read.moves] == [m.usi() for m in game.moves]
        assert read.win == {None: 0, BLACK: 1, WHITE: 2}[game.winner]
        names = ["greedy", "random"]
        assert read.names == (names if game.colour_of_a == BLACK else names[::-1])
    assert len({game.end for game in result.games}) > 2


@pytest.mark.parametrize(
    ("end", "winner", "last"),
    [
        (Termination.CHECKMATE, BLACK, "%TORYO"),
        (Termination.STALEMATE, BLACK, "%TORYO"),
        (Termination.SENNICHITE, None, "%SENNICHITE"),
        (Termination.MAX_PLIES, None, "%CHUDAN"),
        (Termination.DECLARATION, WHITE, "%KACHI"),
        (Termination.PERPETUAL_CHECK, BLACK, "%-ILLEGAL_ACTION"),
        (Termination.PERPETUAL_CHECK, WHITE, "%+ILLEGAL_ACTION"),
        (Forfeit.ILLEGAL_MOVE, BLACK, "%ILLEGAL_MOVE"),
        (Forfeit.ENGINE_FAILURE, BLACK, "%TIME_UP"),
        (Forfeit.OUT_OF_TIME, BLACK, "%TIME_UP"),
    ],
)
def test_every_end_has_a_word_that_names_the_winner(
    end: Termination | Forfeit, winner: int | None, last: str
) -> None:
    text = to_csa(record("7g7f", end, winner), "a", "b")
    assert text.endswith(f"\n{last}\n")
    assert f"\n'{end.name.lower()}\n" in text
    (read,) = CSA.Parser.parse_str(text)
    assert read.win == {None: 0, BLACK: 1, WHITE: 2}[winner]


def test_usi_lines_hold_one_game_each() -> None:
    games = [record("7g7f 3c3d", Termination.MAX_PLIES, None), record("", Forfeit.RESIGNATION, 1)]
    assert to_usi_lines(games) == "position startpos moves 7g7f 3c3d\nposition startpos\n"
