"""What evaluators say of other moves or positions than they were asked about is refused."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.search.evaluators import EvaluatorError, Verdict, require_finite
from keisei.search.search import Search
from keisei.search.settings import SearchSettings
from tests.search.positions import PAWN_DROP_MATES, games, uniform


@dataclass
class Miscounting:
    """Gives so many numbers more than there are moves or positions."""

    more_logits: int = 0
    more_values: int = 0
    memory: int = 1

    def values(
        self, states: NDArray[np.uint8], memories: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        memories[:] = 0
        return np.zeros(len(states) + self.more_values, np.float32)

    def logits(
        self,
        states: NDArray[np.uint8],
        memories: NDArray[np.float32],
        offsets: NDArray[np.int64],
        actions: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        assert len(states) == len(memories) == len(offsets) - 1
        return np.zeros(len(actions) + self.more_logits, np.float32)


@pytest.mark.parametrize("more", [(-5, 0), (5, 0), (0, -1), (0, 1)])
def test_numbers_for_more_or_fewer_are_refused_in_two_steps(more: tuple[int, int]) -> None:
    search = Search(Miscounting(*more), SearchSettings(nodes=4))
    with pytest.raises(EvaluatorError, match="one for each"):
        search.run(games(PAWN_DROP_MATES).standing())


@pytest.mark.parametrize("wrong", ["actions", "offsets", "log_probs", "values"])
def test_a_judgement_of_other_moves_is_refused(wrong: str) -> None:
    def misjudge(states: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
        offsets, actions, log_probs, values = uniform(states, mask_bits)
        if wrong == "actions":
            actions = actions + 60_000
        elif wrong == "offsets":
            offsets[0] = 3
        elif wrong == "log_probs":
            log_probs = log_probs[:-1]
        else:
            values = np.zeros(1, np.float32)
        return offsets, actions, log_probs, values

    standing = games(PAWN_DROP_MATES, PAWN_DROP_MATES).standing()
    with pytest.raises(EvaluatorError):
        Search(misjudge, SearchSettings(nodes=4)).run(standing)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("numbers", [[np.nan, 0], [np.inf, 0], [np.inf, -np.inf]])
def test_numbers_that_are_not_finite_are_refused_by_one_sentence(numbers: list[float]) -> None:
    with pytest.raises(EvaluatorError, match="not finite"):
        require_finite(np.array(numbers, np.float32))
