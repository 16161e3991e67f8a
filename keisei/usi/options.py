"""The options that the engine offers to shogi programs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from keisei.players.descriptions import (
    SHIPPED,
    PlayerDescription,
    PlayerDescriptionError,
    parse_player,
)
from keisei.shogi.moves import shown

_MOST_SPIN = 1_000_000_000
_COLDEST, _HOTTEST = 1, 10_000


class OptionError(ValueError):
    """A value that an option cannot have; the message is one sentence."""


@dataclass(frozen=True)
class _Kind:
    """How an option is declared, and what it may be."""

    name: str
    words: str
    least: int = 0
    most: int = 0
    choices: tuple[str, ...] = ()

    def declaration(self, default: object) -> str:
        """The line that tells a shogi program of the option."""
        if isinstance(default, bool):
            shown_default = str(default).lower()
        else:
            shown_default = str(default) or "<empty>"
        text = f"option name {self.name} type {self.words} default {shown_default}"
        if self.words == "spin":
            text += f" min {self.least} max {self.most}"
        return text + "".join(f" var {choice}" for choice in self.choices)

    def read(self, text: str) -> object:
        """The value that a text stands for.

        Raises:
            OptionError: It is none of this option.
        """
        if self.words == "check":
            if text not in ("true", "false"):
                raise OptionError(f"option {self.name} is true or false, not {shown(text)}")
            return text == "true"
        if self.words == "spin":
            digits = text.removeprefix("-")
            if not (digits.isascii() and digits.isdigit() and len(digits) < 12) or not (
                self.least <= int(text) <= self.most
            ):
                raise OptionError(
                    f"option {self.name} is a whole number from {self.least} to {self.most}, "
                    f"not {shown(text)}"
                )
            return int(text)
        if self.choices and text not in self.choices:
            raise OptionError(f"option {self.name} is one of {self.choices}, not {shown(text)}")
        return text


def _option(default: Any, kind: _Kind) -> Any:
    return field(default=default, metadata={"kind": kind})


@dataclass(frozen=True)
class Options:
    """What a shogi program may set; docs/usi.md has the table."""

    player: str = _option(SHIPPED, _Kind("Player", "string"))
    """A policy: keisei, a checkpoint, a run folder, with settings of its search."""
    device: str = _option("cpu", _Kind("Device", "combo", choices=("cpu", "cuda")))
    threads: int = _option(1, _Kind("Threads", "spin", 1, 512))
    """Of the network on a CPU."""
    hash_mb: int = _option(1024, _Kind("USI_Hash", "spin", 1, 1_048_576))
    """Megabytes that a search may take."""
    ponder: bool = _option(default=False, kind=_Kind("USI_Ponder", "check"))
    """Whether ``bestmove`` names the reply to ponder on."""
    multi_pv: int = _option(1, _Kind("MultiPV", "spin", 1, 593))
    nodes_limit: int = _option(0, _Kind("Nodes_Limit", "spin", 0, _MOST_SPIN))
    """Most simulations of a move; 0 for no limit."""
    softmax_temperature: int = _option(0, _Kind("Softmax_Temperature", "spin", 0, _HOTTEST))
    """Percent; the logits of the priors are divided by it; 0 for what suits the policy."""
    resign_threshold: int = _option(0, _Kind("Resign_Threshold", "spin", 0, 1000))
    """Per mille: with less hope of winning the engine resigns; 0 for never before it is mated."""
    max_ply: int = _option(512, _Kind("Max_Ply", "spin", 0, 100_000))
    """Plies after which a game is a draw, counted from move number 1; 0 for no end."""
    declaration: bool = _option(default=True, kind=_Kind("Declaration", "check"))
    """Whether 27 points win."""
    network_delay: int = _option(120, _Kind("Network_Delay", "spin", 0, 10_000))
    """Milliseconds of each move's time that the way to the clock may take."""
    pv_interval: int = _option(500, _Kind("PV_Interval", "spin", 0, 1_000_000))
    """Milliseconds between two reports; 0 for all there are."""

    @classmethod
    def for_player(cls, text: str) -> Self:
        """Options whose defaults are those of a player's description.

        Raises:
            PlayerDescriptionError: The text describes no player.
        """
        return cls(**_named_by(text))

    @property
    def description(self) -> PlayerDescription:
        """The player.

        Raises:
            PlayerDescriptionError: The text describes none.
        """
        return parse_player(self.player)

    def declarations(self) -> list[str]:
        """A line for each option, with its present value as the default."""
        return [
            each.metadata["kind"].declaration(getattr(self, each.name)) for each in fields(self)
        ]

    def changed(self, name: str, text: str) -> Self:
        """The options after ``setoption``; a name that is not declared changes nothing.

        A player brings with it what it names of the other options.

        Raises:
            OptionError: The option cannot have that value.
        """
        attribute = _attributes().get(name.lower())
        if attribute is None:
            return self
        own, kind = attribute
        if own == "player":
            try:
                return replace(self, **_named_by(text))
            except PlayerDescriptionError as error:
                raise OptionError(str(error)) from None
        return replace(self, **{own: kind.read(text)})


def _named_by(player: str) -> dict[str, Any]:
    """The options that a player's description names, by their attributes, itself among them.

    Raises:
        PlayerDescriptionError: The text describes no player.
    """
    described = parse_player(player)
    own: dict[str, Any] = {"player": player}
    if described.device.startswith("cuda"):
        own["device"] = "cuda"
    if described.search is not None and described.search.temperature is not None:
        percent = round(100 * described.search.temperature)
        if not _COLDEST <= percent <= _HOTTEST:
            raise PlayerDescriptionError(
                f"player {shown(player)}: the engine takes a temperature from "
                f"{_COLDEST / 100:g} to {_HOTTEST / 100:g}"
            )
        own["softmax_temperature"] = percent
    if "nodes" in described.options:
        own["nodes_limit"] = int(described.options["nodes"])
    return own


def _attributes() -> Mapping[str, tuple[str, _Kind]]:
    """Attributes and kinds by the options' names in small letters."""
    kinds = {each.name: each.metadata["kind"] for each in fields(Options)}
    return {kind.name.lower(): (name, kind) for name, kind in kinds.items()}
