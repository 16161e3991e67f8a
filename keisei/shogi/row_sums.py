"""Sums of rows of a table of numbers, kept in registers.

The compiler of plain loops goes to memory for the running total at each row.
"""

from typing import Any, cast

import numpy as np
from llvmlite import ir  # pyright: ignore[reportMissingTypeStubs]
from numba.core import cgutils, types  # noqa: TID251
from numpy.typing import NDArray

from keisei.shogi.intrinsics import Code, generated_by, place_of
from keisei.shogi.jit import Int

_code: Any = cgutils
_FLOATS: Any = ir.VectorType(ir.FloatType(), 16)
STRIP = 64
"""Columns that ``add_rows_of`` and ``add_products`` work on."""
_VECTORS = STRIP // _FLOATS.count


def _loop_over_rows(
    context: Any, builder: Any, types_of: Any, arguments: Any, *, weigh: bool
) -> None:
    """Add rows of a table, as they are or weighed, to a strip that stays in registers."""
    out, at, table, column, rows, *factors, count = arguments
    at, column, count = (builder.sext(each, ir.IntType(64)) for each in (at, column, count))
    width = builder.extract_value(context.make_array(types_of[2])(context, builder, table).shape, 1)
    place = place_of(context, builder, (types_of[0], out), at, _FLOATS)
    starts = [builder.gep(place, [ir.Constant(ir.IntType(64), k)]) for k in range(_VECTORS)]
    sums = [_code.alloca_once_value(builder, builder.load(start, align=4)) for start in starts]

    def row(index: Any) -> list[Any]:
        """The strip of the row that the rows' list names, weighed if it is to be."""
        data = context.make_array(types_of[4])(context, builder, rows).data
        number = builder.sext(builder.load(builder.gep(data, [index])), ir.IntType(64))
        first = builder.add(builder.mul(number, width), column)
        there = place_of(context, builder, (types_of[2], table), first, _FLOATS)
        vectors = [
            builder.load(builder.gep(there, [ir.Constant(ir.IntType(64), k)]), align=4)
            for k in range(_VECTORS)
        ]
        if weigh:
            weights = context.make_array(types_of[5])(context, builder, factors[0]).data
            weight = builder.load(builder.gep(weights, [index]))
            nothing: Any = ir.Constant(_FLOATS, cast(Any, ir).Undefined)
            first_only = builder.insert_element(nothing, weight, ir.Constant(ir.IntType(32), 0))
            mask: Any = ir.Constant(ir.VectorType(ir.IntType(32), _FLOATS.count), None)
            weight = builder.shuffle_vector(first_only, nothing, mask)
            vectors = [builder.fmul(vector, weight) for vector in vectors]
        return vectors

    def add(indices: list[Any]) -> None:
        """Add one row, or four as (a + b) + (c + d)."""
        terms = [row(index) for index in indices]
        while len(terms) > 1:
            terms = [
                [builder.fadd(left, right) for left, right in zip(one, other, strict=True)]
                for one, other in zip(terms[::2], terms[1::2], strict=True)
            ]
        for total, term in zip(sums, terms[0], strict=True):
            builder.store(builder.fadd(builder.load(total), term), total)

    four = ir.Constant(ir.IntType(64), 4)
    quads = builder.udiv(count, four)
    with _code.for_range(builder, quads) as loop:
        first = builder.mul(loop.index, four)
        add([builder.add(first, ir.Constant(ir.IntType(64), k)) for k in range(4)])
    with _code.for_range_slice(
        builder, builder.mul(quads, four), count, ir.Constant(ir.IntType(64), 1), ir.IntType(64)
    ) as (index, _):
        add([index])
    for start, total in zip(starts, sums, strict=True):
        builder.store(builder.load(total), start, align=4)


def _add_rows_of(_: Any, out: Any, at: Any, table: Any, column: Any, rows: Any, count: Any) -> Code:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _loop_over_rows(context, builder, signature.args, arguments, weigh=False)
        return context.get_dummy_value()

    return types.void(out, at, table, column, rows, count), generate


@generated_by(_add_rows_of)
def add_rows_of(
    out: NDArray[np.float32],
    at: Int,
    table: NDArray[np.float32],
    column: Int,
    rows: NDArray[np.signedinteger[Any]],
    count: Int,
) -> None:
    """Add STRIP columns of a table's rows to STRIP numbers, those of an index on.

    Four rows at a time are added up first, as (a + b) + (c + d).

    Args:
        out: float32, C-contiguous.
        at: where to add.
        table: float32 [n, width], C-contiguous.
        column: the first of the columns.
        rows: the rows' numbers; as many as ``count`` of them are read.
        count: how many.
    """
    _add_weighed(out, at, table[rows[:count], column : column + STRIP])


def _add_products(
    _: Any, out: Any, at: Any, table: Any, column: Any, rows: Any, factors: Any, count: Any
) -> Code:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _loop_over_rows(context, builder, signature.args, arguments, weigh=True)
        return context.get_dummy_value()

    return types.void(out, at, table, column, rows, factors, count), generate


@generated_by(_add_products)
def add_products(
    out: NDArray[np.float32],
    at: Int,
    table: NDArray[np.float32],
    column: Int,
    rows: NDArray[np.signedinteger[Any]],
    factors: NDArray[np.float32],
    count: Int,
) -> None:
    """As ``add_rows_of``, with a factor float32 for each of the rows' numbers."""
    strip = table[rows[:count], column : column + STRIP]
    _add_weighed(out, at, strip * factors[:count, None])


def _add_weighed(out: NDArray[np.float32], at: Int, rows: NDArray[np.float32]) -> None:
    total = out.reshape(-1)[at : at + STRIP]
    quads = len(rows) // 4 * 4
    for k in range(0, quads, 4):
        total += (rows[k] + rows[k + 1]) + (rows[k + 2] + rows[k + 3])
    for row in rows[quads:]:
        total += row
