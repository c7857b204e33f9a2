"""Products, variances, norms and sums of exponentials of float32 arrays, by the passes of `reduce`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from shared_ops.kernels.accumulate import COMPILED, GREATEST, SIZES, SQUARES, SUM, stretch
from shared_ops.kernels.formula import F4
from shared_ops.kernels.reduce import SERIAL_BELOW, fits, planned, prod, reduce
from shared_ops.kernels.scalar import f4, logf
from shared_ops.kernels.softmax import row_stats
from shared_ops.kernels.threads import PARALLEL

ONE_SHIFT = ("r", "kr", "rk", "krk", "rkr")  # patterns whose first pass has one mean for each row, or column
EXPONENTIAL = 8  # additions that take as long


def var(x: Any, *, axis: Any = None, correction: float = 1, keepdim: bool = False) -> Any:
    """Variance over the axes: in two passes, the second around the mean."""
    if not fits(x):
        return NotImplemented
    how = planned(x, axis, keepdim)
    if how.pattern not in ONE_SHIFT or how.length <= correction:
        return NotImplemented
    means = reduce(x, how, SUM) / f4(how.length)
    return (reduce(x, how, SQUARES, means) / f4(how.length - correction)).reshape(how.shape)


def std(x: Any, *, axis: Any = None, correction: float = 1, keepdim: bool = False) -> Any:
    """Standard deviation over the axes."""
    found = var(x, axis=axis, correction=correction, keepdim=keepdim)
    return found if found is NotImplemented else np.sqrt(found, out=found)


def norm(x: Any, *, ord: float = 2.0, axis: Any = None, keepdim: bool = False) -> Any:
    """The norms of order 1 and 2."""
    if not fits(x) or ord not in (1, 2):
        return NotImplemented
    how = planned(x, axis, keepdim)
    if not how.steps:
        return NotImplemented
    out = reduce(x, how, SIZES if ord == 1 else SQUARES)
    return (out if ord == 1 else np.sqrt(out, out=out)).reshape(how.shape)


@njit(**COMPILED)
def _log_of_row(x, out, row, length):
    first, end = row * length, (row + 1) * length
    top, total = row_stats(x, first, end)
    out[row] = top + logf(total) if np.abs(top) < np.inf else stretch(x, first, end, f4(0), GREATEST)


@njit(**COMPILED)
def logs_serial(x, out, length):
    """out[row] = log of the sum of the exponentials of a row."""
    for row in range(out.size):
        _log_of_row(x, out, row, length)


@njit(parallel=True, **COMPILED)
def logs_parallel(x, out, length):
    """The same, by several threads."""
    for row in prange(out.size):
        _log_of_row(x, out, np.int64(row), length)


def logsumexp(x: Any, *, axis: Any, keepdim: bool = False) -> Any:
    """log(sum(exp(x))) over the last axes."""
    if not fits(x):
        return NotImplemented
    how = planned(x, axis, keepdim)
    if how.pattern not in ("r", "kr"):
        return NotImplemented
    out = np.empty(x.size // how.length, F4)
    serial = x.size * EXPONENTIAL < SERIAL_BELOW or out.size == 1 or not PARALLEL
    (logs_serial if serial else logs_parallel)(x.ravel(), out, how.length)
    return out.reshape(how.shape)


KERNELS = {"prod": prod, "var": var, "std": std, "norm": norm, "logsumexp": logsumexp}
