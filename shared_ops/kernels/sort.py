"""Orders of float32 arrays along an axis, by sorting whole numbers.

Each value and its place make one number of 64 bits that sorts as they do: NumPy sorts those several times faster than
it finds a stable order of floats, and no two are equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy import ndarray

from shared_ops.kernels.formula import F4
from shared_ops.kernels.scalar import COMPILED
from shared_ops.kernels.threads import PARALLEL

SERIAL_BELOW = 1 << 16  # values
GREATEST, SIGN = np.uint32(0xFFFFFFFF), np.uint32(0x80000000)
LOW_HALF, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@njit(**COMPILED)
def _pack_row(x, bits, keys, row, length, descending):
    """Bits that sort as floats do: those of negative ones turned over, the others above them; NaN is the greatest."""
    first = row * length
    for i in range(length):
        b = bits[first + i]
        key = np.uint32(~b) if b & SIGN else np.uint32(b | SIGN)
        key = SIGN if x[first + i] == np.float32(0) else key  # -0 is no less than 0
        key = GREATEST if x[first + i] != x[first + i] else key
        key = np.uint32(~key) if descending else key
        keys[first + i] = np.uint64(key) << HALF | np.uint64(i)


@njit(**COMPILED)
def _unpack_row(x, keys, values, places, row, length, count):
    for k in range(row * count, (row + 1) * count):
        place = np.int64(keys[k] & LOW_HALF)
        places[k] = place
        values[k] = x[row * length + place]


@njit(**COMPILED)
def pack_serial(x, bits, keys, length, descending):
    """Keys that sort as x's rows do."""
    for row in range(x.size // length):
        _pack_row(x, bits, keys, row, length, descending)


@njit(parallel=True, **COMPILED)
def pack_parallel(x, bits, keys, length, descending):
    """The same, by several threads."""
    for row in prange(x.size // length):
        _pack_row(x, bits, keys, np.int64(row), length, descending)


@njit(**COMPILED)
def unpack_serial(x, keys, values, places, length, count):
    """The values that `count` keys of each row stand for, and their places."""
    for row in range(x.size // length):
        _unpack_row(x, keys, values, places, row, length, count)


@njit(parallel=True, **COMPILED)
def unpack_parallel(x, keys, values, places, length, count):
    """The same, by several threads."""
    for row in prange(x.size // length):
        _unpack_row(x, keys, values, places, np.int64(row), length, count)


def _ordered(x: Any, axis: int, descending: bool, count: int | None = None) -> Any:
    """The first `count` values along an axis in order, and their places; None for what this is not made for."""
    if type(x) is not ndarray or x.dtype is not F4 or x.size == 0 or count == 0 or x.shape[axis] >= 1 << 32:
        return None
    length = x.shape[axis]
    rows = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    flat, keys = rows.reshape(-1), np.empty(x.size, np.uint64)
    serial = x.size < SERIAL_BELOW or x.size == length or not PARALLEL
    (pack_serial if serial else pack_parallel)(flat, flat.view(np.uint32), keys, length, descending)
    by_row = keys.reshape(-1, length)
    if count is not None and count < length:
        by_row.partition(count - 1, axis=-1)
        by_row = np.ascontiguousarray(by_row[:, :count])
    by_row.sort(axis=-1)
    shape = (*rows.shape[:-1], by_row.shape[-1])
    values, places = np.empty(by_row.size, F4), np.empty(by_row.size, np.int64)
    unpack = unpack_serial if serial or by_row.size < SERIAL_BELOW else unpack_parallel
    unpack(flat, by_row.reshape(-1), values, places, length, by_row.shape[-1])
    back = [np.moveaxis(a.reshape(shape), -1, axis) for a in (values, places)]
    return [np.ascontiguousarray(a) for a in back]


def sort(x: Any, *, axis: int = -1, descending: bool = False) -> Any:
    """The values in order, and where they stood."""
    found = _ordered(x, axis, descending)
    return NotImplemented if found is None else tuple(found)


def argsort(x: Any, *, axis: int = -1, descending: bool = False) -> Any:
    """Where the values in order stand."""
    found = _ordered(x, axis, descending)
    return NotImplemented if found is None else found[1]


def topk(x: Any, *, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The first k values in order, and where they stood."""
    found = _ordered(x, axis, largest, k)
    return NotImplemented if found is None else tuple(found)


KERNELS = {"sort": sort, "argsort": argsort, "topk": topk}
