"""Settings from a TOML file and from overrides as typed on a command line.

Every mistake becomes one sentence that names the key, the value and the way out.
"""

import difflib
import stat
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import ValidationError

from keisei.config_schema import AppConfig, ConfigError, Section

_SHOWN_LENGTH = 100
_LARGEST_FILE = 1 << 20
"""Bytes; what is larger is no file of settings and is not read."""


def load_config(
    path: Path | str | None = None, overrides: Mapping[str, Any] | None = None
) -> AppConfig:
    """Settings from a TOML file, with overrides on top and defaults below.

    Args:
        path: TOML file with one table a section, or None for the defaults.
        overrides: ``"section.key"`` to a value, or to its text as typed on a command line
            (``"none"`` unsets a key that may be empty).

    Raises:
        ConfigError: The file cannot be read, or a key or a value is not usable.
    """
    values = _read_toml(Path(path)) if path is not None else {}
    for key, value in (overrides or {}).items():
        _set_override(values, key, value)
    try:
        return AppConfig.model_validate(values)
    except ValidationError as error:
        where = f" (in {str(path)!r})" if path is not None else ""
        raise ConfigError(_sentence(error) + where) from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) and not path.is_dir():
            raise ConfigError(f"config file {str(path)!r} is no ordinary file")
        if facts.st_size > _LARGEST_FILE:
            raise ConfigError(
                f"config file {str(path)!r} has {facts.st_size} bytes; {_LARGEST_FILE} are the most"
            )
        return _parse_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read config file {str(path)!r}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"config file {str(path)!r} is not valid TOML: {error}") from None


def _parse_toml(text: str) -> dict[str, Any]:
    """What a TOML text holds.

    Raises:
        TOMLDecodeError: It is no TOML, or nested or long beyond what Python reads.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise tomllib.TOMLDecodeError("it is nested too deeply") from None
    except ValueError:
        raise tomllib.TOMLDecodeError("it holds a number with too many digits") from None


def _set_override(values: dict[str, Any], dotted: str, value: Any) -> None:
    """Put one override into the nested values, its text read as the key's type asks."""
    section, _, key = dotted.partition(".")
    if not key:
        raise ConfigError(
            f"override {_shown(dotted)} does not name a section and a key, as in env.num_envs"
        )
    _check_key(section, key.split(".")[0])
    table = values
    *parents, last = dotted.split(".")
    for part in parents:
        below: object = table.setdefault(part, {})
        if not isinstance(below, dict):
            raise ConfigError(
                f"override {_shown(dotted)} goes below {_shown(part)}, which is not a table"
            )
        table = cast(dict[str, Any], below)
    table[last] = _parse_text(section, key, value) if isinstance(value, str) else value


def _sections() -> dict[str, type[Section]]:
    return {
        name: cast(type[Section], field.annotation)
        for name, field in AppConfig.model_fields.items()
    }


def _check_key(section: str, key: str) -> None:
    sections = _sections()
    if section not in sections:
        raise ConfigError(_unknown("section", section, list(sections), ""))
    if key not in sections[section].model_fields:
        raise ConfigError(_unknown("key", key, list(sections[section].model_fields), f"{section}."))


def _unknown(kind: str, name: str, allowed: list[str], prefix: str) -> str:
    near = difflib.get_close_matches(name[:_SHOWN_LENGTH], allowed, n=1, cutoff=0.6)
    if near:
        return f"unknown {kind} {_shown(prefix + name)}; did you mean {prefix + near[0]!r}?"
    return f"unknown {kind} {_shown(prefix + name)}; allowed are {', '.join(allowed)}"


def _shown(value: object) -> str:
    """A value as Python writes it, shortened so that a sentence stays readable."""
    try:
        text = repr(value)
    except ValueError:
        return "a number with too many digits"
    return text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "..."


def _parse_text(section: str, key: str, text: str) -> Any:
    """Text from a command line as the value that the key's type asks for."""
    annotation = _sections()[section].model_fields[key.partition(".")[0]].annotation
    kinds = set(_leaf_types(annotation))
    if text.lower() == "none" and types.NoneType in kinds:
        return None
    if kinds <= {str, Path, types.NoneType}:
        return text
    try:
        return _parse_toml(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        # Left as text: validation then names the key, this text and what it should be.
        return text.split(",") if tuple in kinds and text else text


def _leaf_types(annotation: Any) -> list[Any]:
    """The classes that an annotation accepts; a Literal counts as the class of its values."""
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return [type(value) for value in typing.get_args(annotation)]
    if origin is Annotated:
        return _leaf_types(typing.get_args(annotation)[0])
    if origin in {typing.Union, types.UnionType}:
        return [leaf for part in typing.get_args(annotation) for leaf in _leaf_types(part)]
    return [origin or annotation]


def _sentence(error: ValidationError) -> str:
    """The first mistake of a failed validation as one sentence."""
    details = error.errors(include_url=False)
    # Deeper than three parts there are only pydantic's names for the members of a union.
    places = [tuple(str(part) for part in detail["loc"][:3]) for detail in details]
    first, place = details[0], places[0]
    others = len(set(places)) - 1
    more = f" (and {others} more)" if others else ""
    dotted = ".".join(
        part if part.isidentifier() or part.isdecimal() else _shown(part) for part in place
    )
    if first["type"] == "extra_forbidden":
        return _unknown_place(place) + more
    reason = first["msg"]
    if first["type"] == "value_error":
        own_words = reason.removeprefix("Value error, ")
        return (f"{dotted}: {own_words}" if dotted else own_words) + more
    reason = reason[0].lower() + reason[1:]
    return f"{dotted} = {_shown(first['input'])} is not usable: {reason}{more}"


def _unknown_place(place: tuple[str, ...]) -> str:
    sections = _sections()
    if len(place) == 1:
        return _unknown("section", place[0], list(sections), "")
    return _unknown("key", place[1], list(sections[place[0]].model_fields), f"{place[0]}.")
