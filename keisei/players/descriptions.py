"""Players described in a line of text, for the command line and the settings of a run."""

import re
import shlex
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path

from keisei.players.usi_client import EngineSettings
from keisei.search.settings import SearchSettings, SearchSettingsError
from keisei.shogi.moves import shown

SHIPPED = "keisei"
"""The name of the policy that comes with the package."""
SHIPPED_POLICY = Path(str(resources.files("keisei.players") / "shipped" / "policy.safetensors"))

SYNTAX = (
    "random | greedy | keisei[?argmax] | PATH[?argmax][&device=cuda] | "
    "keisei?nodes=N[&method=puct] | "
    "usi:PROGRAM?nodes=N|depth=N|byoyomi=MS[&processes=K][&timeout=SECONDS][&option.NAME=VALUE], "
    "in a match against the clock also without a limit"
)
_ENGINE_PREFIX = "usi:"
_OPTION_PREFIX = "option."
_LIMITS = ("nodes", "depth", "byoyomi")
_ENGINE_KEYS = (*_LIMITS, "processes", "timeout", "swapped_times")
_SEARCH_KEYS = tuple(each.name for each in fields(SearchSettings))
_POLICY_KEYS = ("argmax", "sampled", "device", *_SEARCH_KEYS)
_WHOLE = re.compile(r"0*([1-9][0-9]{0,18})")
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{0,6})?|\.[0-9]{1,6}")
_MOST = {"processes": 1000}
"""Largest value of a key; of the others it is ``_MOST_OF_A_LIMIT``."""
_MOST_OF_A_LIMIT = 1_000_000_000
_DEVICE = re.compile(r"cpu|cuda(:[0-9])?")
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""What would end a line of USI or of a record, or the name of a file, and half characters."""


class PlayerDescriptionError(ValueError):
    """A text that describes no player; the message is one sentence."""


@dataclass(frozen=True)
class PlayerDescription:
    """A player, taken apart but not yet opened."""

    text: str
    """As it was given."""
    place: str
    """``random``, ``greedy``, the path of a policy, or the command of an engine."""
    is_engine: bool = False
    options: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def is_policy(self) -> bool:
        """Whether a network plays."""
        return not self.is_engine and self.place not in ("random", "greedy")

    @property
    def device(self) -> str:
        """Name of the device where a network plays."""
        return self.options.get("device", "cpu")

    @property
    def search(self) -> SearchSettings | None:
        """How a network's player looks ahead; None if it does not.

        Raises:
            SearchSettingsError: A setting is none.
        """
        given = {key: self.options[key] for key in _SEARCH_KEYS if key in self.options}
        return SearchSettings.from_texts(given) if given else None

    @property
    def processes(self) -> int:
        """Processes of an engine, 0 for players that are none."""
        return int(self.options.get("processes", 1)) if self.is_engine else 0

    @property
    def has_clock(self) -> bool:
        """Whether the player plays by the clock of a game that has one."""
        return self.is_engine and not any(kind in self.options for kind in _LIMITS)

    @property
    def engine(self) -> EngineSettings:
        """The settings of an engine."""
        return EngineSettings(
            self.place,
            " ".join(f"{kind} {self.options[kind]}" for kind in _LIMITS if kind in self.options),
            options={
                key.removeprefix(_OPTION_PREFIX): value
                for key, value in self.options.items()
                if key.startswith(_OPTION_PREFIX)
            },
            move_seconds=float(self.options.get("timeout", 60)),
            swapped_times="swapped_times" in self.options,
        )


def parse_player(text: str, *, clocked: bool = False) -> PlayerDescription:
    """Take a description apart.

    Args:
        text: As in ``SYNTAX``.
        clocked: Whether the player is for games with a clock, so that an engine needs no limit.

    Raises:
        PlayerDescriptionError: The text does not follow it.

    Examples:
        >>> parse_player("usi:fairy-stockfish?nodes=100&option.Skill Level=5").engine.limit
        'nodes 100'
    """
    unusable = _NO_TEXT.search(text)
    if unusable is not None:
        raise PlayerDescriptionError(
            f"player {shown(text)} holds {unusable[0]!r}, which is no part of a text"
        )
    place, _, query = text.partition("?")
    options: dict[str, str] = {}
    for part in query.split("&") if query else []:
        key, _, value = part.partition("=")
        if key in options:
            raise PlayerDescriptionError(f"player {shown(text)} names {shown(key)} twice")
        options[key] = value
    if not place:
        raise PlayerDescriptionError(f"player {shown(text)} is empty; write {SYNTAX}")
    if place.startswith(_ENGINE_PREFIX):
        description = PlayerDescription(
            text, place.removeprefix(_ENGINE_PREFIX), is_engine=True, options=options
        )
        _check_engine(description, clocked=clocked)
        return description
    if place == SHIPPED:
        place = str(SHIPPED_POLICY)
    description = PlayerDescription(text, place, options=options)
    _check_keys(description, _POLICY_KEYS if description.is_policy else ())
    _check_device(description)
    try:
        looks_ahead = description.search is not None
    except SearchSettingsError as error:
        raise PlayerDescriptionError(f"player {shown(text)}: {error}") from None
    if looks_ahead and ("argmax" in options or "sampled" in options):
        raise PlayerDescriptionError(
            f"player {shown(text)} is to look ahead, so that neither argmax nor sampled is of use"
        )
    if "argmax" in options and "sampled" in options:
        raise PlayerDescriptionError(f"player {shown(text)} is to be both argmax and sampled")
    return description


def _check_engine(description: PlayerDescription, *, clocked: bool) -> None:
    text, options = description.text, description.options
    _check_keys(description, _ENGINE_KEYS)
    limits = sum(kind in options for kind in _LIMITS)
    if limits > 1 or (limits == 0 and not clocked):
        raise PlayerDescriptionError(
            f"player {shown(text)} has to name one of nodes=N, depth=N and byoyomi=MS"
            + ("" if limits else "; only in a match against the clock it needs none")
        )
    for key in (*_LIMITS, "processes"):
        value = options.get(key, "1")
        number = _WHOLE.fullmatch(value)
        if number is None:
            raise PlayerDescriptionError(
                f"player {shown(text)}: {key}={shown(value)} is no whole number above 0"
            )
        most = _MOST.get(key, _MOST_OF_A_LIMIT)
        if int(number[1]) > most:
            raise PlayerDescriptionError(
                f"player {shown(text)}: {key}={value} is past {most}; lower it"
            )
    timeout = options.get("timeout", "1")
    if not _SECONDS.fullmatch(timeout) or float(timeout) <= 0:
        raise PlayerDescriptionError(
            f"player {shown(text)}: timeout={shown(timeout)} is no time above 0"
        )
    try:
        words = shlex.split(description.place)
    except ValueError as error:
        raise PlayerDescriptionError(f"player {shown(text)}: {error}") from None
    if not words:
        raise PlayerDescriptionError(f"player {shown(text)} names no program after 'usi:'")


def _check_device(description: PlayerDescription) -> None:
    text, name = description.text, description.device
    if not _DEVICE.fullmatch(name):
        raise PlayerDescriptionError(
            f"player {shown(text)}: device={shown(name)} is neither cpu nor cuda nor cuda:N"
        )


def _check_keys(description: PlayerDescription, known: tuple[str, ...]) -> None:
    for key in description.options:
        if key in known or (description.is_engine and key.startswith(_OPTION_PREFIX)):
            continue
        allowed = ", ".join(known) or "none"
        raise PlayerDescriptionError(
            f"player {shown(description.text)}: unknown option {shown(key)}; allowed are {allowed}"
            + (", option.NAME" if description.is_engine else "")
        )
