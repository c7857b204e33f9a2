"""Fast forms of softmax and log_softmax and of their gradients, for float32.

Along the last axis a row is worked on in vectors; along another one a vector has sixteen neighbouring rows, one in each
lane. The order of sums is fixed, so results do not depend on the number of threads.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange

from shared_ops.kernels.exponential import exp_below, greater, greatest, in_lane
from shared_ops.kernels.loops import PARALLEL
from shared_ops.kernels.scalar import f4, logf
from shared_ops.kernels.vector import LANES, load, load_16, load_first, spread, store, store_16, store_first, total

COMPILED = {"cache": True, "nogil": True, "error_model": "numpy"}
FLOAT32 = np.dtype("float32")
SERIAL_BELOW = 16384 if PARALLEL else 1 << 62  # elements; each costs more here than where loops.SERIAL_BELOW counts
CHUNK = 8192  # elements
LOW = f4(-np.inf)
SOFTMAX, LOG_SOFTMAX, SOFTMAX_BACK, LOG_SOFTMAX_BACK = range(4)


# rows that lie dense: the last vector, which may be short, stays in a register ------------------------------------
@njit(**COMPILED)
def row_top(x, first, whole, tail):
    """The greatest value of a row: whole vectors, and the tail."""
    top = tail
    for i in range(first, whole, LANES):
        top = greater(load_16(x, i), top)
    return greatest(top)


@njit(**COMPILED)
def row_stats(x, first, end):
    """The greatest value of a row, and the sum of exp(x - greatest)."""
    whole = end - (end - first) % LANES
    tail = load_first(x, whole, end - whole, LOW)
    highest = row_top(x, first, whole, tail)
    top = spread(highest)
    a, b = exp_below(tail - top), spread(f4(0))
    for i in range(first, whole - LANES, 2 * LANES):  # two sums, for the processor works on several at once
        a = a + exp_below(load_16(x, i) - top)
        b = b + exp_below(load_16(x, i + LANES) - top)
    if (whole - first) % (2 * LANES):
        a = a + exp_below(load_16(x, whole - LANES) - top)
    return highest, total(a + b)


@njit(**COMPILED)
def softmax_row(x, out, first, end, times, label, less):
    """out = softmax of a row, times a number, and less a number at one place of it, counted from its start."""
    whole = end - (end - first) % LANES
    tail = load_first(x, whole, end - whole, LOW)
    top = spread(row_top(x, first, whole, tail))
    tail = exp_below(tail - top)
    sums = tail
    for i in range(first, whole, LANES):
        e = exp_below(load_16(x, i) - top)
        store_16(out, i, e)
        sums = sums + e
    scale = spread(times / total(sums))
    for i in range(first, whole, LANES):
        store_16(out, i, load_16(out, i) * scale)
    if whole < end:
        store_first(out, whole, end - whole, tail * scale - in_lane(first + label - whole, less))
    if 0 <= label < whole - first:
        out[first + label] -= less


@njit(**COMPILED)
def _log_softmax_row(x, out, first, end):
    highest, sums = row_stats(x, first, end)
    top, log_sum = spread(highest), spread(f4(math.log(sums)))
    for i in range(first, end, LANES):
        store(out, i, end, load(x, i, end, LOW) - top - log_sum)


@njit(**COMPILED)
def _softmax_back_row(g, y, out, first, end):
    sums = spread(f4(0))
    for i in range(first, end, LANES):
        sums = sums + load(g, i, end, f4(0)) * load(y, i, end, f4(0))
    mean = spread(total(sums))
    for i in range(first, end, LANES):
        store(out, i, end, load(y, i, end, f4(0)) * (load(g, i, end, f4(0)) - mean))


@njit(**COMPILED)
def _log_softmax_back_row(g, y, out, first, end):
    sums = spread(f4(0))
    for i in range(first, end, LANES):
        sums = sums + load(g, i, end, f4(0))
    sums = spread(total(sums))
    for i in range(first, end, LANES):
        store(out, i, end, load(g, i, end, f4(0)) - exp_below(load(y, i, end, LOW)) * sums)


# rows that lie beside one another: element k of sixteen of them is at first + k * inner ---------------------------
@njit(**COMPILED)
def lane_stats(x, first, end, inner, count):
    """The greatest value in each lane, and the sum of exp(x - greatest)."""
    top, sums = spread(LOW), spread(f4(0))
    for i in range(first, end, inner):
        top = greater(load(x, i, i + count, f4(0)), top)
    for i in range(first, end, inner):
        sums = sums + exp_below(load(x, i, i + count, f4(0)) - top)
    return top, sums


@njit(**COMPILED)
def softmax_lanes(x, out, first, end, inner, count, times):
    """out = softmax of each lane, times a number."""
    top, sums = spread(LOW), spread(f4(0))
    for i in range(first, end, inner):
        top = greater(load(x, i, i + count, f4(0)), top)
    for i in range(first, end, inner):
        e = exp_below(load(x, i, i + count, f4(0)) - top)
        store(out, i, i + count, e)
        sums = sums + e
    scale = times / sums
    for i in range(first, end, inner):
        store(out, i, i + count, load(out, i, i + count, f4(0)) * scale)


@njit(**COMPILED)
def _log_softmax_lanes(x, out, first, end, inner, count, place):
    top, sums = lane_stats(x, first, end, inner, count)
    store_16(place, 0, sums)
    for lane in range(LANES):
        place[lane] = logf(place[lane])
    log_sum = load_16(place, 0)
    for i in range(first, end, inner):
        store(out, i, i + count, load(x, i, i + count, f4(0)) - top - log_sum)


@njit(**COMPILED)
def _back_lanes(kind, g, y, out, first, end, inner, count):
    sums = spread(f4(0))
    if kind == SOFTMAX_BACK:
        for i in range(first, end, inner):
            sums = sums + load(g, i, i + count, f4(0)) * load(y, i, i + count, f4(0))
        for i in range(first, end, inner):
            store(out, i, i + count, load(y, i, i + count, f4(0)) * (load(g, i, i + count, f4(0)) - sums))
    else:
        for i in range(first, end, inner):
            sums = sums + load(g, i, i + count, f4(0))
        for i in range(first, end, inner):
            shares = exp_below(load(y, i, i + count, LOW))
            store(out, i, i + count, load(g, i, i + count, f4(0)) - shares * sums)


# all rows -----------------------------------------------------------------------------------------------------------
@njit(**COMPILED)
def _some_rows(kind, x, y, out, width, start, stop):
    for r in range(start, stop):
        first, end = r * width, (r + 1) * width
        if kind == SOFTMAX:
            softmax_row(x, out, first, end, f4(1), -LANES, f4(0))
        elif kind == LOG_SOFTMAX:
            _log_softmax_row(x, out, first, end)
        elif kind == SOFTMAX_BACK:
            _softmax_back_row(x, y, out, first, end)
        else:
            _log_softmax_back_row(x, y, out, first, end)


@njit(**COMPILED)
def _some_lanes(kind, x, y, out, width, inner, start, stop):
    vectors = (inner + LANES - 1) // LANES
    place = np.empty(LANES, np.float32)
    for v in range(start, stop):
        outer, at = v // vectors, v % vectors * LANES
        first, count = outer * width * inner + at, min(LANES, inner - at)
        end = first + width * inner
        if kind == SOFTMAX:
            softmax_lanes(x, out, first, end, inner, count, spread(f4(1)))
        elif kind == LOG_SOFTMAX:
            _log_softmax_lanes(x, out, first, end, inner, count, place)
        else:
            _back_lanes(kind, x, y, out, first, end, inner, count)


@njit(**COMPILED)
def _some(kind, x, y, out, width, inner, start, stop):
    if inner == 1:
        _some_rows(kind, x, y, out, width, start, stop)
    else:
        _some_lanes(kind, x, y, out, width, inner, start, stop)


@njit(parallel=True, **COMPILED)
def _all(kind, x, y, out, width, inner):
    groups = out.size // (width * inner) * ((inner + LANES - 1) // LANES)
    if out.size < SERIAL_BELOW:
        _some(kind, x, y, out, width, inner, 0, groups)
    else:
        step = max(1, CHUNK // (width * min(inner, LANES)))
        for chunk in prange((groups + step - 1) // step):
            _some(kind, x, y, out, width, inner, chunk * step, min(groups, (chunk + 1) * step))


def _flat(a):
    return a.ravel() if a.flags.c_contiguous else np.ascontiguousarray(a).reshape(-1)


def _run(kind: int, x: Any, y: Any, axis: int) -> Any:
    if x.dtype != FLOAT32 or y.dtype != FLOAT32 or not x.size or not x.ndim or x.shape != y.shape:
        return NotImplemented
    shape = x.shape
    inner = 1 if axis in (-1, len(shape) - 1) else math.prod(shape[axis % len(shape) + 1 :])
    out = np.empty(shape, FLOAT32)
    flat = _flat(x)
    _all(kind, flat, flat if y is x else _flat(y), out.reshape(-1), shape[axis], inner)
    return out


def softmax(x, *, axis=-1):
    return _run(SOFTMAX, x, x, axis)


def log_softmax(x, *, axis=-1):
    return _run(LOG_SOFTMAX, x, x, axis)


def softmax_back(g, out, *, axis=-1):
    return _run(SOFTMAX_BACK, g, out, axis)


def log_softmax_back(g, out, *, axis=-1):
    return _run(LOG_SOFTMAX_BACK, g, out, axis)


KERNELS = {
    "softmax": softmax,
    "softmax_back": softmax_back,
    "log_softmax": log_softmax,
    "log_softmax_back": log_softmax_back,
}
