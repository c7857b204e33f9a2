"""Resampling of float32 lines and planes by linear and cubic weights: rows first, then columns, as the plain kernel."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit, prange

from shared_ops.kernels.formula import F4
from shared_ops.kernels.loops import SERIAL_BELOW
from shared_ops.resample import sources

PLACE = np.uint32  # a signed place could be negative, which costs a test
BLOCK = 64  # rows


@njit(cache=True, error_model="numpy", nogil=True)
def weighted(x, out, places, weights):
    """(w,) -> (ow,): sums of (taps, ow) values of x times weights."""
    first, first_weights = places[0], weights[0]
    if len(places) == 2:
        second, second_weights = places[1], weights[1]
        for j in range(out.size):
            out[j] = x[first[j]] * first_weights[j] + x[second[j]] * second_weights[j]
        return
    for j in range(out.size):
        out[j] = x[first[j]] * first_weights[j]
    for tap in range(1, len(places)):
        more, more_weights = places[tap], weights[tap]
        for j in range(out.size):
            out[j] += x[more[j]] * more_weights[j]


@njit(cache=True, error_model="numpy", nogil=True)
def some_rows(x, out, start, end, rows, row_weights, columns, column_weights):
    """Output rows start … end of a plane, (h, w) -> (oh, ow): each a sum of some rows, resampled along it."""
    line = np.empty(x.shape[1], np.float32)
    for i in range(start, end):
        first, weight = x[rows[0, i]], row_weights[0, i]
        for k in range(line.size):
            line[k] = first[k] * weight
        for tap in range(1, len(rows)):
            more, weight = x[rows[tap, i]], row_weights[tap, i]
            for k in range(line.size):
                line[k] += more[k] * weight
        weighted(line, out[i], columns, column_weights)


@njit(cache=True, error_model="numpy", nogil=True)
def plane_back(y, out, rows, row_weights, columns, column_weights):
    """(oh, ow) -> (h, w): each value added, times its weights, to all that `some_rows` made it of."""
    line = np.empty(out.shape[1], np.float32)
    out[:] = 0
    for i in range(len(y)):
        line[:] = 0
        for tap in range(len(columns)):
            for j in range(y.shape[1]):
                line[columns[tap, j]] += y[i, j] * column_weights[tap, j]
        for tap in range(len(rows)):
            total, weight = out[rows[tap, i]], row_weights[tap, i]
            for k in range(line.size):
                total[k] += line[k] * weight


@njit(cache=True, error_model="numpy", nogil=True, parallel=True)
def forward(x, out, rows, row_weights, columns, column_weights, serial):
    """(planes, h, w) -> (planes, oh, ow), in blocks of rows."""
    height = out.shape[1]
    if serial:
        for p in range(len(x)):
            some_rows(x[p], out[p], 0, height, rows, row_weights, columns, column_weights)
        return
    blocks = (height + BLOCK - 1) // BLOCK
    for t in prange(len(x) * blocks):
        p, start = t // blocks, t % blocks * BLOCK
        end = min(start + BLOCK, height)
        some_rows(x[p], out[p], start, end, rows, row_weights, columns, column_weights)


@njit(cache=True, error_model="numpy", nogil=True, parallel=True)
def backward(y, out, rows, row_weights, columns, column_weights, serial):
    """(planes, oh, ow) -> (planes, h, w)."""
    if serial:
        for p in range(len(y)):
            plane_back(y[p], out[p], rows, row_weights, columns, column_weights)
        return
    for p in prange(len(y)):
        plane_back(y[p], out[p], rows, row_weights, columns, column_weights)


@lru_cache(maxsize=256)
def table(n: int, out: int, mode: str, align_corners: bool, antialias: bool, scale: float | None) -> Any:
    """(taps, out) places and (taps, out) weights; an axis that stays as it is has each place once, with weight 1."""
    if n == out and scale in (None, 1):
        return np.arange(n, dtype=PLACE)[None], np.ones((1, n), F4)
    places, weights = zip(*sources(n, out, F4, mode, align_corners, antialias, scale), strict=True)
    return np.stack(places).astype(PLACE), np.stack(weights).astype(F4)


def run(x: Any, size: Any, out: Any, back: bool, mode: str, align_corners: bool, antialias: bool, scale: Any) -> Any:
    """x resampled to the size `out`; `size` is the images' own, which differs from x's on the way back."""
    if x.dtype is not F4 or x.ndim > 4 or mode.startswith("nearest") or not x.size:
        return NotImplemented
    goal = size if back else out
    axes = [table(n, m, mode, align_corners, antialias, s) for n, m, s in zip(size, out, scale, strict=True)]
    rows, columns = axes if x.ndim == 4 else (table(1, 1, mode, align_corners, antialias, None), *axes)
    planes = np.ascontiguousarray(x).reshape(x.shape[0] * x.shape[1], -1 if x.ndim == 4 else 1, x.shape[-1])
    made = np.empty((len(planes), goal[0] if x.ndim == 4 else 1, goal[-1]), F4)
    move: Any = backward if back else forward
    move(planes, made, *rows, *columns, planes.size + made.size < SERIAL_BELOW)
    return made.reshape(*x.shape[:2], *goal)


def resample(x: Any, *, size: Any, mode: str, align_corners: bool, antialias: bool, scale: Any) -> Any:
    """(n, c, *old) -> (n, c, *size)."""
    return run(x, x.shape[2:], size, False, mode, align_corners, antialias, scale)


def resample_input(y: Any, *, size: Any, mode: str, align_corners: bool, antialias: bool, scale: Any) -> Any:
    """(n, c, *out) -> (n, c, *size)."""
    return run(y, size, y.shape[2:], True, mode, align_corners, antialias, scale)


KERNELS = {"resample": resample, "resample_input": resample_input}
