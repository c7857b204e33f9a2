"""Matrix products of float32 arrays on all cores: panels of columns, or ranges of rows, for each thread.

Our own tiles, not OpenBLAS's: they are as quick or quicker, share one pool of threads with all other kernels, and give
the same bits at any number of threads and for any number of rows.
"""

from __future__ import annotations

import os

import numpy as np
from numba import njit, prange

from shared_ops.kernels.formula import F4
from shared_ops.kernels.multiply import address, multiply
from shared_ops.kernels.threads import PARALLEL
from shared_ops.kernels.tile import COMPILED, FLOAT, PANEL, TALL

WORTH_SPLITTING = 1 << 20  # multiplications
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
EVEN = 8  # panels of each part that make parts of panels nearly even; else rows are parted
ROWS = 2 * TALL  # of a part, at least
NO_BIAS = np.empty(0, F4)


@njit(**COMPILED)
def _part(code, a, b, bias, out, steps, size, part, parts):
    """Part `part` of `parts` of one product: a range of its panels, or of its rows."""
    a_row, a_step, b_row, b_step = steps
    m, n, k = size
    panels = (n + PANEL - 1) // PANEL
    top, bottom, left, right = 0, m, 0, n
    if panels >= EVEN * parts or m < ROWS * parts:
        left, right = panels * part // parts * PANEL, min(n, panels * (part + 1) // parts * PANEL)
    else:
        top, bottom = m * part // parts, m * (part + 1) // parts
    start = bias + left * FLOAT if bias else bias
    to = out + (top * n + left) * FLOAT
    first, second = a + top * a_row, b + left * b_step
    rows, columns = bottom - top, right - left
    multiply(code, first, a_row, a_step, second, b_row, b_step, start, 0, to, n * FLOAT, rows, columns, k)


@njit(**COMPILED)
def one_thread(code, a, b, bias, out, steps, apart, size, batch):
    """out[i] = bias + a[i] @ b[i], `apart` bytes from each other."""
    for i in range(batch):
        _part(code, a + i * apart[0], b + i * apart[1], bias, out + i * apart[2], steps, size, 0, 1)


@njit(parallel=True, **COMPILED)
def all_threads(code, a, b, bias, out, steps, apart, size, batch, parts):
    """The same, each product in parts."""
    for task in prange(batch * parts):
        i, part = np.int64(task // parts), np.int64(task % parts)
        _part(code, a + i * apart[0], b + i * apart[1], bias, out + i * apart[2], steps, size, part, parts)


@njit(**COMPILED)
def _dense(code, a, a_turned, b, b_turned, bias, out, parts):
    """The product of two matrices without gaps; one that is turned comes as its transpose."""
    m, n = out.shape
    k = a.shape[0] if a_turned else a.shape[1]
    a_row, a_step = (FLOAT, m * FLOAT) if a_turned else (k * FLOAT, FLOAT)
    b_row, b_step = (FLOAT, k * FLOAT) if b_turned else (n * FLOAT, FLOAT)
    first, second, to = a.ctypes.data, b.ctypes.data, out.ctypes.data
    start = bias.ctypes.data if bias.size else 0
    steps, apart, size = (a_row, a_step, b_row, b_step), (0, 0, 0), (m, n, k)
    if parts == 1:
        one_thread(code, first, second, start, to, steps, apart, size, 1)
    else:
        all_threads(code, first, second, start, to, steps, apart, size, 1, parts)


def product(a: np.ndarray, b: np.ndarray, bias: np.ndarray = NO_BIAS) -> np.ndarray:
    """(batch, m, k), (batch, k, n), (n,) -> (batch, m, n), or without batch: float32, none of the sizes 0."""
    if a.ndim == 3:
        return _batch(a, b)
    out = np.empty((a.shape[0], b.shape[1]), F4)
    parts = CORES if PARALLEL and a.size * b.shape[1] >= WORTH_SPLITTING else 1
    _dense(address(), *_matrix(a), *_matrix(b), bias, out, parts)
    return out


def _matrix(x: np.ndarray) -> tuple[np.ndarray, bool]:
    """A matrix whose rows lie one after another, and whether that is the transpose of x."""
    flags = x.flags
    if flags.carray:  # writable, too: Numba would compile everything once more for what is not
        return x, False
    return (x.T, True) if flags.f_contiguous and flags.writeable else (np.array(x, order="C"), False)


def _batch(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, *a_steps = _layout(a)
    b, *b_steps = _layout(b)
    batch, m, k, n = *a.shape, b.shape[2]
    out = np.empty((batch, m, n), F4)
    addresses = address(), _address(a), _address(b), 0, _address(out)
    settings = (*a_steps, *b_steps), (a.strides[0], b.strides[0], out.strides[0]), (m, n, k), batch
    if PARALLEL and batch * m * n * k >= WORTH_SPLITTING:
        all_threads(*addresses, *settings, max(1, CORES // batch))
    else:
        one_thread(*addresses, *settings)
    return out


def _layout(x: np.ndarray) -> tuple[np.ndarray, int, int]:
    """The matrices and the bytes between their rows and columns: one of these lies dense."""
    (n, m), (rows, columns) = x.shape[-2:], x.strides[-2:]
    if (columns == FLOAT and rows >= FLOAT * m) or (rows == FLOAT and columns >= FLOAT * n):
        return x, rows, columns
    return np.ascontiguousarray(x), FLOAT * m, FLOAT


def _address(x: np.ndarray) -> int:
    return x.__array_interface__["data"][0]
