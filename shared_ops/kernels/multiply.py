"""multiply: one matrix product, on the thread that asks for it.

It is compiled once, as machine code at an address, and called there: a function of Numba's would be compiled anew into
each of its callers.
"""

from __future__ import annotations

import functools

import numpy as np
from llvmlite import ir
from numba import cfunc, types
from numba.extending import intrinsic

from shared_ops.kernels.packing import ROW, pack
from shared_ops.kernels.tile import FLOAT, PANEL, WORD, panel

DEPTH = 256  # steps of k at once: a packed panel of them is 32 KiB, and a turned first factor's lines stay near
FAR_APART = 2048  # bytes: rows of the second factor that are read in place may lie this far apart
MANY_ROWS = 128  # that make packing worth its while
PACKED = 0  # the step between rows that says that a matrix is packed
NUMBERS = [types.int64] * 13


def _multiply(a, a_row, a_step, b, b_row, b_step, start, start_row, c, c_row, m, n, k):
    """c (m, n) = start + a (m, k) @ b (k, n), by addresses and steps in bytes; no start is 0."""
    packs = b_row != PACKED and (b_step != FLOAT or (b_row > FAR_APART and m >= MANY_ROWS))
    room = np.empty(min(k, DEPTH) * PANEL if packs else 1, np.float32)
    across, down = (FLOAT * k, ROW) if b_row == PACKED else (b_step, b_row)
    begun, begun_row = start, start_row
    for p in range(0, k, DEPTH):
        deep, first = min(DEPTH, k - p), a + p * a_step
        for j in range(0, n, PANEL):
            columns, second, second_row, to = min(PANEL, n - j), b + p * down + j * across, down, c + j * FLOAT
            if packs:
                pack(second, b_row, b_step, deep, columns, room.ctypes.data)
                second, second_row = room.ctypes.data, ROW
            first_sum = begun + j * FLOAT if begun else begun
            panel(first, a_row, a_step, second, second_row, deep, first_sum, begun_row, to, c_row, columns, m)
        begun, begun_row = c, c_row


@functools.cache
def _compiled():
    return cfunc(types.void(*NUMBERS), cache=True, error_model="numpy")(_multiply)


def address() -> int:
    """Where the machine code is: what functions compiled by Numba pass to `multiply`."""
    return _compiled().address


@intrinsic
def multiply(typing_context, at, a, a_row, a_step, b, b_row, b_step, start, start_row, c, c_row, m, n, k):
    """c (m, n) = start + a (m, k) @ b (k, n), by the code at an address; matrices as addresses and steps in bytes.

    start: 0 for none. b_row: PACKED for a matrix that `packed` laid out. a and b need not be dense in their rows.
    """

    def generate(context, builder, signature, arguments):
        at, *numbers = arguments
        kind = ir.FunctionType(ir.VoidType(), [WORD] * len(NUMBERS))
        builder.call(builder.inttoptr(at, kind.as_pointer()), numbers)
        return context.get_dummy_value()

    return types.void(types.int64, *NUMBERS), generate
