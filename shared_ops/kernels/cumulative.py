"""Running sums and products, and linear recurrences, of float32 arrays, kept in float64 on the way as in PyTorch.

An array counts as (outer, length, width); a thread works on some neighbouring lines, side by side, for one line has to
wait for each of its steps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange
from numpy import ndarray

from shared_ops.kernels.formula import F4
from shared_ops.kernels.loops import SERIAL_BELOW
from shared_ops.kernels.scalar import COMPILED

SMALL = 256  # values: below, NumPy's functions are quicker to call
LINES = 1024  # side by side: enough to read memory in long stretches
SUM, PRODUCT, SCAN = range(3)


@njit(inline="always", error_model="numpy")
def _next(state, decay, x, at, kind):
    """One step of a line."""
    value = np.float64(x[at])
    factor = value if kind == PRODUCT else np.float64(decay[at]) if kind == SCAN else 1.0
    return factor * state + (0.0 if kind == PRODUCT else value)


@njit(**COMPILED)
def _lines(decay, x, out, first, count, step, apart, length, kind):
    """`count` lines, `apart` from each other, whose values are `step` from each other; the first begins at `first`."""
    state = np.full(LINES, 1.0 if kind == PRODUCT else 0.0)
    for k in range(length):
        for j in range(count):
            at = first + k * step + j * apart
            state[j] = _next(state[j], decay, x, at, kind)
            out[at] = state[j]


@njit(**COMPILED)
def _four_lines(decay, x, out, first, step, apart, length, kind):
    """Four lines, whose states stay in registers."""
    a = b = c = d = 1.0 if kind == PRODUCT else 0.0
    for k in range(length):
        at = first + k * step
        a = _next(a, decay, x, at, kind)
        b = _next(b, decay, x, at + apart, kind)
        c = _next(c, decay, x, at + 2 * apart, kind)
        d = _next(d, decay, x, at + 3 * apart, kind)
        out[at], out[at + apart], out[at + 2 * apart], out[at + 3 * apart] = a, b, c, d


@njit(**COMPILED)
def _part(decay, x, out, part, chunks, length, width, kind, reverse):
    """Up to LINES lines side by side, or up to four one after another."""
    turn = -1 if reverse else 1
    if width == 1:
        first, rows = part * 4, min(4, x.size // length - part * 4)
        start = first * length + (length - 1 if reverse else 0)
        if rows == 4:
            _four_lines(decay, x, out, start, turn, length, length, kind)
        else:
            _lines(decay, x, out, start, rows, turn, length, length, kind)
    else:
        outer, chunk = part // chunks, part % chunks
        start = outer * length * width + chunk * LINES + ((length - 1) * width if reverse else 0)
        _lines(decay, x, out, start, min(LINES, width - chunk * LINES), turn * width, 1, length, kind)


@njit(**COMPILED)
def serial(decay, x, out, parts, chunks, length, width, kind, reverse):
    """out = x's running sum or product, or its recurrence with `decay`."""
    for part in range(parts):
        _part(decay, x, out, part, chunks, length, width, kind, reverse)


@njit(parallel=True, **COMPILED)
def parallel(decay, x, out, parts, chunks, length, width, kind, reverse):
    """The same, by several threads."""
    for part in prange(parts):
        _part(decay, x, out, np.int64(part), chunks, length, width, kind, reverse)


def _run(decay: Any, x: Any, axis: int, kind: int, reverse: bool = False) -> Any:
    if type(x) is not ndarray or x.dtype is not F4 or x.size < SMALL or x.ndim == 0:
        return NotImplemented
    shape, axis = x.shape, axis % x.ndim
    x, out = np.ascontiguousarray(x).ravel(), np.empty(x.size, F4)
    width, length = math.prod(shape[axis + 1 :]), shape[axis]
    outer = x.size // (length * width)
    chunks = -(-width // LINES)
    parts = outer * chunks if width > 1 else -(-outer // 4)
    run = serial if x.size < SERIAL_BELOW or parts == 1 else parallel
    run(x if decay is None else decay, x, out, parts, chunks, length, width, kind, reverse)
    return out.reshape(shape)


def cumsum(x: Any, *, axis: int) -> Any:
    """The sum of each value and those before it."""
    return _run(None, x, axis, SUM)


def cumprod(x: Any, *, axis: int) -> Any:
    """The product of each value and those before it."""
    return _run(None, x, axis, PRODUCT)


def linear_scan(decay: Any, x: Any, *, axis: int, reverse: bool = False) -> Any:
    """out[k] = decay[k] * out[k - 1] + x[k]."""
    if type(decay) is not ndarray or decay.dtype is not F4 or decay.shape != getattr(x, "shape", None):
        return NotImplemented
    return _run(np.ascontiguousarray(decay).ravel(), x, axis, SCAN, reverse)


KERNELS = {"cumsum": cumsum, "cumprod": cumprod, "linear_scan": linear_scan}
