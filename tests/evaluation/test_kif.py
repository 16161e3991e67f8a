"""Games in KIF, and from texts in any form; cshogi reads what is written."""

import random
from contextlib import suppress
from importlib import import_module
from typing import Any

import cshogi
import pytest

from keisei.evaluation.kif import HANDICAPS, RecordError, move_names, to_kif
from keisei.evaluation.reading import MOST_CHARACTERS, read_game
from keisei.evaluation.records import GameRecord, to_csa
from keisei.players.player import Forfeit
from keisei.shogi import Board
from keisei.shogi.constants import BLACK, START_SFEN, WHITE, Termination
from keisei.shogi.moves import Move

MIDDLE = "8l/1l+R2P3/p2pBG1pp/kps1p4/Nn1P2G2/P1P1P2PP/1PS6/1KSG3+r1/LN2+p3L w Sbgn3p 1"
MATE = "4k4/9/4P4/9/9/9/9/9/4K4 b G 1"


def random_game(start: str, seed: int, plies: int = 120) -> GameRecord:
    choice = random.Random(seed)
    board = Board(start)
    moves: list[Move] = []
    while len(moves) < plies and board.outcome() is None:
        moves.append(choice.choice(list(board.legal_moves)))
        board.push(moves[-1])
    outcome = board.outcome()
    game = GameRecord(0, BLACK, start=start, moves=moves)
    if outcome is not None:
        game.end, game.winner = outcome.termination, outcome.winner
    return game


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("start", [*HANDICAPS.values(), MIDDLE])
def test_games_come_back_as_they_were_written(start: str, seed: int) -> None:
    game = random_game(start, seed)
    for text in (to_kif(game, "a", "b"), to_csa(game, "a", "b"), game.usi_position()):
        again, names = read_game(text)
        assert (again.start, again.moves) == (game.start, game.moves)
        assert (again.end, again.winner) == (game.end, game.winner)
        assert names in (("a", "b"), ("", ""))


@pytest.mark.parametrize("seed", range(6))
def test_cshogi_replays_kif_and_csa_to_the_same_position(seed: int) -> None:
    game = random_game(START_SFEN, seed, 200)
    board = Board()
    for move in game.moves:
        board.push(move)
    parsers: tuple[tuple[Any, str], ...] = (
        (import_module("cshogi.KIF"), to_kif(game, "a", "b")),
        (import_module("cshogi.CSA"), to_csa(game, "a", "b")),
    )
    for parser, text in parsers:
        games: Any = parser.Parser.parse_str(text)
        found = games[0] if parser.__name__.endswith("CSA") else games
        replayed = cshogi.Board(found.sfen)
        for move in found.moves:
            replayed.push(move)
        assert replayed.sfen() == board.sfen()


def test_moves_are_named_as_players_name_them() -> None:
    moves = [Move.from_usi(usi) for usi in ["7g7f", "3c3d", "8h2b+", "3a2b", "B*4e"]]
    assert move_names(START_SFEN, moves) == [
        "▲７六歩(77)", "△３四歩(33)", "▲２二角成(88)", "△同\u3000銀(31)", "▲４五角打",
    ]  # fmt: skip
    assert move_names(HANDICAPS["二枚落ち"], [Move.from_usi("5a4b")]) == ["△４二玉(51)"]
    promoted = "4k4/9/9/9/4+N4/9/9/9/4K4 b - 1"
    assert move_names(promoted, [Move.from_usi("5e5d")]) == ["▲５四成桂(55)"]


@pytest.mark.parametrize(
    ("end", "winner", "word"),
    [
        (Termination.CHECKMATE, BLACK, "詰み"),
        (Termination.SENNICHITE, None, "千日手"),
        (Termination.DECLARATION, WHITE, "入玉勝ち"),
        (Termination.MAX_PLIES, None, "持将棋"),
        (Termination.PERPETUAL_CHECK, WHITE, "反則勝ち"),
        (Termination.PERPETUAL_CHECK, BLACK, "反則負け"),
        (Forfeit.RESIGNATION, BLACK, "投了"),
        (Forfeit.OUT_OF_TIME, BLACK, "切れ負け"),
    ],
)
def test_the_end_has_its_word(end: Termination | Forfeit, winner: int | None, word: str) -> None:
    game = GameRecord(0, BLACK, end, winner, moves=[Move.from_usi("7g7f")])
    assert to_kif(game, "a", "b").splitlines()[-1] == f"   2 {word}"


def test_what_other_programs_write_is_read() -> None:
    text = (
        "# KIF\n開始日時：2020/01/01\n手合割：平手　　\n先手：先 手\n後手：後手\n"
        "手数----指手---------消費時間--\n*comment\n"
        "   1 ７六歩(77)   ( 0:16/00:00:16)\n*1 ５五歩(57)\n   2 ３四歩(33)   ( 0:00/00:00:00)\n"
        "   3 ２二角成(88)   ( 0:00/)+\n   4 同　銀(31)\n   5 投了\nまで4手で後手の勝ち\n"
        "変化：2手\n   2 ８四歩(83)\n"
    )
    game, names = read_game(text)
    assert game.usi_position() == "position startpos moves 7g7f 3c3d 8h2b+ 3a2b"
    assert (game.end, game.winner) == (Forfeit.RESIGNATION, WHITE)
    assert names == ("先 手", "後手")
    csa = "'comment\nV2.2\nN+a\nPI82HI22KA\n-\n-5142OU,T5\n+7776FU\nT3\n%TORYO\n/\nV2.2\n"
    game, names = read_game(csa)
    assert game.start == HANDICAPS["二枚落ち"]
    assert [move.usi() for move in game.moves] == ["5a4b", "7g7f"]
    assert (game.end, game.winner) == (Forfeit.RESIGNATION, BLACK)
    bare, _ = read_game("7g7f 3c3d")
    assert bare.usi_position() == "position startpos moves 7g7f 3c3d"
    position, _ = read_game(MATE)
    assert (position.start, position.moves) == (MATE, [])


@pytest.mark.parametrize("name", ["手合割", "手数", "V2.2", "+7776FU", "position startpos"])
def test_the_form_of_a_record_is_not_taken_from_a_name(name: str) -> None:
    game = random_game(START_SFEN, 0, 10)
    for text in (to_kif(game, name, name), to_csa(game, name, name)):
        again, names = read_game(text)
        assert (again.moves, names) == (game.moves, (name, name))


def test_the_rules_say_how_a_game_ended_when_its_record_does_not() -> None:
    game, _ = read_game(f"position sfen {MATE} moves G*5b")
    assert (game.end, game.winner) == (Termination.CHECKMATE, BLACK)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("hello", "SFEN"),
        ("x" * (MOST_CHARACTERS + 1), "characters"),
        ("position startpos moves 7g7f 7g7f", "move 2"),
        ("position startpos moves 7g7", "7g7"),
        ("手合割：平手\n   1 ７七歩(77)\n", "move 1"),
        ("手合割：平手\n   1 同　歩(77)\n", "same square"),
        ("手合割：平手\n   1 ７六玉打\n", "where the piece comes from"),
        ("手合割：平手\n   1 banana\n", "banana"),
        ("手合割：十枚落ち\n   1 ７六歩(77)\n", "十枚落ち"),
        ("手合割：その他\n|v香|一\n   1 ７六歩(77)\n", "nine ranks"),
        ("V2.2\n+7776FU\n", "before the first position"),
        ("V2.2\nPI\n+\n+7776KI\n", "does not stand there"),
        ("V2.2\nPI\n+\n+7776XX\n", "XX"),
        ("V2.2\nPI\n+\n+0076OU\n", "never in hand"),
        ("V2.2\nP+99OU\n+\n", "cannot be"),
        ("V2.2\nPI\n", "no first position"),
        ("V2.2\nPI\n+\nbanana\n", "banana"),
    ],
)
def test_what_is_no_game_is_refused_in_a_sentence(text: str, part: str) -> None:
    with pytest.raises(RecordError, match=part) as refusal:
        read_game(text)
    assert "\n" not in str(refusal.value)


def test_no_move_comes_after_the_fourth_occurrence() -> None:
    cycle = ["5i5h", "5a5b", "5h5i", "5b5a"]
    line = "position startpos moves " + " ".join(cycle * 3)
    game, _ = read_game(line)
    assert (game.end, game.winner) == (Termination.SENNICHITE, None)
    with pytest.raises(RecordError, match="fourth time"):
        read_game(f"{line} 7g7f")


@pytest.mark.parametrize("seed", range(30))
def test_spoilt_records_are_read_or_refused(seed: int) -> None:
    choice = random.Random(seed)
    game = random_game([START_SFEN, MIDDLE][seed % 2], seed, 20)
    text = list([to_kif, to_csa][seed % 3 % 2](game, "a", "b"))
    for _ in range(choice.randrange(1, 6)):
        place = choice.randrange(len(text))
        text[place] = choice.choice(
            ["", "\n", "9", "同", "成", "+", "|", "：", "\x00", "香", "%", " "]
        )
    with suppress(RecordError):
        read_game("".join(text))
