"""Where the greatest or the least value stands along one axis of a float32 array, the first of several; NaN is it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange
from numpy import ndarray

from shared_ops.kernels.formula import F4
from shared_ops.kernels.scalar import COMPILED
from shared_ops.kernels.threads import PARALLEL

SERIAL_BELOW = 1 << 16  # values
ACROSS = 512  # columns that one thread takes


@njit(**COMPILED)
def _columns(x, values, places, part, chunks, length, width, least):
    """The extremes of up to ACROSS columns of one matrix."""
    outer, left = part // chunks, part % chunks * ACROSS
    count = min(ACROSS, width - left)
    at = outer * length * width + left
    best, place = values[outer * width + left :][:count], places[outer * width + left :][:count]
    best[:], place[:] = x[at : at + count], 0
    for k in range(1, length):
        row = x[at + k * width :][:count]
        for j in range(count):
            more = row[j] < best[j] if least else row[j] > best[j]
            more = (more or row[j] != row[j]) and best[j] == best[j]
            best[j] = row[j] if more else best[j]
            place[j] = k if more else place[j]


@njit(**COMPILED)
def columns_serial(x, values, places, parts, chunks, length, width, least):
    """(outer, length, width) -> (outer, width): the extremes along the middle axis, and where they stand."""
    for part in range(parts):
        _columns(x, values, places, part, chunks, length, width, least)


@njit(parallel=True, **COMPILED)
def columns_parallel(x, values, places, parts, chunks, length, width, least):
    """The same, by several threads."""
    for part in prange(parts):
        _columns(x, values, places, np.int64(part), chunks, length, width, least)


def _along(x: ndarray, axis: int, least: bool) -> tuple[ndarray, ndarray] | None:
    """Extremes along an axis, and where they stand; None where NumPy does it as well."""
    if type(x) is not ndarray or x.dtype is not F4 or x.size == 0 or not x.flags.c_contiguous or x.ndim == 0:
        return None
    axis = axis % x.ndim
    length, width = x.shape[axis], math.prod(x.shape[axis + 1 :])
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    if width == 1:
        rows = x.reshape(-1, length)
        places = rows.argmin(1) if least else rows.argmax(1)
        return rows[np.arange(len(rows)), places].reshape(shape), places.reshape(shape)
    values, places = np.empty(x.size // length, F4), np.empty(x.size // length, np.int64)
    chunks = -(-width // ACROSS)
    parts = x.size // (length * width) * chunks
    serial = x.size < SERIAL_BELOW or parts == 1 or not PARALLEL
    columns = columns_serial if serial else columns_parallel
    columns(x.reshape(-1), values, places, parts, chunks, length, width, least)
    return values.reshape(shape), places.reshape(shape)


def _chosen(least: bool) -> Callable:
    def chosen(x: Any, *, axis: int, keepdim: bool = False) -> Any:
        """The extreme along an axis, and where it stands."""
        found = _along(x, axis, least)
        if found is None:
            return NotImplemented
        return tuple(np.expand_dims(a, axis) for a in found) if keepdim else found

    return chosen


def _place(least: bool) -> Callable:
    by_numpy = ndarray.argmin if least else ndarray.argmax

    def place(x: Any, *, axis: int | None = None, keepdim: bool = False) -> Any:
        """Where the extreme stands."""
        if type(x) is not ndarray or x.size == 0 or keepdim:
            return NotImplemented
        found = None if axis is None or axis in (-1, x.ndim - 1) else _along(x, axis, least)
        return by_numpy(x, axis) if found is None else found[1]

    return place


KERNELS = {"max": _chosen(False), "min": _chosen(True), "argmax": _place(False), "argmin": _place(True)}
