"""Reductions of float32 arrays over any axes, in an order that depends on the shape alone.

Neighbouring axes that are reduced, or kept, together count as one. The last such group goes first: rows are reduced one
by one, columns all at once; what is long is cut into blocks of a fixed size, whose results are then reduced in turn.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange
from numpy import ndarray

from shared_ops.kernels import extremes
from shared_ops.kernels.accumulate import ACROSS, COMPILED, GREATEST, LEAST, PRODUCT, ROWS, SUM, parts, rows
from shared_ops.kernels.formula import F4
from shared_ops.kernels.threads import PARALLEL

SMALL = 2048  # values: below, NumPy's own functions are quicker to call
SERIAL_BELOW = 1 << 17  # values: waking threads costs as much as reducing this many
BLOCK = 16384  # values of a long row in one block
NARROW = 16  # columns: fewer leave lanes of a vector empty
NO_SHIFTS = np.zeros(1, F4)


@njit(**COMPILED)
def rows_serial(x, out, shifts, blocks, length, block, kind):
    """out[row, b] = a block of a row, reduced."""
    rows(x, out, shifts, 0, out.size, blocks, length, block, kind)


@njit(parallel=True, **COMPILED)
def rows_parallel(x, out, shifts, blocks, length, block, kind):
    """The same, by several threads, each with some rows at a time."""
    together = max(1, BLOCK // length)
    for part in prange((out.size + together - 1) // together):
        first = np.int64(part * together)
        rows(x, out, shifts, first, min(first + together, out.size), blocks, length, block, kind)


@njit(**COMPILED)
def columns_serial(x, out, shifts, count, blocks, chunks, length, width, kind):
    """out[outer, block] = the columns of a block of rows, reduced."""
    parts(x, out, shifts, 0, count, blocks, chunks, length, width, kind)


@njit(parallel=True, **COMPILED)
def columns_parallel(x, out, shifts, count, blocks, chunks, length, width, kind):
    """The same, by several threads, each with some parts at a time."""
    together = max(1, BLOCK // (min(length, ROWS) * min(width, ACROSS)))
    for group in prange((count + together - 1) // together):
        first = np.int64(group * together)
        parts(x, out, shifts, first, min(first + together, count), blocks, chunks, length, width, kind)


ROWS_BY_THREADS = rows_parallel if PARALLEL else rows_serial
COLUMNS_BY_THREADS = columns_parallel if PARALLEL else columns_serial


# how a shape is reduced -----------------------------------------------------------------------------------------------
class Plan(NamedTuple):
    """What reducing a shape comes to: kernels with the sizes of their results and their settings, one after another."""

    steps: tuple[tuple[Callable, int, tuple[int, ...]], ...]
    shape: tuple[int, ...]  # of the result
    length: int  # values that go into one
    pattern: str  # the groups of neighbouring axes: r for reduced, k for kept


@functools.lru_cache(4096)
def plan(shape: tuple[int, ...], axis: Any, keepdim: bool) -> Plan:
    """For an array of this shape, which has no 0 in it, and axes that fit."""
    ndim = len(shape)
    listed = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = {a % ndim for a in listed} if ndim else set()
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    groups = _groups(shape, axes)
    pattern = "".join("r" if reduced else "k" for _, reduced in groups)
    steps = _steps([list(group) for group in groups])
    out_shape = kept if keepdim else tuple(n for i, n in enumerate(shape) if i not in axes)
    count = math.prod(n for i, n in enumerate(shape) if i in axes)
    return Plan(tuple(steps), out_shape, count, pattern)


def _groups(shape: tuple[int, ...], axes: set[int]) -> list[tuple[int, bool]]:
    """Sizes of neighbouring axes taken together, and whether they are reduced."""
    groups: list[tuple[int, bool]] = []
    for i, n in enumerate(shape):
        reduced = i in axes
        if groups and groups[-1][1] == reduced:
            groups[-1] = (groups[-1][0] * n, reduced)
        elif n != 1:
            groups.append((n, reduced))
    return groups


def _steps(groups: list) -> list:
    """Kernels for groups of axes, the last one that is reduced first."""
    steps: list = []
    while any(reduced for _, reduced in groups):
        last = max(i for i, (_, reduced) in enumerate(groups) if reduced)
        length = groups.pop(last)[0]
        outer, width = math.prod(n for n, _ in groups[:last]), math.prod(n for n, _ in groups[last:])
        steps += _row_steps(outer, length) if width == 1 else _column_steps(outer, length, width)
    return steps


def _row_steps(outer: int, length: int) -> list:
    """(outer * length,) -> (outer,)"""
    if outer * length < SERIAL_BELOW:
        return [(rows_serial, outer, (1, length, length))]
    blocks = -(-length // BLOCK)
    step = (ROWS_BY_THREADS, outer * blocks, (blocks, length, min(length, BLOCK)))
    return [step] if blocks == 1 else [step, *_row_steps(outer, blocks)]


def _column_steps(outer: int, length: int, width: int) -> list:
    """(outer * length * width,) -> (outer * width,)"""
    if width < NARROW < length and length % NARROW == 0:  # several rows side by side fill the vectors
        return _column_steps(outer, length // NARROW, NARROW * width) + _column_steps(outer, NARROW, width)
    blocks, chunks = -(-length // ROWS), -(-width // ACROSS)
    parts = outer * blocks * chunks
    serial = outer * length * width < SERIAL_BELOW or parts == 1
    settings = (parts, blocks, chunks, length, width)
    step = (columns_serial if serial else COLUMNS_BY_THREADS, outer * blocks * width, settings)
    return [step] if blocks == 1 else [step, *_column_steps(outer, blocks, width)]


def reduce(x: ndarray, how: Plan, kind: int, shifts: ndarray = NO_SHIFTS) -> ndarray:
    """A contiguous float32 array, reduced; a flat array. `shifts`: one for each row, or column, of the first step."""
    flat = x.ravel() if how.steps else x.flatten()  # a result is never a view
    if shifts is not NO_SHIFTS and how.pattern.endswith("k"):
        parts, blocks, chunks, _, width = how.steps[0][2]
        outer = parts // (blocks * chunks)
        shifts = np.tile(shifts.reshape(outer, -1), width * outer // shifts.size).ravel()
    for kernel, size, settings in how.steps:
        out = np.empty(size, F4)
        kernel(flat, out, shifts, *settings, kind)
        flat, shifts = out, NO_SHIFTS
        if kind < PRODUCT:
            kind = SUM  # of what the blocks gave
    return flat


def fits(x: Any) -> bool:
    """Whether it is a float32 array that these kernels are made for."""
    return type(x) is ndarray and x.dtype is F4 and x.size > 0 and x.flags.c_contiguous


def planned(x: ndarray, axis: Any, keepdim: bool) -> Plan:
    """The plan for an array and any way to name axes."""
    return plan(x.shape, axis if type(axis) is not list else tuple(axis), keepdim)


# the ops --------------------------------------------------------------------------------------------------------------
def _form(ufunc: np.ufunc, kind: int) -> Callable:
    """A reduction: NumPy's function of two numbers for small arrays, and a kernel."""
    by_numpy: Any = ufunc.reduce

    def reduction(x: Any, *, axis: Any = None, keepdim: bool = False) -> Any:
        axis = axis if type(axis) is not list else tuple(axis)
        if type(x) is not ndarray or x.dtype is not F4 or x.size == 0:
            return NotImplemented
        if x.size < SMALL or not x.flags.c_contiguous:
            return by_numpy(x, axis, None, None, keepdim)  # by place, which takes NumPy half as long as by name
        how = plan(x.shape, axis, keepdim)
        return reduce(x, how, kind).reshape(how.shape)

    return reduction


sum, prod = _form(np.add, SUM), _form(np.multiply, PRODUCT)
amax, amin = _form(np.maximum, GREATEST), _form(np.minimum, LEAST)


def mean(x: Any, *, axis: Any = None, keepdim: bool = False) -> Any:
    """Mean over the axes."""
    total = sum(x, axis=axis, keepdim=keepdim)
    return total if total is NotImplemented else total / (x.size // np.size(total))


KERNELS = {"sum": sum, "mean": mean, "amax": amax, "amin": amin, **extremes.KERNELS}
