"""One number for all behaviour: changed on purpose, and with a version, or not at all."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei import ENV_ID
from keisei.cli import signature
from keisei.cli.signature import behaviour_signature
from tests.cli.command_line import run

SIGNATURE = ("keisei/Shogi-v0", "84c8de36b5c06104")


def test_nothing_behaves_in_another_way() -> None:
    assert (ENV_ID, behaviour_signature()) == SIGNATURE


def test_the_command_prints_it_alone() -> None:
    result = run("bench", "--signature")
    assert result.exit_code == 0
    assert result.stdout == SIGNATURE[1] + "\n"


def test_a_single_bit_of_it_all_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_more() -> Iterator[NDArray[np.int64]]:
        for part in counts():
            part[0] += 1
            yield part

    counts = signature._counts  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(signature, "_counts", one_more)
    assert behaviour_signature() != SIGNATURE[1]
