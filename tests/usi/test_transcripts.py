"""Conversations between shogi programs and the engine: each with the shape of every answer."""

from collections.abc import Generator
from pathlib import Path

import pytest

from keisei.usi.options import Options
from tests.usi.conversation import Conversation

FOLDER = Path(__file__).parent


def read(name: str) -> dict[str, str]:
    """The conversations of a file by their titles, which stand behind a #."""
    parts = (FOLDER / name).read_text("utf-8").split("# ")[1:]
    return {title: steps for title, _, steps in (part.partition("\n") for part in parts)}


READY, FRESH = (read(name) for name in ("transcripts_ready.txt", "transcripts_fresh.txt"))


@pytest.fixture(scope="module")
def ready() -> Generator[Conversation]:
    with Conversation() as conversation:
        conversation.follow("> isready\n< readyok")
        yield conversation


@pytest.mark.parametrize("name", READY)
def test_an_engine_that_is_ready_answers(ready: Conversation, name: str) -> None:
    for line in Options().declarations():
        words = line.split()
        ready.say(f"setoption name {words[2]} value {words[6]}")
    ready.follow("> usinewgame\n> position startpos\n> isready\n< readyok")
    ready.follow(READY[name])
    ready.follow("> isready\n< readyok")


@pytest.mark.parametrize("name", FRESH)
def test_a_fresh_engine_answers(name: str) -> None:
    with Conversation() as conversation:
        conversation.follow(FRESH[name])


@pytest.mark.parametrize("command", ["go nodes 10", "go byoyomi 50", "go infinite", "go ponder"])
def test_the_end_of_the_input_waits_for_the_answer(command: str) -> None:
    with Conversation() as conversation:
        conversation.say(f"isready\n{command}")
        conversation.end_input()
        conversation.follow("< readyok\n< bestmove MOVE\n<<")
