"""The first move of an engine is thought about, not played at once."""

import re

import pytest

from tests.usi.conversation import Conversation


@pytest.mark.parametrize("clock", ["movetime 600", "byoyomi 600", "btime 20000 wtime 20000"])
def test_the_time_is_used(clock: str) -> None:
    with Conversation() as engine:
        engine.say("isready")
        assert engine.hear() == "readyok"
        engine.say(f"position startpos moves 7g7f\ngo {clock}")
        answer = engine.hear()
        assert answer is not None
        assert answer.startswith("bestmove ")
        nodes = re.search(r" nodes (\d+) ", engine.infos[-1])
        assert nodes is not None
        # Even a slow and busy machine looks at more than 500 positions a second.
        assert int(nodes[1]) > 150
