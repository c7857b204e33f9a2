"""Packing: the second factor of a product laid out in panels as the tiles read them, one dense block for each.

A transposed matrix is turned in squares of 16 x 16 that stay in registers. A matrix whose rows already lie dense is
packed only where many rows will read it and its own rows are far apart.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from shared_ops.kernels.tile import COMPILED, FLOAT, LANES, PANEL, SHORT, SINGLE, WORD
from shared_ops.kernels.vector import VECTOR

ROW = FLOAT * PANEL  # bytes of a packed row


def _vector_at(builder, base, offset=None):
    address = base if offset is None else builder.add(base, offset)
    return builder.inttoptr(address, VECTOR.as_pointer())


@intrinsic
def _move_row(typing_context, source, to):
    """Copy PANEL floats from one address to another."""

    def generate(context, builder, signature, arguments):
        source, to = arguments
        for offset in range(0, ROW, FLOAT * LANES):
            value = builder.load(_vector_at(builder, source, ir.Constant(WORD, offset)), align=FLOAT)
            builder.store(value, _vector_at(builder, to, ir.Constant(WORD, offset)), align=FLOAT)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def _move_float(typing_context, source, to):
    """Copy one float."""

    def generate(context, builder, signature, arguments):
        source, to = (builder.inttoptr(address, SINGLE.as_pointer()) for address in arguments)
        builder.store(builder.load(source, align=FLOAT), to, align=FLOAT)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


def _interleaved(builder, x, y, half):
    """x0 y0 x1 y1 … of the lower or the upper halves."""
    places = [place for lane in range(8 * half, 8 * half + 8) for place in (lane, LANES + lane)]
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(SHORT, LANES), places))


@intrinsic
def _turn_square(typing_context, source, source_row, to):
    """Write 16 rows of 16 floats, `source_row` bytes apart, as columns of a packed panel.

    Interleaving the first row with the ninth, the second with the tenth, … four times over turns the square.
    """

    def generate(context, builder, signature, arguments):
        source, source_row, to = arguments
        rows = [
            builder.load(_vector_at(builder, source, builder.mul(source_row, ir.Constant(WORD, i))), align=FLOAT)
            for i in range(LANES)
        ]
        for _ in range(4):
            rows = [_interleaved(builder, rows[i], rows[i + 8], half) for i in range(8) for half in (0, 1)]
        for i, row in enumerate(rows):
            builder.store(row, _vector_at(builder, to, ir.Constant(WORD, ROW * i)), align=FLOAT)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@njit(**COMPILED)
def _turn(b, b_step, k, columns, to):
    """The panel of a transposed matrix: its columns are `b_step` apart, and dense."""
    squares = columns // LANES * LANES
    whole = k // LANES * LANES
    for j in range(0, squares, LANES):
        for p in range(0, whole, LANES):
            _turn_square(b + j * b_step + p * FLOAT, b_step, to + p * ROW + j * FLOAT)
    for j in range(columns):
        for p in range(whole if j < squares else 0, k):
            _move_float(b + j * b_step + p * FLOAT, to + p * ROW + j * FLOAT)


@njit(**COMPILED)
def pack(b, b_row, b_step, k, columns, to):
    """Lay (k, columns) of a matrix out at an address, in rows of PANEL floats; what is beside them stays as it was."""
    if b_step != FLOAT:
        _turn(b, b_step, k, columns, to)
    elif columns == PANEL:
        for p in range(k):
            _move_row(b + p * b_row, to + p * ROW)
    else:
        for p in range(k):
            for j in range(columns):
                _move_float(b + p * b_row + j * FLOAT, to + p * ROW + j * FLOAT)


def packed(w: np.ndarray) -> np.ndarray:
    """(k, n) -> (panels, k, PANEL), zeros beside the last columns: for a matrix that many products have in common."""
    k, n = w.shape
    panels = -(-n // PANEL)
    wide = np.zeros((k, panels * PANEL), np.float32)
    wide[:, :n] = w
    return np.ascontiguousarray(wide.reshape(k, panels, PANEL).transpose(1, 0, 2))
