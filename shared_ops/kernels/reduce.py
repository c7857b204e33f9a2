"""Sums of float32 arrays over any axes, in an order that depends on the shape alone.

Neighbouring axes that are summed, or kept, together count as one. The last such group goes first: rows are summed one
by one, columns all at once; what is long is cut into blocks of a fixed size, whose sums are then added in order.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import njit, prange
from numpy import ndarray

from shared_ops.kernels.formula import F4
from shared_ops.kernels.loops import SERIAL_BELOW
from shared_ops.kernels.planes import COMPILED, sum_of
from shared_ops.kernels.scalar import f4
from shared_ops.kernels.vector import LANES, load, spread, store

SMALL = 2048  # values: below, NumPy's own sum is quicker to call
BLOCK = 16384  # values of a row in one block
ROWS = 1024  # rows of one block of columns
WIDE = 256  # columns that one thread takes


@njit(**COMPILED)
def _row(x, out, r, blocks, length):
    row, block = r // blocks, r % blocks
    start = row * length + block * BLOCK
    out[r] = sum_of(x, np.int64(start), np.int64(min(start + BLOCK, (row + 1) * length)))


@njit(**COMPILED)
def rows_serial(x, out, blocks, length):
    """out[r] = the sum of a block of a row."""
    for r in range(out.size):
        _row(x, out, r, blocks, length)


@njit(parallel=True, **COMPILED)
def rows_parallel(x, out, blocks, length):
    """The same, by several threads, each with a stretch of rows."""
    together = max(1, BLOCK // length)
    for part in prange((out.size + together - 1) // together):
        for r in range(part * together, min(out.size, (part + 1) * together)):
            _row(x, out, np.int64(r), blocks, length)


@njit(**COMPILED)
def _columns(x, out, part, blocks, chunks, length, width):
    """The sums of up to WIDE columns over one block of rows."""
    chunk, block, outer = part % chunks, part // chunks % blocks, part // (chunks * blocks)
    first, end = chunk * WIDE, min((chunk + 1) * WIDE, width)
    top, bottom = block * ROWS, min((block + 1) * ROWS, length)
    for j in range(first, end, LANES):
        a, b = spread(f4(0)), spread(f4(0))
        for i in range(top, bottom, 2):
            at = (outer * length + i) * width
            a = a + load(x, at + j, at + end, f4(0))
            if i + 1 < bottom:
                b = b + load(x, at + width + j, at + width + end, f4(0))
        to = (outer * blocks + block) * width
        store(out, to + j, to + end, a + b)


@njit(**COMPILED)
def columns_serial(x, out, outer, blocks, chunks, length, width):
    """out[o, block] = the sums of the columns of x[o] over a block of rows."""
    for part in range(outer * blocks * chunks):
        _columns(x, out, part, blocks, chunks, length, width)


@njit(parallel=True, **COMPILED)
def columns_parallel(x, out, outer, blocks, chunks, length, width):
    """The same, by several threads."""
    for part in prange(outer * blocks * chunks):
        _columns(x, out, np.int64(part), blocks, chunks, length, width)


def _sum_rows(x: ndarray, rows: int, length: int) -> ndarray:
    """(rows * length,) -> (rows,)"""
    blocks = -(-length // BLOCK)
    out = np.empty(rows * blocks, F4)
    (rows_serial if x.size < SERIAL_BELOW else rows_parallel)(x, out, blocks, length)
    return out if blocks == 1 else _sum_rows(out, rows, blocks)


def _sum_columns(x: ndarray, outer: int, length: int, width: int) -> ndarray:
    """(outer * length * width,) -> (outer * width,)"""
    blocks, chunks = -(-length // ROWS), -(-width // WIDE)
    out = np.empty(outer * blocks * width, F4)
    serial = x.size < SERIAL_BELOW or outer * blocks * chunks == 1
    (columns_serial if serial else columns_parallel)(x, out, outer, blocks, chunks, length, width)
    return out if blocks == 1 else _sum_columns(out, outer, blocks, width)


@functools.lru_cache(4096)
def groups_of(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[tuple[int, bool], ...]:
    """Sizes of neighbouring axes taken together, and whether they are summed."""
    groups: list[tuple[int, bool]] = []
    for i, n in enumerate(shape):
        summed = i in axes
        if groups and groups[-1][1] == summed:
            groups[-1] = (groups[-1][0] * n, summed)
        elif n != 1:
            groups.append((n, summed))
    return tuple(groups)


def sum_over(x: ndarray, axes: tuple[int, ...]) -> ndarray:
    """The sums over axes, counted from the front, of a contiguous float32 array that is not empty; a flat array."""
    groups, flat = list(groups_of(x.shape, axes)), x.ravel()
    while groups:
        last = max((i for i, (_, summed) in enumerate(groups) if summed), default=None)
        if last is None:
            break
        length = groups.pop(last)[0]
        outer = math.prod(n for n, _ in groups[:last])
        width = math.prod(n for n, _ in groups[last:])
        flat = _sum_rows(flat, outer, length) if width == 1 else _sum_columns(flat, outer, length, width)
    return flat


def sum(x: Any, *, axis: Any = None, keepdim: bool = False) -> Any:
    """Sum over the axes."""
    if type(x) is not ndarray or x.dtype is not F4 or x.size == 0:
        return NotImplemented
    if x.size < SMALL or not x.flags.c_contiguous:
        return np.add.reduce(x, axis, None, None, keepdim)  # type: ignore[call-overload]
    axes = (
        tuple(range(x.ndim)) if axis is None else tuple(a % x.ndim for a in (axis if type(axis) is tuple else (axis,)))
    )
    shape = tuple([1 if i in axes else n for i, n in enumerate(x.shape) if keepdim or i not in axes])
    return sum_over(x, axes).reshape(shape)


def mean(x: Any, *, axis: Any = None, keepdim: bool = False) -> Any:
    """Mean over the axes."""
    total = sum(x, axis=axis, keepdim=keepdim)
    return total if total is NotImplemented else np.asarray(total / f4(x.size // max(1, np.size(total))))


KERNELS = {"sum": sum, "mean": mean}
