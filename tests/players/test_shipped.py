"""The policy that comes with the package."""

import hashlib

from keisei.evaluation.match import play_match
from keisei.players.descriptions import SHIPPED_POLICY, parse_player
from keisei.players.greedy import GreedyPlayer
from keisei.players.policy import PolicyPlayer
from keisei.training.model_manager import load_policy
from tests.cli.command_line import run


def test_it_is_a_player_by_name() -> None:
    player = parse_player("keisei?argmax")
    assert player.is_policy
    assert (player.text, player.place) == ("keisei?argmax", str(SHIPPED_POLICY))
    result = run("match", "keisei", "random", "--games", "2", "--max-plies", "20")
    assert result.stdout.splitlines()[0] == "keisei against random: 2 games"


def test_it_is_small_and_its_card_is_about_it() -> None:
    weights = SHIPPED_POLICY.read_bytes()
    assert len(weights) < 10_000_000
    card = SHIPPED_POLICY.with_name("MODEL_CARD.md").read_text("utf-8")
    assert hashlib.sha256(weights).hexdigest() in card


def test_it_plays_well() -> None:
    policy = PolicyPlayer(load_policy(SHIPPED_POLICY), deterministic=True, device="cpu", seed=1)
    # The card says by how much; this tells weights that fit the code from those that do not.
    assert play_match(policy, GreedyPlayer(2), 40).score > 0.8
