"""A search that fails: every ``go`` is answered all the same."""

import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from keisei.players.policy import NetworkEvaluator
from keisei.rl.embedding.inference import EmbeddingJudge
from keisei.rl.networks import PolicyValueNet
from keisei.search.evaluators import TwoSteps
from tests.usi.conversation import Conversation, load_policy


def spoilt(path: Path, device: str) -> PolicyValueNet:
    """The policy of a path with numbers that are none."""
    network = load_policy.__wrapped__(path, device)
    with torch.no_grad():
        for weights in network.parameters():
            weights.fill_(float("nan"))
    return network


def test_without_a_judgement_the_first_legal_move_is_played() -> None:
    with Conversation(loader=spoilt) as conversation:
        conversation.follow(
            """
            > isready
            < readyok
            > position startpos
            > go byoyomi 1000
            < info string Error: The evaluator gave numbers that are not finite; .*
            < bestmove 1g1f
            > go infinite
            < info string Error: The evaluator gave numbers that are not finite; .*
            ~
            > stop
            < bestmove 1g1f
            """
        )


class Tiring(NetworkEvaluator):
    """A judge of searches that is spoilt after so many calls."""

    calls_left = 10**9

    def for_search(self) -> TwoSteps:
        judge = super().for_search()
        assert isinstance(judge, EmbeddingJudge)
        values = judge.values

        def tired(states: NDArray[np.uint8], memories: NDArray[np.float32]) -> NDArray[np.float32]:
            Tiring.calls_left -= 1
            return values(states, memories) * np.float32(1 if Tiring.calls_left > 0 else np.nan)

        judge.values = tired
        return judge


def test_what_was_found_before_a_failure_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keisei.usi.thinking.NetworkEvaluator", Tiring)
    with Conversation() as conversation:
        conversation.follow(
            """
            > setoption name PV_Interval value 1000000
            > isready
            < readyok
            > position startpos moves 7g7f 3c3d 8h2b+
            """
        )
        Tiring.calls_left = 100
        conversation.follow(
            """
            > go infinite
            < info string Error: The evaluator gave numbers that are not finite; .*
            ~
            > stop
            < bestmove 3a2b
            > go nodes 10
            < info string Error: The evaluator gave numbers that are not finite; .*
            < bestmove MOVE
            """
        )


@contextmanager
def little_memory(spare: int) -> Generator[None]:
    """Let this process take no more than so many bytes besides those it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + spare, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize(
    ("command", "answer"), [("go infinite", "bestmove MOVE"), ("go mate 1000", "checkmate timeout")]
)
def test_without_memory_there_is_an_answer(command: str, answer: str) -> None:
    with Conversation() as conversation:
        conversation.follow("> isready\n< readyok\n> setoption name USI_Hash value 1048576")
        with little_memory(200_000_000):
            conversation.follow(
                f"""
                > position startpos
                > {command}
                < info string Error: Unable to allocate .*
                > stop
                < {answer}
                """
            )
        conversation.follow("> go nodes 10\n< bestmove MOVE")


def test_a_mate_is_answered_though_no_player_can_be_loaded() -> None:
    with Conversation() as conversation:
        conversation.follow(
            """
            > setoption name Player value greedy
            > go mate 1000
            < info string Error: player 'greedy' does not look ahead; .*
            < checkmate timeout
            <<
            """
        )
        assert conversation.codes == [2]


def test_a_game_is_given_up_where_no_player_can_be_loaded() -> None:
    with Conversation() as conversation:
        conversation.follow(
            """
            > setoption name Player value /nowhere
            > go nodes 10
            < info string Error: '/nowhere' does not exist; .*
            < bestmove resign
            <<
            """
        )
        assert conversation.codes == [2]


def test_a_line_without_end_is_left_out() -> None:
    with Conversation() as conversation:
        conversation.say("position startpos moves" + 200_000 * " 2h3h 8b7b 3h2h 7b8b")
        conversation.follow(
            """
            < info string Error: a line is longer than 1048576 bytes
            > isready
            < readyok
            """
        )


def test_a_player_that_does_not_look_ahead_is_refused() -> None:
    with Conversation() as conversation:
        conversation.follow(
            """
            > setoption name Player value greedy
            > isready
            < info string Error: player 'greedy' does not look ahead; .*
            <<
            """
        )
        assert conversation.codes == [2]
