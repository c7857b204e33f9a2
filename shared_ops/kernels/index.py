"""Rows of a float32 table by number, and rows added to a table by number: embedding, take and their gradients.

An index is checked where it is used, so nothing outside the table is touched. A row is added to in the order of the
indices whatever the threads do, for each thread has columns of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from shared_ops.index import refuse
from shared_ops.kernels.formula import F4
from shared_ops.kernels.threads import PARALLEL

SERIAL_BELOW = 1 << 20 if PARALLEL else 1 << 62  # values: memory keeps one core waiting, and more cores hardly less
ROWS = 64  # of a block that one thread copies
COLUMNS = 64  # of a block that one thread adds: what a compiled loop takes at a time
I8 = np.dtype("int64")


@njit(cache=True, error_model="numpy", nogil=True)
def copy_rows(x, indices, out, wrap, start, end):
    """out[k] = x[indices[k]] for start <= k < end; the first k whose index is out of range, or -1."""
    n, width = np.uint64(len(x)), x.shape[1]
    bad = -1
    for k in range(start, end):
        i = indices[k]
        at = np.uint64(i + wrap if i < 0 else i)  # what is below 0 even then is a huge number without a sign
        if at >= n:
            bad = k if bad < 0 else bad
            continue
        row, to = x[at], out[k]
        for j in range(width):
            to[j] = row[j]
    return bad


@njit(cache=True, error_model="numpy", nogil=True)
def add_columns(x, indices, out, wrap, first, last):
    """out[indices[k], first:last] += x[k, first:last] for each k; the first k whose index is out of range, or -1."""
    n = np.uint64(len(out))
    bad = -1
    for k in range(len(indices)):
        i = indices[k]
        at = np.uint64(i + wrap if i < 0 else i)  # what is below 0 even then is a huge number without a sign
        if at >= n:
            bad = k if bad < 0 else bad
            continue
        row, to = x[k, first:last], out[at, first:last]
        for j in range(row.size):
            to[j] += row[j]
    return bad


@njit(cache=True, error_model="numpy", nogil=True, parallel=True)
def pick(x, indices, out, wrap, serial):
    """(n, d), (m,) -> (m, d) in `out`; where an index is out of range, or -1."""
    count = len(indices)
    if serial:
        return copy_rows(x, indices, out, wrap, 0, count)
    blocks = (count + ROWS - 1) // ROWS
    bad = np.empty(blocks, np.int64)
    for b in prange(blocks):
        bad[b] = copy_rows(x, indices, out, wrap, b * ROWS, min(count, (b + 1) * ROWS))
    for b in range(blocks):
        if bad[b] >= 0:
            return bad[b]
    return -1


@njit(cache=True, error_model="numpy", nogil=True, parallel=True)
def add(x, indices, out, wrap, serial):
    """(m, d), (m,) added to (n, d) in `out`; where an index is out of range, or -1."""
    width = out.shape[1]
    if serial or width < 2 * COLUMNS:
        return add_columns(x, indices, out, wrap, 0, width)
    blocks = width // COLUMNS
    bad = np.empty(blocks, np.int64)
    for b in prange(blocks):
        last = width if b == blocks - 1 else (b + 1) * COLUMNS
        bad[b] = add_columns(x, indices, out, wrap, b * COLUMNS, last)
    return bad[0]


def fits(array: Any, indices: Any) -> bool:
    """Whether these are arrays that the loops take: float32, and whole numbers that fit into int64."""
    return (
        type(array) is type(indices) is np.ndarray
        and array.dtype is F4
        and indices.dtype.kind == "i"
        and array.size > 0
        and indices.size > 0
    )


def flat(indices: Any) -> Any:
    return np.ascontiguousarray(indices, I8).reshape(-1)


def rows_of(name: str, x: Any, indices: Any, negative: bool) -> Any:
    """x[indices] on the first axis."""
    n, places = x.shape[0], flat(indices)
    out = np.empty((*indices.shape, *x.shape[1:]), F4)
    table = np.ascontiguousarray(x).reshape(n, -1)
    wrap = n if negative else 0
    bad = pick(table, places, out.reshape(len(places), -1), wrap, out.size < SERIAL_BELOW)
    if bad >= 0:
        refuse(name, int(places[bad]), n, 0, negative)
    return out


def rows_added(name: str, x: Any, indices: Any, shape: Any, negative: bool) -> Any:
    """Zeros of a shape, with x added at indices on the first axis."""
    n, places = shape[0], flat(indices)
    out = np.zeros(shape, F4)
    values = np.ascontiguousarray(x).reshape(len(places), -1)
    wrap = n if negative else 0
    bad = add(values, places, out.reshape(n, -1), wrap, x.size < SERIAL_BELOW)
    if bad >= 0:
        refuse(name, int(places[bad]), n, 0, negative)
    return out


def embedding(indices: Any, weight: Any, *, padding_idx: Any = None) -> Any:
    """(...,) int, (v, d) -> (..., d)."""
    if not fits(weight, indices):
        return NotImplemented
    return rows_of("embedding", weight, indices, False)


def embedding_weight(g: Any, indices: Any, *, count: int, padding_idx: Any = None) -> Any:
    """(..., d), (...,) int -> (count, d)."""
    if not fits(g, indices) or g.shape[:-1] != indices.shape or not count:
        return NotImplemented
    out = rows_added("embedding_weight", g, indices, (count, g.shape[-1]), False)
    if padding_idx is not None:
        out[padding_idx] = 0
    return out


def take(x: Any, *indices: Any, axis: Any = None, negative: bool = True) -> Any:
    """Rows of x."""
    if len(indices) != 1 or axis not in (None, (0,), 0) or not fits(x, indices[0]) or x.ndim < 2:
        return NotImplemented
    return rows_of("take", x, indices[0], negative)


def take_add(x: Any, *indices: Any, shape: Any, axis: Any = None, negative: bool = True) -> Any:
    """Rows added to zeros."""
    if len(indices) != 1 or axis not in (None, (0,), 0) or not fits(x, indices[0]) or len(shape) < 2 or not shape[0]:
        return NotImplemented
    if x.shape != (*indices[0].shape, *shape[1:]):
        return NotImplemented
    return rows_added("take_add", x, indices[0], shape, negative)


KERNELS = {"embedding": embedding, "embedding_weight": embedding_weight, "take": take, "take_add": take_add}
