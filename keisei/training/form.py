"""Forms: what a file has to hold, shown by an example and compared with what it does hold.

An example is a value of the same build. Of it count

    a tensor            its type and shape
    0, 0.0, "", False   the type: whole numbers are not negative, others finite
    {"a": x, "?b": y}   these keys, the second need not be there; others may be
    {str: x}            any texts as keys, with such values
    [x]                 any number of such items, in a list or tuple
    (x, y)              one item of each, in a list or tuple
    None                nothing: whatever there is
    a function          what it says; those here make some. It raises for what is not so

Letters in shapes and lengths stand for a size that is the same wherever they occur; the first place
settles it.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

Sizes = dict[str, int]
Check = Callable[[object, str, Sizes], None]
"""Called with a value, its place as words, and the sizes that are known; writes those it learns."""
Form = Any
"""An example."""

_LARGEST = 2**62


class FormError(ValueError):
    """A value does not have its form; the message is half a sentence that begins with its place."""


def check(form: Form, value: object, place: str, sizes: Sizes) -> None:
    """Raise a FormError unless a value has a form; the place says where it stands."""
    if callable(form):
        form(value, place, sizes)
    elif isinstance(form, Tensor):
        tensor(type_name(form), *form.shape)(value, place, sizes)
    elif isinstance(form, dict):
        _check_dict(cast(Mapping[Any, Form], form), value, place, sizes)
    elif isinstance(form, list | tuple):
        forms = cast(Sequence[Form], form)
        items = _items(value, place, None if isinstance(form, list) else len(forms), sizes)
        for index, each in enumerate(items):
            check(forms[0 if isinstance(form, list) else index], each, f"{place}[{index}]", sizes)
    elif form is not None:
        _PLAIN[type(form)](value, place, sizes)


def _check_dict(form: Mapping[Any, Form], value: object, place: str, sizes: Sizes) -> None:
    if not isinstance(value, dict):
        raise _wrong(place, value, "a dict")
    found = cast(Mapping[Any, object], value)
    if str in form:
        for name, each in found.items():
            check("", name, f"a key of {place}", sizes)
            check(form[str], each, _below(place, name), sizes)
        return
    for key, each in form.items():
        name = key.removeprefix("?") if isinstance(key, str) else key
        if name in found:
            check(each, found[name], _below(place, name), sizes)
        elif name == key:
            raise FormError(f"{_below(place, name)} is missing")


def _items(value: object, place: str, length: int | str | None, sizes: Sizes) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise _wrong(place, value, "a list")
    items = cast(Sequence[object], value)
    expected = _resolved(length, len(items), sizes)
    if len(items) != expected:
        raise _wrong(place, items, f"a list of {expected}")
    return items


def _wrong(place: str, value: object, expected: str) -> FormError:
    if isinstance(value, Tensor):
        named = f"{type_name(value)} {tuple(value.shape)}"
    elif isinstance(value, dict | list | tuple):
        named = f"a {type(cast(object, value)).__name__} of {len(cast(Sequence[object], value))}"
    else:
        text = repr(value)
        named = f"{type(value).__name__} {text if len(text) <= 40 else text[:40] + '...'}"
    return FormError(f"{place or 'the whole'} is {named} and not {expected}")


def _below(place: str, name: object) -> str:
    short = str(name) if len(str(name)) <= 80 else str(name)[:80] + "..."
    return f"{place}.{short}" if place else short


def type_name(tensor: Tensor) -> str:
    """The name of a tensor's type, for example "uint8"."""
    return str(tensor.dtype).removeprefix("torch.")


def _resolved(size: int | str | None, found: int, sizes: Sizes) -> int:
    """The size that is expected where ``found`` is."""
    if isinstance(size, str):
        return sizes.setdefault(size, found)
    return found if size is None else size


def plain(
    expected: str, *kinds: type[object], holds: Callable[[Any], bool] = lambda _: True
) -> Check:
    """A value of just these types, of which a bool is no int."""

    def check_plain(value: object, place: str, _sizes: Sizes) -> None:
        if type(value) not in kinds or not holds(value):
            raise _wrong(place, value, expected)

    return check_plain


flag = plain("true or false", bool)
scalar = plain("a number, a text, true or false", bool, int, float, str)
measure = plain("a number", int, float)
"""A number, finite or not."""


def whole(low: int = 0, below: int | str = _LARGEST, settles: str | None = None) -> Check:
    """A whole number.

    Args:
        low: It is not less.
        below: It is less; a letter is 0 while unknown.
        settles: The letter that stands for it from here on.
    """

    def check_whole(value: object, place: str, sizes: Sizes) -> None:
        limit = sizes.get(below, 0) if isinstance(below, str) else below
        expected = f"a whole number from {low} to {limit - 1}"
        plain(expected, int, holds=lambda found: low <= found < limit)(value, place, sizes)
        if settles is not None:
            sizes[settles] = cast(int, value)

    return check_whole


_PLAIN: Mapping[type[object], Check] = {
    bool: flag,
    int: whole(),
    float: plain("a finite number", int, float, holds=lambda n: abs(n) <= sys.float_info.max),
    str: plain("a text", str),
}


def maybe(form: Form) -> Check:
    """None, or a value of the form."""

    def check_if_any(value: object, place: str, sizes: Sizes) -> None:
        if value is not None:
            check(form, value, place, sizes)

    return check_if_any


def listed(item: Form, length: int | str) -> Check:
    """A list or tuple of so many such items."""

    def check_items(value: object, place: str, sizes: Sizes) -> None:
        for index, each in enumerate(_items(value, place, length, sizes)):
            check(item, each, f"{place}[{index}]", sizes)

    return check_items


def only(form: Mapping[Any, Form]) -> Check:
    """A dict of just these keys."""

    def check_keys(value: object, place: str, sizes: Sizes) -> None:
        check(form, value, place, sizes)
        for name in cast(Iterable[object], value):
            if name not in form:
                raise FormError(f"{_below(place, name)} does not belong there")

    return check_keys


def some_tensor(value: object, place: str, _sizes: Sizes) -> None:
    """A tensor, whatever its type and shape."""
    if not isinstance(value, Tensor):
        raise _wrong(place, value, "a tensor")


def tensor(
    dtype: str, *shape: int | str | None, low: int = 0, below: int | str | None = None
) -> Check:
    """A tensor on the CPU.

    Args:
        dtype: Its type's name.
        shape: Sizes; None for any, a letter for one that occurs in other places.
        low: Its smallest value at least, where ``below`` is given.
        below: Its values are less; a letter is 0 while unknown.
    """

    def check_tensor(value: object, place: str, sizes: Sizes) -> None:
        named = f"{dtype} ({', '.join(str(sizes.get(str(each), each)) for each in shape)})"
        if (
            not isinstance(value, Tensor)
            or type_name(value) != dtype
            or value.ndim != len(shape)
            or value.layout != torch.strided
            or value.device.type != "cpu"
            or value.requires_grad
        ):
            raise _wrong(place, value, named)
        for size, found in zip(shape, value.shape, strict=True):
            if _resolved(size, found, sizes) != found:
                raise _wrong(place, value, named)
        is_flags = dtype == "bool"
        limit = 2 if is_flags else sizes.get(below, 0) if isinstance(below, str) else below
        if limit is not None and value.ndim and value.numel():
            values = value.contiguous().view(torch.uint8) if is_flags else value
            least, most = int(values.min()), int(values.max())
            if least < low or most >= limit:
                allowed = f"{low} to {limit - 1} are allowed"
                raise FormError(f"{place} holds numbers from {least} to {most}; {allowed}")

    return check_tensor
