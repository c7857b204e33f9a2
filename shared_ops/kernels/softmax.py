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
from shared_ops.kernels.scalar import COMPILED, f4, logf
from shared_ops.kernels.vector import LANES, load, load_16, load_first, spread, store, store_16, store_first, total

FLOAT32 = np.dtype("float32")
SERIAL_BELOW = 16384 if PARALLEL else 1 << 62  # elements; each costs more here than where loops.SERIAL_BELOW counts
CHUNK = 8192  # elements
BATCH = 4096  # elements of rows whose logarithms are taken together
LOW = f4(-np.inf)
SOFTMAX, LOG_SOFTMAX, SOFTMAX_BACK, LOG_SOFTMAX_BACK = range(4)


# rows that lie dense: the last vector, which may be short, stays in a register ------------------------------------
@njit(inline="always", **COMPILED)
def row_top(x, first, whole, tail):
    """The greatest value of a row: whole vectors, and the tail."""
    top = tail
    for i in range(first, whole, LANES):
        top = greater(load_16(x, i), top)
    return greatest(top)


@njit(inline="always", **COMPILED)
def row_stats(x, first, end):
    """The greatest value of a row, and the sum of exp(x - greatest)."""
    whole = end - (end - first) % LANES
    tail = load_first(x, whole, end - whole, LOW)
    highest = row_top(x, first, whole, tail)
    top = spread(highest)
    sums = spread(f4(0))
    for i in range(first, whole, LANES):
        sums = sums + exp_below(load_16(x, i) - top)
    if whole < end:
        sums = sums + exp_below(tail - top)
    return highest, total(sums)


@njit(inline="always", **COMPILED)
def softmax_row(x, out, first, end, times, label, less):
    """out = softmax of a row, times a number, and less a number at one place of it, counted from its start."""
    whole = end - (end - first) % LANES
    tail = load_first(x, whole, end - whole, LOW)
    top = spread(row_top(x, first, whole, tail))
    sums = spread(f4(0))
    for i in range(first, whole, LANES):
        e = exp_below(load_16(x, i) - top)
        store_16(out, i, e)
        sums = sums + e
    if whole < end:
        tail = exp_below(tail - top)
        sums = sums + tail
    scale = spread(times / total(sums))
    for i in range(first, whole, LANES):
        store_16(out, i, load_16(out, i) * scale)
    if whole < end:
        store_first(out, whole, end - whole, tail * scale - in_lane(first + label - whole, less))
    if 0 <= label < whole - first:
        out[first + label] -= less


@njit(inline="always", **COMPILED)
def take_logs(place):
    """Sixteen logarithms at once, which take no longer than one."""
    for lane in range(LANES):
        place[lane] = logf(place[lane])


@njit(**COMPILED)
def _log_softmax_rows(x, out, width, start, stop):
    tops, logs = np.empty(LANES, np.float32), np.ones(LANES, np.float32)
    batch = max(1, min(LANES, BATCH // width))
    for r in range(start, stop, batch):
        rows = min(batch, stop - r)
        for k in range(rows):
            tops[k], logs[k] = row_stats(x, (r + k) * width, (r + k + 1) * width)
        take_logs(logs)
        for k in range(rows):
            top, log_sum, end = spread(tops[k]), spread(logs[k]), (r + k + 1) * width
            for i in range((r + k) * width, end, LANES):
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


# rows that lie beside one another: element k of sixteen of them is at first + k * inner. They are copied to a place of
# their own, for far strides fall into few lines of the cache -------------------------------------------------------
@njit(inline="always", **COMPILED)
def gathered(x, place, first, inner, count):
    """Copy the lanes; give the greatest value in each."""
    top = spread(LOW)
    for k in range(0, place.size, LANES):
        i = first + k // LANES * inner
        v = load(x, i, i + count, f4(0))
        store_16(place, k, v)
        top = greater(v, top)
    return top


@njit(inline="always", **COMPILED)
def lane_stats(x, place, first, inner, count):
    """The greatest value in each lane, and the sum of exp(x - greatest)."""
    top, sums = gathered(x, place, first, inner, count), spread(f4(0))
    for k in range(0, place.size, LANES):
        sums = sums + exp_below(load_16(place, k) - top)
    return top, sums


@njit(inline="always", **COMPILED)
def softmax_lanes(x, place, out, first, inner, count, times):
    """out = softmax of each lane, times a number."""
    top, sums = gathered(x, place, first, inner, count), spread(f4(0))
    for k in range(0, place.size, LANES):
        e = exp_below(load_16(place, k) - top)
        store_16(place, k, e)
        sums = sums + e
    scale = times / sums
    for k in range(0, place.size, LANES):
        i = first + k // LANES * inner
        store(out, i, i + count, load_16(place, k) * scale)


@njit(inline="always", **COMPILED)
def _log_softmax_lanes(x, place, logs, out, first, inner, count):
    top, sums = lane_stats(x, place, first, inner, count)
    store_16(logs, 0, sums)
    take_logs(logs)
    log_sum = load_16(logs, 0)
    for k in range(0, place.size, LANES):
        i = first + k // LANES * inner
        store(out, i, i + count, load_16(place, k) - top - log_sum)


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
    if kind == LOG_SOFTMAX:
        _log_softmax_rows(x, out, width, start, stop)
        return
    for r in range(start, stop):
        first, end = r * width, (r + 1) * width
        if kind == SOFTMAX:
            softmax_row(x, out, first, end, f4(1), -LANES, f4(0))
        elif kind == SOFTMAX_BACK:
            _softmax_back_row(x, y, out, first, end)
        else:
            _log_softmax_back_row(x, y, out, first, end)


@njit(**COMPILED)
def _some_lanes(kind, x, y, out, width, inner, start, stop):
    vectors = (inner + LANES - 1) // LANES
    place, logs = np.empty(width * LANES, np.float32), np.empty(LANES, np.float32)
    for v in range(start, stop):
        outer, at = v // vectors, v % vectors * LANES
        first, count = outer * width * inner + at, min(LANES, inner - at)
        if kind == SOFTMAX:
            softmax_lanes(x, place, out, first, inner, count, spread(f4(1)))
        elif kind == LOG_SOFTMAX:
            _log_softmax_lanes(x, place, logs, out, first, inner, count)
        else:
            _back_lanes(kind, x, y, out, first, first + width * inner, inner, count)


@njit(**COMPILED)
def _some(kind, x, y, out, width, inner, start, stop):
    if inner == 1:
        _some_rows(kind, x, y, out, width, start, stop)
    else:
        _some_lanes(kind, x, y, out, width, inner, start, stop)


@njit(**COMPILED)
def groups_at_once(width, inner):
    """Rows, or vectors of them, that a thread takes as one piece of work."""
    step = max(1, CHUNK // (width * min(inner, LANES)))
    return step if step < LANES else step // LANES * LANES


@njit(parallel=True, **COMPILED)
def _all(kind, x, y, out, width, inner):
    groups = out.size // (width * inner) * ((inner + LANES - 1) // LANES)
    if out.size < SERIAL_BELOW:
        _some(kind, x, y, out, width, inner, np.int64(0), groups)
    else:
        step = groups_at_once(width, inner)
        for chunk in prange((groups + step - 1) // step):
            start = np.int64(chunk * step)  # of the one type, so that nothing is compiled twice
            _some(kind, x, y, out, width, inner, start, min(groups, start + step))


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
