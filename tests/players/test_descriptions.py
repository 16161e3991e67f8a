from pathlib import Path

import numpy as np
import pytest
import torch

from keisei.evaluation.arena import Arena
from keisei.evaluation.match import MatchRules
from keisei.players.descriptions import PlayerDescriptionError, parse_player
from keisei.players.greedy import GreedyPlayer
from keisei.players.opened import open_player, require_present
from keisei.players.policy import PolicyPlayer
from keisei.players.simple import RandomPlayer
from keisei.players.usi_client import EngineError
from keisei.rl.networks import PolicyValueNet
from tests.players.engines import assert_no_process, pids, settings
from tests.players.test_players import FixedNet, positions


def load(path: Path, device: str) -> PolicyValueNet:
    assert (path, device) == (Path("a/b.pt"), "cpu")
    return FixedNet({5: float(np.log(3.0))})


@pytest.mark.parametrize(("text", "kind"), [("random", RandomPlayer), ("greedy", GreedyPlayer)])
def test_players_without_a_file_are_named(text: str, kind: type) -> None:
    with open_player(parse_player(text), load, seed=1) as player:
        assert isinstance(player, kind)


@pytest.mark.parametrize(
    ("text", "argmax", "chosen"),
    [
        ("a/b.pt", False, {5, 6}),
        ("a/b.pt", True, {5}),
        ("a/b.pt?argmax", False, {5}),
        ("a/b.pt?sampled", True, {5, 6}),
        ("a/b.pt?argmax&device=cpu", False, {5}),
    ],
)
def test_a_policy_plays_sampled_or_its_best(text: str, argmax: bool, chosen: set[int]) -> None:
    with open_player(parse_player(text), load, seed=1, argmax=argmax) as player:
        assert isinstance(player, PolicyPlayer)
        assert set(player.choose(positions([[5, 6]] * 200)).tolist()) == chosen
    assert torch.is_grad_enabled()


def test_an_engine_has_a_command_a_limit_and_options() -> None:
    description = parse_player(
        "usi:engine --book 'my file'?depth=3&timeout=2.5&processes=4"
        "&option.Skill Level=-5&option.A="
    )
    assert description.processes == 4
    engine = description.engine
    assert engine.command == "engine --book 'my file'"
    assert engine.limit == "depth 3"
    assert engine.move_seconds == 2.5
    assert engine.options == {"Skill Level": "-5", "A": ""}
    assert parse_player("usi:engine?byoyomi=100").engine.limit == "byoyomi 100"
    assert parse_player("greedy").processes == 0


def test_in_a_match_with_a_clock_an_engine_without_a_limit_plays_by_it() -> None:
    description = parse_player("usi:engine?processes=2", clocked=True)
    assert (description.has_clock, description.engine.limit) == (True, "")
    for text in ("usi:engine?nodes=1", "greedy", "keisei?nodes=8"):
        assert not parse_player(text, clocked=True).has_clock
    with pytest.raises(PlayerDescriptionError, match="one of nodes=N, depth=N and byoyomi=MS"):
        parse_player("usi:engine?nodes=1&depth=1", clocked=True)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is empty; write random | greedy"),
        ("random?seed=1", "unknown option 'seed'; allowed are none"),
        ("a.pt?argmx", "unknown option 'argmx'; allowed are argmax, sampled, device"),
        ("a.pt?argmax&sampled", "both argmax and sampled"),
        ("a.pt?argmax&argmax", "names 'argmax' twice"),
        ("usi:engine", "byoyomi=MS; only in a match against the clock it needs none"),
        ("usi:engine?nodes=1&depth=1", "one of nodes=N, depth=N and byoyomi=MS"),
        ("usi:engine?nodes=0", "nodes='0' is no whole number above 0"),
        ("usi:engine?nodes=many", "nodes='many' is no whole number above 0"),
        ("usi:engine?nodes=1&processes=-1", "processes='-1'"),
        ("usi:engine?nodes=1&timeout=soon", "timeout='soon' is no time above 0"),
        ("usi:engine?nodes=1&skill=1", "unknown option 'skill'; allowed are nodes, "),
        ("usi:engine?nodes=" + "9" * 5000, "is no whole number above 0"),
        ("usi:engine?byoyomi=9999999999999", "byoyomi=9999999999999 is past 1000000000"),
        ("usi:engine?nodes=1&processes=100000", "processes=100000 is past 1000"),
        ("usi:engine?nodes=²", "nodes='²' is no whole number above 0"),
        ("usi:engine?nodes=1&timeout=²", "timeout='²' is no time above 0"),
        ("usi:engine?nodes=1&timeout=.", "timeout='.' is no time above 0"),
        ("usi:engine?nodes=1&timeout=" + "9" * 400, "is no time above 0"),
        ("usi:engine?nodes=1&option.Book=a\nquit", "holds '\\n', which is no part of a text"),
        ("a\0b.pt", "holds '\\x00', which is no part of a text"),
        ("a\udcffb.pt", "holds '\\udcff', which is no part of a text"),
        ("keisei?device=tpu", "device='tpu' is neither cpu nor cuda nor cuda:N"),
        ("keisei?device=", "device='' is neither cpu nor cuda nor cuda:N"),
        ("usi:?nodes=1", "names no program after 'usi:'"),
        ("usi:'a?nodes=1", "No closing quotation"),
    ],
)
def test_texts_that_describe_nobody_are_refused_in_one_sentence(text: str, part: str) -> None:
    with pytest.raises(PlayerDescriptionError, match="player") as refused:
        parse_player(text)
    assert part in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_what_is_not_there_is_missed_in_one_sentence() -> None:
    with pytest.raises(PlayerDescriptionError, match="torch finds no CUDA device 9; leave device="):
        require_present(parse_player("keisei?device=cuda:9"))
    with pytest.raises(EngineError, match="is not installed"):
        require_present(parse_player("usi:no-such-engine?nodes=1"))
    require_present(parse_player("keisei"))


def test_an_arena_opens_as_many_boards_as_engines_have_processes(tmp_path: Path) -> None:
    engine = parse_player(f"usi:{settings(tmp_path, 'good').command}?nodes=1&processes=2")
    arena = Arena(load, MatchRules(opening_plies=2, max_plies=12))
    result = arena.play(engine, parse_player("random"), 5)
    assert result.total.games == 5
    assert len(pids(tmp_path)) == 2
    announced = [line.split()[0] for line in (tmp_path / "limits").read_text().splitlines()]
    # Three games for one process and two for the other, each announced once.
    assert set(announced) == {"1", "2", "3"}
    assert_no_process(tmp_path)
