"""The card of the environment runs, and names the numbers that the code has."""

import doctest
from pathlib import Path

from keisei.shogi import Termination, features
from keisei.shogi.constants import NUM_ACTIONS

CARD = Path(__file__).parent.parent / "docs" / "spec.md"


def test_examples_run() -> None:
    failed, tried = doctest.testfile(str(CARD), module_relative=False)
    assert tried >= 5
    assert failed == 0


def test_offsets_of_the_compact_state() -> None:
    text = CARD.read_text(encoding="utf-8")
    for name in ("BOARD", "OWN_HAND", "ENEMY_HAND"):
        part: slice = getattr(features, name)
        assert f"| {part.start}-{part.stop - 1} | `{name}` |" in text
    for name in ("IN_CHECK", "REPETITION", "TO_MOVE", "PROGRESS", "PLIES_LEFT"):
        assert f"| {getattr(features, name)} | `{name}` |" in text
    assert f"uint8 [N, {features.STATE_SIZE}]" in text
    assert f"uint8 [N, {features.MASK_BYTES}]" in text
    assert f"Discrete({NUM_ACTIONS})" in text


def test_kinds_of_ends() -> None:
    text = CARD.read_text(encoding="utf-8")
    for termination in Termination:
        if termination is not Termination.NONE:
            assert f"| {int(termination)} `{termination.name}` |" in text
