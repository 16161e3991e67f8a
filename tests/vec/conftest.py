"""So few games as tests have would be left to one thread."""

import pytest

from keisei.vec import threads


@pytest.fixture(autouse=True)
def threads_for_few_games(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "LEAST_GAMES", 32)
