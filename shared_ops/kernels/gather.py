"""Gather and scatter along the last axis of float32 arrays, line by line; an index is checked where it is used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from shared_ops.index import refuse
from shared_ops.kernels.formula import F4
from shared_ops.kernels.index import fits
from shared_ops.kernels.threads import PARALLEL

I8 = np.dtype("int64")
SERIAL_BELOW = 1 << 17 if PARALLEL else 1 << 62  # values
BLOCK = 1 << 14  # values that one thread takes at a time


@njit(cache=True, error_model="numpy", nogil=True)
def some_lines(x, index, out, add, wrap, first, last):
    """out[r, k] = x[r, index[r, k]], or out[r, index[r, k]] += x[r, k]; the number of indices out of range.

    `wrap` is what a negative index is raised by. One below 0 even then is a huge number without a sign.
    """
    n = np.uint64(out.shape[1] if add else x.shape[1])
    bad = 0
    for r in range(first, last):
        places, line, to = index[r], x[r], out[r]
        for k in range(places.size):
            i = places[k]
            at = np.uint64(i + wrap if i < 0 else i)
            if at >= n:
                bad += 1
            elif add:
                to[at] += line[k]
            else:
                to[k] = line[at]
    return bad


@njit(cache=True, error_model="numpy", nogil=True, parallel=True)
def lines(x, index, out, add, wrap, serial):
    """(r, n), (r, m) -> (r, m), or the way back; the number of indices out of range."""
    rows, width = index.shape
    if serial:
        return some_lines(x, index, out, add, wrap, 0, rows)
    each = max(1, BLOCK // width)
    blocks = (rows + each - 1) // each
    bad = np.empty(blocks, np.int64)
    for b in prange(blocks):
        bad[b] = some_lines(x, index, out, add, wrap, b * each, min(rows, (b + 1) * each))
    return bad.sum()


def _run(name: str, x: Any, index: Any, out: Any, add: bool, negative: bool) -> Any:
    """`out`, filled or added to. Raises SpecError for an index that is out of range."""
    n, width = (out if add else x).shape[-1], index.shape[-1]
    places = np.ascontiguousarray(index, I8).reshape(-1, width)
    values = np.ascontiguousarray(x).reshape(len(places), -1)
    wrap = n if negative else 0
    if lines(values, places, out.reshape(len(places), -1), add, wrap, index.size < SERIAL_BELOW):
        bad = places[(places < -wrap) | (places >= n)][0]
        refuse(name, int(bad), n, out.ndim - 1, negative)
    return out


def _lined_up(shape: Any, index: Any, axis: int) -> bool:
    """Whether the axis is the last one, and the others are the index's."""
    return axis in (-1, len(shape) - 1) and shape[:-1] == index.shape[:-1] and shape[-1] > 0


def gather(x: Any, index: Any, *, axis: int, negative: bool = False) -> Any:
    """(..., n), (..., m) -> (..., m)."""
    if not fits(x, index) or not _lined_up(x.shape, index, axis):
        return NotImplemented
    return _run("gather", x, index, np.empty(index.shape, F4), False, negative)


def gather_add(x: Any, index: Any, *, shape: Any, axis: int, negative: bool = False) -> Any:
    """(..., m), (..., m) -> (..., n)."""
    if not fits(x, index) or x.shape != index.shape or not _lined_up(tuple(shape), index, axis):
        return NotImplemented
    return _run("gather_add", x, index, np.zeros(shape, F4), True, negative)


def scatter_add(x: Any, index: Any, src: Any, *, axis: int) -> Any:
    """(..., n), (..., m), (..., m) -> (..., n)."""
    if not fits(src, index) or not fits(x, index) or src.shape != index.shape or not _lined_up(x.shape, index, axis):
        return NotImplemented
    return _run("scatter_add", src, index, np.array(x, order="C"), True, False)


KERNELS = {"gather": gather, "gather_add": gather_add, "scatter_add": scatter_add}
