"""Fast forms of softmax cross-entropy and its gradient, for float32 and labels of 64 bits.

A sample is a row of classes that lie dense, or, where other axes follow the classes, one lane of a vector: see
`softmax`. Losses are added up at the end in one order, so results do not depend on the number of threads.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import njit, prange

from shared_ops.kernels.planes import sum_of
from shared_ops.kernels.scalar import f4
from shared_ops.kernels.softmax import (
    COMPILED,
    SERIAL_BELOW,
    groups_at_once,
    lane_stats,
    row_stats,
    softmax_lanes,
    softmax_row,
    take_logs,
)
from shared_ops.kernels.vector import LANES, load, load_16, spread, store, store_16, total
from shared_ops.loss import refuse_label

FLOAT32, INT64 = np.dtype("float32"), np.dtype("int64")
NONE, MEAN, SUM = range(3)
CODES = {"none": NONE, "mean": MEAN, "sum": SUM}


@njit(**COMPILED)
def _weighed(labels, weight, ignoring, ignored):
    """How much all samples count together; -inf if some label is no class."""
    sums = 0.0
    for label in labels:
        if not (ignoring and label == ignored):
            if label < 0 or label >= weight.size:
                return -np.inf
            sums += weight[label]
    return sums


# what a label that is not smoothed lacks --------------------------------------------------------------------------
@njit(**COMPILED)
def _below_in_row(x, weight, first, end, highest):
    """Sum of weight * (x - greatest) over a row."""
    sums, top = spread(f4(0)), spread(highest)
    for i in range(first, end, LANES):
        sums = sums + load(weight, i - first, weight.size, f4(0)) * (load(x, i, end, highest) - top)
    return total(sums)


@njit(**COMPILED)
def _below_in_lanes(place, weight, top):
    sums = spread(f4(0))
    for k in range(weight.size):
        sums = sums + spread(weight[k]) * (load_16(place, k * LANES) - top)
    return sums


# losses -------------------------------------------------------------------------------------------------------------
@njit(**COMPILED)
def _some_rows(x, labels, weight, loss, ignoring, ignored, kept, each, start, stop):
    classes, every = weight.size, f4(0)
    if each > 0:
        every = each * sum_of(weight, 0, classes)
    tops, logs, below = np.empty(LANES, np.float32), np.ones(LANES, np.float32), np.zeros(LANES, np.float32)
    for r in range(start, stop, LANES):
        rows = min(LANES, stop - r)
        for k in range(rows):
            first, end = (r + k) * classes, (r + k + 1) * classes
            tops[k], logs[k] = row_stats(x, first, end)
            if each > 0:
                below[k] = _below_in_row(x, weight, first, end, tops[k])
        take_logs(logs)
        for k in range(rows):
            label = labels[r + k]
            if ignoring and label == ignored:
                loss[r + k] = f4(0)
            else:
                low = x[(r + k) * classes + label] - tops[k]
                loss[r + k] = kept * weight[label] * (logs[k] - low) + every * logs[k] - each * below[k]


@njit(**COMPILED)
def _some_lanes(x, labels, weight, loss, inner, ignoring, ignored, kept, each, start, stop):
    classes, every = weight.size, f4(0)
    if each > 0:
        every = each * sum_of(weight, 0, classes)
    vectors = (inner + LANES - 1) // LANES
    place = np.empty(classes * LANES, np.float32)
    tops, logs, below = np.empty(LANES, np.float32), np.empty(LANES, np.float32), np.zeros(LANES, np.float32)
    for v in range(start, stop):
        outer, at = v // vectors, v % vectors * LANES
        first, count = outer * classes * inner + at, min(LANES, inner - at)
        top, sums = lane_stats(x, place, first, inner, count)
        store_16(tops, 0, top)
        store_16(logs, 0, sums)
        take_logs(logs)
        if each > 0:
            store_16(below, 0, _below_in_lanes(place, weight, top))
        for lane in range(count):
            sample = outer * inner + at + lane
            label = labels[sample]
            if ignoring and label == ignored:
                loss[sample] = f4(0)
            else:
                low = place[label * LANES + lane] - tops[lane]
                loss[sample] = kept * weight[label] * (logs[lane] - low) + every * logs[lane] - each * below[lane]


@njit(**COMPILED)
def _some(x, labels, weight, loss, inner, ignoring, ignored, kept, each, start, stop):
    if inner == 1:
        _some_rows(x, labels, weight, loss, ignoring, ignored, kept, each, start, stop)
    else:
        _some_lanes(x, labels, weight, loss, inner, ignoring, ignored, kept, each, start, stop)


@njit(parallel=True, **COMPILED)
def _losses(x, labels, weight, loss, inner, ignoring, ignored, smoothing, reduction):
    """Write each loss; give what they come to, -inf if some label is no class."""
    weighed = _weighed(labels, weight, ignoring, ignored)
    if weighed == -np.inf:
        return weighed
    classes = weight.size
    kept, each = f4(1 - smoothing), f4(smoothing / classes)
    groups = x.size // (classes * inner) * ((inner + LANES - 1) // LANES)
    if x.size < SERIAL_BELOW:
        _some(x, labels, weight, loss, inner, ignoring, ignored, kept, each, np.int64(0), groups)
    else:
        step = groups_at_once(classes, inner)
        for chunk in prange((groups + step - 1) // step):
            start = np.int64(chunk * step)
            stop = min(groups, start + step)
            _some(x, labels, weight, loss, inner, ignoring, ignored, kept, each, start, stop)
    if reduction == NONE:
        return 0.0
    all_losses = float(sum_of(loss, 0, loss.size))
    return all_losses / weighed if reduction == MEAN else all_losses


# slopes -------------------------------------------------------------------------------------------------------------
@njit(**COMPILED)
def _some_rows_back(g, x, labels, weight, out, ignoring, ignored, kept, each, by, start, stop):
    classes, every = weight.size, f4(0)
    step = 0 if g.size == 1 else 1
    if each > 0:
        every = each * sum_of(weight, 0, classes)
    for r in range(start, stop):
        label, first, end = labels[r], r * classes, (r + 1) * classes
        if ignoring and label == ignored:
            out[first:end] = f4(0)
            continue
        slope = g[r * step] * by
        hit = kept * weight[label] * slope
        softmax_row(x, out, first, end, hit + every * slope, label, hit)
        if each > 0:
            less = spread(each * slope)
            for i in range(first, end, LANES):
                store(out, i, end, load(out, i, end, f4(0)) - less * load(weight, i - first, classes, f4(0)))


@njit(**COMPILED)
def _some_lanes_back(g, x, labels, weight, out, inner, ignoring, ignored, kept, each, by, start, stop):
    classes, every = weight.size, f4(0)
    if each > 0:
        every = each * sum_of(weight, 0, classes)
    vectors, step = (inner + LANES - 1) // LANES, 0 if g.size == 1 else 1
    place = np.empty(classes * LANES, np.float32)
    hits, slopes = np.zeros(LANES, np.float32), np.zeros(LANES, np.float32)
    for v in range(start, stop):
        outer, at = v // vectors, v % vectors * LANES
        first, count = outer * classes * inner + at, min(LANES, inner - at)
        sample = outer * inner + at
        for lane in range(count):
            label, slope = labels[sample + lane], g[(sample + lane) * step] * by
            ignore = ignoring and label == ignored
            slopes[lane] = f4(0) if ignore else slope
            hits[lane] = f4(0) if ignore else kept * weight[label] * slope
        times = load_16(hits, 0) + spread(every) * load_16(slopes, 0)
        softmax_lanes(x, place, out, first, inner, count, times)
        if each > 0:
            less = spread(each) * load_16(slopes, 0)
            for k in range(classes):
                i = first + k * inner
                store(out, i, i + count, load(out, i, i + count, f4(0)) - less * spread(weight[k]))
        for lane in range(count):
            label = labels[sample + lane]
            if ignoring and label == ignored:
                for k in range(classes):
                    out[first + k * inner + lane] = f4(0)
            else:
                out[first + label * inner + lane] -= hits[lane]


@njit(**COMPILED)
def _some_back(g, x, labels, weight, out, inner, ignoring, ignored, kept, each, by, start, stop):
    if inner == 1:
        _some_rows_back(g, x, labels, weight, out, ignoring, ignored, kept, each, by, start, stop)
    else:
        _some_lanes_back(g, x, labels, weight, out, inner, ignoring, ignored, kept, each, by, start, stop)


@njit(parallel=True, **COMPILED)
def _slopes(g, x, labels, weight, out, inner, ignoring, ignored, smoothing, reduction):
    """Write the gradient of x; -inf if some label is no class. g has one number for each sample, or for all."""
    weighed = _weighed(labels, weight, ignoring, ignored)
    if weighed == -np.inf:
        return weighed
    classes = weight.size
    kept, each, by = f4(1 - smoothing), f4(smoothing / classes), f4(1 / weighed) if reduction == MEAN else f4(1)
    groups = x.size // (classes * inner) * ((inner + LANES - 1) // LANES)
    if x.size < SERIAL_BELOW:
        _some_back(g, x, labels, weight, out, inner, ignoring, ignored, kept, each, by, np.int64(0), groups)
    else:
        step = groups_at_once(classes, inner)
        for chunk in prange((groups + step - 1) // step):
            start = np.int64(chunk * step)
            stop = min(groups, start + step)
            _some_back(g, x, labels, weight, out, inner, ignoring, ignored, kept, each, by, start, stop)
    return 0.0


# what Python calls --------------------------------------------------------------------------------------------------
@functools.lru_cache(64)
def _ones(classes: int) -> np.ndarray:
    return np.ones(classes, FLOAT32)


def _flat(a: Any, dtype: Any = None) -> np.ndarray:
    if a.ndim == 1 and a.flags.c_contiguous and (dtype is None or a.dtype is dtype):
        return a
    return np.ascontiguousarray(a, dtype).reshape(-1)


def _prepared(logits: Any, labels: Any, weight: Any) -> Any:
    """x, labels and weights as flat arrays, and how far apart classes are; None where this is not made for them."""
    fits = logits.dtype == FLOAT32 and logits.size and all(w.dtype == FLOAT32 for w in weight)
    if not fits or labels.dtype.kind not in "iu" or labels.dtype == "uint64":
        return None
    shape = logits.shape
    weights = _flat(weight[0]) if weight else _ones(shape[1])
    if labels.shape != (shape[0], *shape[2:]) or weights.size != shape[1]:
        return None
    return _flat(logits), _flat(labels, INT64), weights, math.prod(shape[2:]) if len(shape) > 2 else 1


def _refuse(name: str, labels: Any, classes: int, ignore_index: int | None) -> None:
    refuse_label(name, labels, classes, None if ignore_index is None else labels == ignore_index)


def softmax_cross_entropy(logits, labels, *weight, ignore_index=None, reduction="none", label_smoothing=0.0):
    ready = _prepared(logits, labels, weight)
    if ready is None:
        return NotImplemented
    x, flat_labels, weights, inner = ready
    loss = np.empty(labels.shape, FLOAT32)
    ignored = 0 if ignore_index is None else ignore_index
    how = ignore_index is not None, ignored, float(label_smoothing), CODES[reduction]
    value = _losses(x, flat_labels, weights, loss if loss.ndim == 1 else loss.reshape(-1), inner, *how)
    if value == -math.inf:
        _refuse("softmax_cross_entropy", labels, logits.shape[1], ignore_index)
    return loss if reduction == "none" else np.asarray(value, FLOAT32)


def softmax_cross_entropy_back(g, logits, labels, *weight, ignore_index=None, reduction="none", label_smoothing=0.0):
    ready = _prepared(logits, labels, weight)
    if ready is None or g.dtype != FLOAT32 or g.shape != (labels.shape if reduction == "none" else ()):
        return NotImplemented
    x, flat_labels, weights, inner = ready
    out = np.empty(logits.shape, FLOAT32)
    ignored = 0 if ignore_index is None else ignore_index
    how = ignore_index is not None, ignored, float(label_smoothing), CODES[reduction]
    if _slopes(_flat(g), x, flat_labels, weights, out.reshape(-1), inner, *how) == -math.inf:
        _refuse("softmax_cross_entropy_back", labels, logits.shape[1], ignore_index)
    return out


KERNELS = {"softmax_cross_entropy": softmax_cross_entropy, "softmax_cross_entropy_back": softmax_cross_entropy_back}
