"""Strategies: valid inputs, changed a little where it may hurt."""

import copy
from collections.abc import Sequence
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

ODD_TEXT = (
    # Digits to int() and str.isdigit(), but not to us; letters that grow when made capitals.
    *("\u0663", "²", "Ⅳ", "\uff11", "ß", "\u0131", "\ufb01", "\uff30", "銀"),
    # What ends lines, texts and paths, and what is no text at all.
    *("\x00", "\n", "\r", "\t", "\u2028", "\u00a0", "\ufeff", "\ud800", "\U0001f600", "\x1b[2J"),
    *("", " ", "  ", "-", "+", "*", "/", "0", "-1", "1e400", "nan", "9" * 30, "9" * 5000, "_"),
    *("none", "true", "[]", "{}", "'", '"', "\\", "#", "=", ".", ",", "%s", "{0}", "../../x", "~"),
)
ODD_NUMBERS = (0, 1, -1, 2, 3, 255, 256, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64, 10**12, 10**20)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "x", "²", "\x00", "9" * 400, b"", b"x", 10**400),
    *(0.5, -0.0, 1e308, float("inf"), float("-inf"), float("nan")),
    *((), [], {}, [[]], {"": None}, {"x": {"x": []}}, ["x"] * 3, {1: 2}),
)


def odd_values() -> SearchStrategy[Any]:
    """Plain values that hardly anybody expects."""
    return st.sampled_from((*ODD_VALUES, *ODD_NUMBERS))


@st.composite
def mutated_text(draw: DrawFn, texts: SearchStrategy[str], tokens: Sequence[str] = ()) -> str:
    """A text with up to four changes: parts cut out, doubled, moved, or odd ones put in."""
    text = draw(texts)
    pieces = st.one_of(st.sampled_from([*tokens, *ODD_TEXT]), st.characters())
    for _ in range(draw(st.integers(0, 4))):
        begin, end = sorted(draw(st.integers(0, len(text))) for _ in range(2))
        match draw(st.sampled_from(("cut", "put", "replace", "double", "many", "swap"))):
            case "cut":
                text = text[:begin] + text[end:]
            case "put":
                text = text[:begin] + draw(pieces) + text[begin:]
            case "replace":
                text = text[:begin] + draw(pieces) + text[begin + 1 :]
            case "double":
                text = text[:end] + text[begin:]
            case "many":
                text = text[:begin] + text[begin:end] * draw(st.integers(2, 200)) + text[end:]
            case _:
                text = text[end:] + text[begin:end] + text[:begin]
    return text


@st.composite
def mutated_bytes(draw: DrawFn, contents: SearchStrategy[bytes]) -> bytes:
    """Bytes with up to four changes: flipped, cut out, doubled, put in, or the end missing."""
    data = draw(contents)
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.integers(0, 64)))
        match draw(st.sampled_from(("flip", "cut", "put", "double", "end", "fill"))):
            case "flip":
                flipped = (
                    bytes([data[begin] ^ 1 << draw(st.integers(0, 7))]) if data[begin:] else b""
                )
                data = data[:begin] + flipped + data[begin + 1 :]
            case "cut":
                data = data[:begin] + data[end:]
            case "put":
                data = data[:begin] + draw(st.binary(max_size=20)) + data[begin:]
            case "double":
                data = data[:end] + data[begin:]
            case "fill":
                data = (
                    data[:begin]
                    + bytes([draw(st.sampled_from((0, 255)))]) * (end - begin)
                    + data[end:]
                )
            case _:
                data = data[:begin]
    return data


@st.composite
def mutated_tree(
    draw: DrawFn, trees: SearchStrategy[Any], values: SearchStrategy[Any] | None = None
) -> Any:
    """Nested dicts and lists with up to three places taken out, renamed or given odd values."""
    tree = copy.deepcopy(draw(trees))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = tree
        while True:
            keys = _keys(place)
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if _keys(place[key]) and draw(st.integers(0, 4)):
                place = place[key]
                continue
            match draw(st.sampled_from(("set", "set", "set", "cut", "move"))):
                case "set":
                    place[key] = copy.deepcopy(draw(odd_values() if values is None else values))
                case "cut":
                    del place[key]
                case _:
                    _move(place, key, draw(st.sampled_from(("x", "", "²", *keys))))
            break
    return tree


def _move(place: Any, key: Any, to: Any) -> None:
    """Give a part of a dict another key, or the end of a list another copy of one."""
    if isinstance(place, dict):
        parts = cast(dict[Any, Any], place)
        parts[to] = parts.pop(key)
    else:
        place.append(place[key])


def _keys(value: Any) -> list[Any]:
    """Where a value has parts that can be changed."""
    if isinstance(value, dict):
        return list(cast(dict[Any, Any], value))
    if isinstance(value, list):
        return list(range(len(cast(list[Any], value))))
    return []
