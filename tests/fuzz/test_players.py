"""Descriptions of players as strangers write them, on the command line and in settings."""

from hypothesis import strategies as st

from keisei.players.descriptions import PlayerDescriptionError, parse_player
from keisei.players.greedy import GreedyPlayer
from keisei.players.opened import open_player, require_present
from keisei.players.usi_client import EngineError
from keisei.training.checkpoint import CheckpointError
from keisei.training.model_manager import load_policy
from tests.fuzz.harness import fuzz, guarded, refused
from tests.fuzz.mutations import mutated_text

KNOWN = (
    *(
        "random",
        "greedy",
        "keisei",
        "keisei?argmax",
        "keisei?sampled&device=cpu",
        "keisei?device=tpu",
    ),
    *("/no/such/file.pt?argmax", "/dev/null", "/proc/self/mem", ".", "/", "usi:", "usi:'half"),
    *("usi:true?nodes=1", "usi:/no/such/engine -x?depth=2&processes=3&timeout=0.5"),
    *("usi:true?byoyomi=1&option.USI_Hash=1&option.Skill Level=20", "usi:true?nodes=1&timeout=1.5"),
)
TOKENS = ("?", "&", "=", "nodes=1", "timeout=", "processes=", "option.", "usi:", "argmax", "1.1.1")


# Its kernels are loaded from their cache once, before anything that would be a stranger's code.
GreedyPlayer(0)


def is_short(text: str) -> bool:
    """No sentence about a file can be shorter than the file's name."""
    return len(repr(text)) < 500


@fuzz(mutated_text(st.sampled_from(KNOWN), TOKENS).filter(is_short), examples=40, warm_up="keisei")
def test_a_description_opens_a_player_or_is_refused(text: str) -> None:
    def open_it() -> None:
        description = parse_player(text)
        if description.is_engine:
            assert 0 < description.engine.answer_seconds < 1e10
            assert description.processes >= 1
        require_present(description)
        if description.is_engine:
            return
        with open_player(description, load_policy, seed=0) as player:
            assert callable(player.choose)

    with guarded():
        refused(open_it, PlayerDescriptionError, EngineError, CheckpointError)
