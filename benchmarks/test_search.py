"""Positions a second of a tree search with the shipped policy, and what takes its time."""

import cProfile
from pathlib import Path
from types import CodeType

import pytest
import torch
from conftest import Measurement

from keisei.games.standing import Standing
from keisei.players.descriptions import SHIPPED_POLICY
from keisei.players.policy import NetworkEvaluator
from keisei.search.search import Search
from keisei.search.settings import SearchSettings
from keisei.training.model_manager import load_policy
from keisei.vec import ShogiVectorEnv

PLIES = 40
NODES = 256
GROUP = pytest.mark.benchmark(group="search, shipped policy")
PARTS = {"network": ("embedding",), "rules": ("games",), "trees": ("search",)}
"""Folders whose functions take the time of each part."""


def middle_games(count: int) -> Standing:
    """Where random games stand."""
    env = ShogiVectorEnv(count, obs="compact")
    env.reset(seed=1)
    for _ in range(PLIES):
        env.step(env.sample_actions())
    return env.standing()


@pytest.fixture
def search() -> Search:
    torch.set_num_threads(1)  # pyright: ignore[reportUnknownMemberType] (torch)
    judge = NetworkEvaluator(load_policy(SHIPPED_POLICY)).for_search()
    return Search(judge, SearchSettings(nodes=NODES))


@GROUP
@pytest.mark.parametrize("trees", [1, 64, 256])
def test_search(measure: Measurement, search: Search, trees: int) -> None:
    standing, amount = middle_games(trees), NODES * trees
    label = f"{trees} trees at once" if trees > 1 else "one tree"
    measure(label, lambda: search.run(standing), amount=amount, unit="nodes", rounds=5)


@GROUP
@pytest.mark.parametrize("part", PARTS)
def test_share(measure: Measurement, search: Search, part: str) -> None:
    standing = middle_games(64)
    search.run(standing)
    profile = cProfile.Profile()
    profile.runcall(search.run, standing)
    seconds = dict.fromkeys(PARTS, 0.0)
    for entry in profile.getstats():
        for each, rooms in PARTS.items():
            if (
                isinstance(entry.code, CodeType)
                and Path(entry.code.co_filename).parent.name in rooms
            ):
                seconds[each] += entry.inlinetime
    measure.size(f"64 trees: {part}", 100 * seconds[part] / sum(seconds.values()), "% of the time")
