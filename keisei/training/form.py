"""Forms: what a file has to hold, said once and compared with what it does hold.

A form is a function that raises for a value that does not have it. Letters in shapes and lengths
stand for a size that is the same wherever they occur; the first place settles it.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

Sizes = dict[str, int]
Form = Callable[[object, str, Sizes], None]
"""Called with a value, its place as words, and the sizes that are known; writes those it learns."""

_LARGEST = 2**62


class FormError(ValueError):
    """A value does not have its form; the message is half a sentence that begins with its place."""


def _named(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if isinstance(value, dict | list | tuple):
        items = cast(Sequence[object], value)
        return f"a {type(items).__name__} of {len(items)}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:40] + '...'}"


def _wrong(place: str, value: object, expected: str) -> FormError:
    return FormError(f"{place or 'the whole'} is {_named(value)} and not {expected}")


def _resolved(size: int | str | None, found: int, sizes: Sizes) -> int:
    """The size that is expected where ``found`` is."""
    if isinstance(size, str):
        return sizes.setdefault(size, found)
    return found if size is None else size


def anything(_value: object, _place: str, _sizes: Sizes) -> None:
    """Whatever there is."""


def text(value: object, place: str, _sizes: Sizes) -> None:
    """A text."""
    if not isinstance(value, str):
        raise _wrong(place, value, "a text")


def flag(value: object, place: str, _sizes: Sizes) -> None:
    """True or False."""
    if not isinstance(value, bool):
        raise _wrong(place, value, "true or false")


def whole(low: int = 0, below: int | str = _LARGEST) -> Form:
    """A whole number from ``low`` on and less than ``below``, a letter that is 0 while unknown."""

    def check(value: object, place: str, sizes: Sizes) -> None:
        limit = sizes.get(below, 0) if isinstance(below, str) else below
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value < limit:
            raise _wrong(place, value, f"a whole number from {low} to {limit - 1}")

    return check


def number(value: object, place: str, _sizes: Sizes) -> None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(place, value, "a finite number")


def measure(value: object, place: str, _sizes: Sizes) -> None:
    """A number, finite or not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(place, value, "a number")


def maybe(form: Form) -> Form:
    """None, or a value of the form."""

    def check(value: object, place: str, sizes: Sizes) -> None:
        if value is not None:
            form(value, place, sizes)

    return check


def listed(item: Form, length: int | str | None = None) -> Form:
    """A list or tuple of such items."""

    def check(value: object, place: str, sizes: Sizes) -> None:
        if not isinstance(value, list | tuple):
            raise _wrong(place, value, "a list")
        items = cast(Sequence[object], value)
        expected = _resolved(length, len(items), sizes)
        if len(items) != expected:
            raise _wrong(place, items, f"a list of {expected}")
        for index, each in enumerate(items):
            item(each, f"{place}[{index}]", sizes)

    return check


def together(*items: Form) -> Form:
    """A list or tuple of one item of each form."""

    def check(value: object, place: str, sizes: Sizes) -> None:
        listed(anything, len(items))(value, place, sizes)
        for index, (form, each) in enumerate(
            zip(items, cast(Sequence[object], value), strict=True)
        ):
            form(each, f"{place}[{index}]", sizes)

    return check


def mapped(item: Form) -> Form:
    """A dict from texts to such items."""

    def check(value: object, place: str, sizes: Sizes) -> None:
        for name, each in _mapping(value, place).items():
            text(name, f"a key of {place}", sizes)
            item(each, _below(place, name), sizes)

    return check


def fields(
    required: Mapping[Any, Form], optional: Mapping[Any, Form] | None = None, *, exact: bool = False
) -> Form:
    """A dict with these keys, looked at in this order; ``exact`` allows no others."""

    def check(value: object, place: str, sizes: Sizes) -> None:
        found = _mapping(value, place)
        for name, form in required.items():
            if name not in found:
                raise FormError(f"{_below(place, name)} is missing")
            form(found[name], _below(place, name), sizes)
        for name, form in (optional or {}).items():
            if name in found:
                form(found[name], _below(place, name), sizes)
        others = [name for name in found if name not in required and name not in (optional or {})]
        if exact and others:
            raise FormError(f"{_below(place, others[0])} does not belong there")

    return check


def _mapping(value: object, place: str) -> Mapping[Any, object]:
    if not isinstance(value, dict):
        raise _wrong(place, value, "a dict")
    return cast(Mapping[Any, object], value)


def _below(place: str, name: object) -> str:
    short = str(name) if len(str(name)) <= 80 else str(name)[:80] + "..."
    return f"{place}.{short}" if place else short


def tensor(
    dtype: str, *shape: int | str | None, low: int | None = None, below: int | str | None = None
) -> Form:
    """A tensor on the CPU.

    Args:
        dtype: Its type's name.
        shape: Sizes; None for any, a letter for one that occurs in other places.
        low: Its smallest value at least.
        below: Its values are less; a letter is 0 while unknown.
    """

    def check(value: object, place: str, sizes: Sizes) -> None:
        named = f"{dtype} ({', '.join(str(sizes.get(str(each), each)) for each in shape)})"
        if (
            not isinstance(value, Tensor)
            or str(value.dtype) != f"torch.{dtype}"
            or value.ndim != len(shape)
            or value.layout != torch.strided
            or value.device.type != "cpu"
            or value.requires_grad
        ):
            raise _wrong(place, value, named)
        for size, found in zip(shape, value.shape, strict=True):
            if _resolved(size, found, sizes) != found:
                raise _wrong(place, value, named)
        limit = sizes.get(below, 0) if isinstance(below, str) else below
        values = value.contiguous().view(torch.uint8) if dtype == "bool" and value.ndim else value
        limit = 2 if dtype == "bool" else limit
        if value.numel() and limit is not None and value.ndim:
            least, most = int(values.min()), int(values.max())
            if least < (low or 0) or most >= limit:
                raise FormError(
                    f"{place} holds numbers from {least} to {most}; "
                    f"{low or 0} to {limit - 1} are allowed"
                )

    return check


def like(own: object) -> Form:
    """The form of a value that is at hand: types, keys, lengths, shapes."""
    if isinstance(own, Tensor):
        return tensor(str(own.dtype).removeprefix("torch."), *own.shape)
    if isinstance(own, dict):
        parts = cast(Mapping[Any, object], own)
        return fields({name: like(each) for name, each in parts.items()}, exact=True)
    if isinstance(own, list | tuple):
        return together(*(like(each) for each in cast(Sequence[object], own)))
    # A bool is an int, too.
    plain: dict[type[object], Form] = {bool: flag, int: whole(), float: number, str: text}
    return plain.get(type(own), anything)
