"""What a search can be told, in the words of the literature."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from keisei.shogi.moves import shown

METHODS = ("gumbel", "puct")
USUAL_TEMPERATURE = 4.0
"""Suits policies that PPO has made, which are too sure of their moves."""
_KINDS: dict[str, tuple[Any, str]] = {
    "whole number": (int, r"[0-9]{1,18}"),
    "number": (float, r"[0-9]{1,18}(\.[0-9]{0,18})?"),
}

_MOST = 1_000_000
_MOST_WHERE_NONE_WILL_DO = {"mate_nodes": 1_000_000_000, "leaf_mates": 1}


class SearchSettingsError(ValueError):
    """Settings of a search that make no sense; the message is one sentence."""


@dataclass(frozen=True)
class SearchSettings:
    """How a position is searched. Formulas and sources: keisei/search/formulas.py."""

    nodes: int = 64
    """Simulations a move: the positions looked at below the root."""
    method: Literal["gumbel", "puct"] = "gumbel"
    """"gumbel": sequential halving at the root and completed action values below it; "puct"."""
    candidates: int = 16
    """Actions that sequential halving begins with at the root."""
    temperature: float | None = None
    """The logits of the priors are divided by it; None for what suits the policy."""
    c_visit: float = 50.0
    """Added to the largest visit count in the scale of action values (Gumbel)."""
    c_scale: float = 1.0
    """The scale itself, of action values in [0, 1] (Gumbel)."""
    c_puct: float = 0.25
    """Weight of the priors, beside action values in [0, 1] (PUCT)."""
    fpu_reduction: float = 0.0
    """How much less than its node an edge without visits is worth at most (PUCT)."""
    mate_nodes: int = 1000
    """Positions in which a mate solver looks for a mate at the root; 0 for none."""
    leaf_mates: int = 1
    """1 to look for a mate in one at each new node, 0 not to."""
    leaves: int = 1
    """Simulations under way at once in a tree (PUCT), or below each of its candidates (Gumbel)."""

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Self:
        """Settings from names and texts, such as ``{"nodes": "400", "c_scale": "2"}``.

        Raises:
            SearchSettingsError: A text is no number where one has to be, or is out of range.
        """
        values: dict[str, Any] = dict(texts)
        for name, text in texts.items():
            known = getattr(cls, name)
            for words, (kind, pattern) in _KINDS.items():
                if isinstance(USUAL_TEMPERATURE if known is None else known, kind):
                    if not re.fullmatch(pattern, text):
                        raise SearchSettingsError(f"{name}={shown(text)} is no {words}")
                    values[name] = kind(text)
        return cls(**values)

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            SearchSettingsError: A setting is out of range.
        """
        if self.method not in METHODS:
            raise SearchSettingsError(f"method={self.method!r} is not one of {METHODS}")
        for name in ("nodes", "candidates", "leaves"):
            if not 1 <= getattr(self, name) <= _MOST:
                raise SearchSettingsError(
                    f"{name}={getattr(self, name)} has to be a whole number from 1 to {_MOST:,}"
                )
        for name in ("mate_nodes", "leaf_mates"):
            if not 0 <= getattr(self, name) <= _MOST_WHERE_NONE_WILL_DO[name]:
                raise SearchSettingsError(
                    f"{name}={getattr(self, name)} has to be a whole number from 0 to "
                    f"{_MOST_WHERE_NONE_WILL_DO[name]:,}"
                )
        for name in ("temperature", "c_scale", "c_puct"):
            number = getattr(self, name)
            if number is not None and not 0.0 < number <= _MOST:
                raise SearchSettingsError(
                    f"{name}={number} has to be above 0 and at most {_MOST:,}"
                )
        for name in ("c_visit", "fpu_reduction"):
            if not 0.0 <= getattr(self, name) <= _MOST:
                raise SearchSettingsError(
                    f"{name}={getattr(self, name)} has to be from 0 to {_MOST:,}"
                )
