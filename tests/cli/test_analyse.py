"""keisei-vec analyse: a game as a player sees it."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from keisei.evaluation.analysis import (
    JudgedMove,
    analyse,
    analysis_svg,
    analysis_table,
    worst_moves,
)
from keisei.evaluation.reading import read_game
from keisei.players.descriptions import SHIPPED_POLICY
from keisei.players.opinion import Adviser
from keisei.players.policy import NetworkEvaluator
from keisei.training.model_manager import load_policy
from tests.cli.command_line import assert_mistake, run

GAME = "position startpos moves 7g7f 3c3d 8h2b+ 3a2b 2g2f 5a5b\n"
MATED = "position sfen 1k7/9/K8/9/9/9/9/9/9 w 2G 1 moves 8a9a G*9b\n"


def test_it_prints_a_line_a_move_and_draws_the_graph(tmp_path: Path) -> None:
    file = tmp_path / "game.usi"
    file.write_text(GAME, encoding="utf-8")
    picture = tmp_path / "values.svg"
    result = run("analyse", str(file), "--player", "keisei", "--svg", str(picture))
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    head, *lines, empty, last = result.stdout.splitlines()
    assert (empty, last) == ("", "No move lost 0.3 of the value.")
    assert head.split() == ["#", "value", "chosen", "move"]
    assert len(lines) == 6
    # Where the player would have moved otherwise, that follows.
    assert re.fullmatch(r" +1  [+-]\d\.\d\d +\d+\.\d%  ▲７六歩\(77\)(  ▲\S+)?", lines[0])
    assert all(line.split()[0] == str(ply) for ply, line in enumerate(lines, start=1))
    drawn = ET.parse(picture).getroot()
    (line,) = drawn.findall("{*}polyline")
    assert len(line.attrib["points"].split()) == 6


CSA = "V2.2\nPI\n+\n{}\n%CHUDAN\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("games.usi", "# three\nstartpos moves 7g7f\n\nstartpos moves 2g2f\nstartpos moves 9g9f\n"),
        ("games.csa", "/\r\n".join(CSA.format(move) for move in ("+7776FU", "+2726FU", "+9796FU"))),
    ],
)
def test_one_game_of_several_is_judged_and_said_to_be(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    words = ("analyse", str(file), "--player", "keisei", "--notation", "usi")
    for number, move in enumerate(("7g7f", "2g2f", "9g9f"), start=1):
        result = run(*words, *(() if number == 1 else ("--game", str(number))))
        assert result.stdout.splitlines()[1].split()[3] == move
        assert result.stderr == f"game {number} of 3; --game N takes another\n"
    assert_mistake(
        run(*words, "--game", "4"), f"--game 4 is not there: '{file}' holds 3 games; give"
    )
    file.write_text("startpos moves 7g7f\nstartpos moves 7g7e\n", encoding="utf-8")
    assert_mistake(run(*words, "--game", "2"), "game 2 of 2: move 1: 7g7e is not legal")


def test_the_three_moves_that_lost_most_come_last() -> None:
    losses = (0.4, 0.2, 0.7, 0.0, 0.5, 0.3)
    judged = [
        JudgedMove(ply, "7g7f", 0.5, "2g2f", False, 0.1, loss)
        for ply, loss in enumerate(losses, start=1)
    ]
    assert worst_moves(judged).splitlines() == [
        "Lost most:",
        "   3  7g7f ??  lost 0.70, better 2g2f",
        "   5  7g7f ?  lost 0.50, better 2g2f",
        "   1  7g7f ?  lost 0.40, better 2g2f",
    ]


def test_files_of_other_programs_are_read_in_their_encoding(tmp_path: Path) -> None:
    text = "手合割：平手\n手数----指手---------消費時間--\n   1 ７六歩(77)\n"
    outputs: list[str] = []
    for number, encoding in enumerate(("utf-8", "utf-8-sig", "cp932")):
        file = tmp_path / f"{number}.kif"
        file.write_text(text, encoding=encoding)
        outputs.append(run("analyse", str(file), "--player", "keisei").stdout)
    assert outputs == [outputs[0]] * 3
    assert "▲７六歩(77)" in outputs[0]


def test_the_end_counts_and_moves_that_lose_are_marked() -> None:
    network = load_policy(SHIPPED_POLICY)
    record, _ = read_game(MATED)
    judged = analyse(record, Adviser(NetworkEvaluator(network)))
    assert [each.ply for each in judged] == [1, 2]
    assert judged[-1].value == 1
    assert all(0 <= each.probability <= 1 for each in judged)
    assert all(each.loss == 0 for each in judged if each.is_best)


@pytest.mark.parametrize(("loss", "mark"), [(0.0, ""), (0.29, ""), (0.3, "?"), (0.6, "??")])
def test_losses_have_their_marks(loss: float, mark: str) -> None:
    judged = [JudgedMove(1, "▲７六歩(77)", 0.5, "▲２六歩(27)", False, 0.1, loss)]
    assert judged[0].mark == mark
    assert analysis_table(judged).splitlines()[1].endswith(f"{mark}  ▲２六歩(27)")
    assert analysis_svg(judged).count("<circle") == bool(mark)


def test_mistakes_end_with_a_sentence(tmp_path: Path) -> None:
    assert_mistake(run("analyse", str(tmp_path / "none")), "none", "cannot be read")
    file = tmp_path / "game.txt"
    file.write_text("position startpos moves 7g7f 7g7f", encoding="utf-8")
    assert_mistake(run("analyse", str(file), "--player", "keisei"), "move 2")
    assert_mistake(run("analyse", str(file), "--player", "greedy"), "greedy", "no opinion")
    file.write_bytes(b"\xff\xfe\x00nothing")
    assert_mistake(run("analyse", str(file), "--player", "keisei"))
