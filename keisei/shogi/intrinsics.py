"""What kernels can do that Numba has no words for: store vectors, and borrow arrays.

Each function says in Python what it does. Kernels do not call it; they get machine code that is
generated in its place.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import numpy as np
from llvmlite import ir  # pyright: ignore[reportMissingTypeStubs]
from numba.core import config, types  # noqa: TID251
from numba.experimental import structref  # noqa: TID251
from numba.extending import intrinsic  # noqa: TID251
from numpy.typing import NDArray

from keisei.shogi.jit import Function, kernel

Scalar = TypeVar("Scalar", bound=np.generic)
Value = TypeVar("Value")

VECTOR_BYTES = 32
"""Bytes that ``copy_bytes``, ``match_bytes`` and ``fill_bytes`` write."""

Code = tuple[Any, Callable[..., Any]]
"""Type and code generator of an intrinsic, as Numba asks for them."""

_VECTOR: Any = ir.VectorType(ir.IntType(8), VECTOR_BYTES)


def generated_by(code: Callable[..., Code]) -> Callable[[Function], Function]:
    """Let kernels run generated code; Python runs the function if Numba is to compile nothing."""

    def choose(function: Function) -> Function:
        return function if cast(Any, config).DISABLE_JIT else cast(Function, intrinsic(code))

    return choose


def place_of(context: Any, builder: Any, array: tuple[Any, Any], index: Any, target: Any) -> Any:
    """Where an element of an array (type, value) lies, as a pointer to the target type."""
    data = context.make_array(array[0])(context, builder, array[1]).data
    return builder.bitcast(builder.gep(data, [index]), target.as_pointer())


def _repeated(builder: Any, byte: Any) -> Any:
    """A vector of one byte."""
    nothing: Any = ir.Constant(_VECTOR, cast(Any, ir).Undefined)
    all_first: Any = ir.Constant(ir.VectorType(ir.IntType(32), VECTOR_BYTES), None)
    vector = builder.insert_element(nothing, byte, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(vector, nothing, all_first)


def vector_starts(length: int, per_vector: int = VECTOR_BYTES) -> NDArray[np.uint64]:
    """Where the vectors begin that cover a row, uint64 [vectors]; the last two may overlap.

    Args:
        length: elements of the row, as many as a vector holds or more.
        per_vector: elements that a vector holds; for bytes as many as there are bytes.
    """
    starts = np.arange(0, length, per_vector)
    return np.minimum(starts, length - per_vector).astype(np.uint64)


# Indices count from an array's first element, all dimensions taken as one.


def _spread_bits(_: Any, words: Any, index: Any, bits: Any) -> Code:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words, index, bits = arguments
        lanes = builder.bitcast(bits, ir.VectorType(ir.IntType(1), 64))
        spread = builder.zext(lanes, ir.VectorType(ir.IntType(8), 64))
        place = place_of(context, builder, (signature.args[0], words), index, spread.type)
        builder.store(spread, place, align=8)
        return context.get_dummy_value()

    return types.void(words, index, bits), generate


@generated_by(_spread_bits)
def spread_bits(words: NDArray[np.uint64], index: np.uint64, bits: np.uint64) -> None:
    """Write 64 bits as 64 bytes, 0 or 1, from the word of an index on."""
    places = np.arange(64, dtype=np.uint64)
    spread = ((bits >> places) & np.uint64(1)).astype(np.uint8)
    words.reshape(-1)[index : index + np.uint64(8)] = spread.view(np.uint64)


def _copy_bytes(_: Any, out: Any, at: Any, source: Any, index: Any) -> Code:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, at, source, index = arguments
        there = place_of(context, builder, (signature.args[2], source), index, _VECTOR)
        place = place_of(context, builder, (signature.args[0], out), at, _VECTOR)
        builder.store(builder.load(there, align=1), place, align=1)
        return context.get_dummy_value()

    return types.void(out, at, source, index), generate


@generated_by(_copy_bytes)
def copy_bytes(
    out: NDArray[Scalar], at: np.uint64, source: NDArray[Scalar], index: np.uint64
) -> None:
    """Copy VECTOR_BYTES bytes, from the element of an index on."""
    width = np.uint64(VECTOR_BYTES // out.itemsize)
    out.reshape(-1)[at : at + width] = source.reshape(-1)[index : index + width]


def _match_bytes(_: Any, out: Any, at: Any, row: Any, index: Any, byte: Any) -> Code:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, at, row, index, byte = arguments
        source = place_of(context, builder, (signature.args[2], row), index, _VECTOR)
        place = place_of(context, builder, (signature.args[0], out), at, _VECTOR)
        found = builder.load(source, align=1)
        equal = builder.icmp_unsigned("==", found, _repeated(builder, byte))
        builder.store(builder.zext(equal, _VECTOR), place, align=1)
        return context.get_dummy_value()

    return types.void(out, at, row, index, byte), generate


@generated_by(_match_bytes)
def match_bytes(
    out: NDArray[np.uint8], at: np.uint64, row: NDArray[np.uint8], index: np.uint64, byte: np.uint8
) -> None:
    """Write VECTOR_BYTES bytes: 1 where those of a row from an index on equal a byte, else 0."""
    width = np.uint64(VECTOR_BYTES)
    out.reshape(-1)[at : at + width] = row.reshape(-1)[index : index + width] == byte


def _fill_bytes(_: Any, out: Any, at: Any, byte: Any) -> Code:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out, at, byte = arguments
        place = place_of(context, builder, (signature.args[0], out), at, _VECTOR)
        builder.store(_repeated(builder, byte), place, align=1)
        return context.get_dummy_value()

    return types.void(out, at, byte), generate


@generated_by(_fill_bytes)
def fill_bytes(out: NDArray[np.uint8], at: np.uint64, byte: np.uint8) -> None:
    """Write a byte VECTOR_BYTES times."""
    out.reshape(-1)[at : at + np.uint64(VECTOR_BYTES)] = byte


@cast(Any, structref).register
class _HeldType(types.StructRef):
    """Numba's type of ``Held``."""


class Held(structref.StructRefProxy, Generic[Value]):
    """A tuple of arrays in native memory, which kernels read with ``borrow``.

    Numba unpacks each array that a kernel is given at each call, which for many arrays takes longer
    than the work on them; this it unpacks as one pointer.
    """

    value: Value


cast(Any, structref).define_proxy(Held, _HeldType, ["value"])


@kernel
def hold(value: Value) -> Held[Value]:
    """Put a tuple of arrays into native memory."""
    return Held(value)  # pyright: ignore[reportUnknownVariableType] (Numba's constructor)


def _without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """An array, or the arrays of a tuple, as memory that Numba counts no references to."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = ir.Constant(array.meminfo.type, None)
        array.parent = ir.Constant(array.parent.type, None)
        return array._getvalue()  # noqa: SLF001 (Numba's own name for it)
    if isinstance(kind, types.BaseTuple):
        for index, part in enumerate(cast(Any, kind)):
            item = builder.extract_value(value, index)
            item = _without_owner(context, builder, part, item)
            value = builder.insert_value(value, item, index)
    return value


def _borrow(_: Any, held: Any) -> Code:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        reader = cast(Any, structref)._Utils(context, builder, signature.args[0])  # noqa: SLF001
        value = reader.get_data_struct(arguments[0]).value
        return _without_owner(context, builder, signature.return_type, value)

    return held.field_dict["value"](held), generate


@generated_by(_borrow)
def borrow(held: Held[Value]) -> Value:
    """The tuple that is held, for a kernel to use while it runs.

    ``held.value`` would count the references to each array up and down, which takes a microsecond.
    """
    return held.value
