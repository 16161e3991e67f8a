"""A policy says with which temperature it is searched best, and is searched so."""

import re
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from keisei.evaluation.openings import random_openings
from keisei.players.descriptions import SHIPPED_POLICY, parse_player
from keisei.players.opened import open_player
from keisei.players.opinion import Adviser
from keisei.players.policy import NetworkEvaluator
from keisei.players.positions import Positions
from keisei.search.settings import SearchSettings
from keisei.training.checkpoint import CheckpointError
from keisei.training.model_manager import export_policy, load_policy
from keisei.training.policy_file import read_policy, write_policy
from keisei.usi.going import Going
from keisei.usi.limits import Limits
from keisei.usi.options import Options
from keisei.usi.placed import PlacedGame
from keisei.usi.thinking import Thinker
from keisei.vec import ShogiVectorEnv
from tests.cli.command_line import SMALL_RUN, run

OWN = 0.25


def told(folder: Path, temperature: Any, name: str = "told") -> Path:
    """The shipped policy with other words about its search."""
    facts, weights = read_policy(SHIPPED_POLICY)
    path = folder / f"{name}.safetensors"
    write_policy(path, {**facts, "search_temperature": temperature}, weights)
    return path


def positions() -> Positions:
    env: Any = ShogiVectorEnv(64, obs="compact")
    obs, _ = env.reset(seed=4)
    for actions in random_openings(64, 12, 4).T:
        obs, *_ = env.step(actions)
    return Positions(obs["state"], obs["action_mask_bits"], (), env.standing())


def load(path: Path, device: str) -> Any:
    return load_policy(path, device)


def moves(player: str) -> list[int]:
    with open_player(parse_player(player), load, seed=1) as opened:
        chosen: NDArray[Any] = opened.choose(positions())
    return chosen.tolist()


def test_players_look_ahead_with_it_unless_they_are_told_otherwise(tmp_path: Path) -> None:
    path = told(tmp_path, OWN)
    assert load_policy(path).search_temperature == OWN
    own = moves(f"{path}?nodes=8")
    assert own == moves(f"{SHIPPED_POLICY}?nodes=8&temperature={OWN}")
    assert own != moves(f"{path}?nodes=8&temperature=50")
    assert moves(f"{path}?nodes=8&temperature=50") == moves("keisei?nodes=8&temperature=50")


def test_who_says_nothing_is_searched_as_usual(tmp_path: Path) -> None:
    path = told(tmp_path, None)
    assert load_policy(path).search_temperature is None
    assert moves(f"{path}?nodes=8") == moves(f"{path}?nodes=8&temperature=4")


def test_advisers_follow(tmp_path: Path) -> None:
    def visits(path: Path, settings: SearchSettings) -> list[Any]:
        adviser = Adviser(NetworkEvaluator(load_policy(path)), settings)
        return [opinion.candidates for opinion in adviser.judge(positions())]

    path = told(tmp_path, OWN)
    found = visits(path, SearchSettings(nodes=8))
    assert found == visits(SHIPPED_POLICY, SearchSettings(nodes=8, temperature=OWN))
    assert found != visits(path, SearchSettings(nodes=8, temperature=50.0))


def test_the_engine_follows(tmp_path: Path) -> None:
    def found(player: str) -> list[str]:
        options = Options.for_player(player)
        thinker, game, said = Thinker(options, load), PlacedGame(), list[str]()
        game.place(["startpos"])
        thinker.think(game, options, Going(Limits(nodes=60)), said.append)
        scored = [line for line in said if " pv " in line]
        return [re.sub(r" (time|nps|hashfull) \d+", "", line) for line in scored[-1:]]

    path = told(tmp_path, OWN)
    own = found(str(path))
    assert own == found(f"{SHIPPED_POLICY}?temperature={OWN}")
    assert own != found(f"{path}?temperature=50")


def test_a_copy_for_sharing_keeps_it(tmp_path: Path) -> None:
    export_policy(told(tmp_path, OWN), tmp_path / "copy.safetensors")
    assert load_policy(tmp_path / "copy.safetensors").search_temperature == OWN


def test_a_run_of_ppo_that_begins_with_it_forgets_it(tmp_path: Path) -> None:
    facts, _ = read_policy(SHIPPED_POLICY)
    width = f"model.options.width={facts['options'].get('width', 256)}"
    words = ("--init", str(told(tmp_path, OWN)), "--run-dir", str(tmp_path / "a"), "--quiet")
    begun = run("train", *SMALL_RUN, "--set", width, "--total-timesteps", "16", *words)
    assert begun.exit_code == 0
    assert load_policy(tmp_path / "a/checkpoints/policy.safetensors").search_temperature is None


@pytest.mark.parametrize(
    "wrong", ["4", True, [1], {}, -1, 0, 1e300, 10**400, float("nan"), float("inf")]
)
def test_what_is_no_temperature_is_refused(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is damaged: search_temperature") as refused:
        load_policy(told(tmp_path, wrong))
    assert len(str(refused.value)) < 300 + len(str(tmp_path))
