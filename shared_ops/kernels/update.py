"""Optimiser updates in place, as row kernels: the formulas of `shared_ops.update`, to the bit.

A row is (p, g, *state). Multiplications and additions come in the order in which the plain kernels have them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numba import njit

from shared_ops.kernels.many import (
    FLOAT32,
    NDARRAY,
    doubles_at,
    floats_at,
    notes_of_rows,
    objects_of,
    row_kernel,
    update_rows,
    update_rows_by_norms,
    usable,
    words_at,
)
from shared_ops.op import REGISTRY
from shared_ops.update import adam_sizes

GRADIENT = 1  # the column of a row that is only read
LANES = 16  # sums are made of this many, so that they vectorise


@njit(inline="always", error_model="numpy")
def part(row, column, start):
    """A row's array in this column, from an element on."""
    return floats_at(words_at(row)[column] + 4 * start)


# row kernels ------------------------------------------------------------------------------------------------------
def sgd(row, start, count, numbers, notes):
    p, g = part(row, 0, start), part(row, 1, start)
    n = floats_at(numbers)
    lr, decay = n[0], n[1]
    for i in range(count):
        d = g[i] + decay * p[i] if decay != 0 else g[i]
        p[i] = p[i] - lr * d


def sgd_momentum(row, start, count, numbers, notes):
    p, g, buffer = part(row, 0, start), part(row, 1, start), part(row, 2, start)
    n = floats_at(numbers)
    lr, momentum, rest, nesterov, decay = n[0], n[1], n[2], n[3], n[4]
    for i in range(count):
        d = g[i] + decay * p[i] if decay != 0 else g[i]
        b = momentum * buffer[i] + rest * d
        buffer[i] = b
        p[i] = p[i] - lr * (d + momentum * b if nesterov != 0 else b)


def adam(row, start, count, numbers, notes):
    p, g, mean, variance = part(row, 0, start), part(row, 1, start), part(row, 2, start), part(row, 3, start)
    n = floats_at(numbers)
    size, scale, beta1, rest1, beta2, rest2, eps, decay = n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]
    for i in range(count):
        d = g[i] + decay * p[i] if decay != 0 else g[i]
        m = beta1 * mean[i] + rest1 * d
        v = beta2 * variance[i] + rest2 * (d * d)
        mean[i], variance[i] = m, v
        p[i] = p[i] - size * (m / (math.sqrt(v) / scale + eps))


def adamw(row, start, count, numbers, notes):
    p, g, mean, variance = part(row, 0, start), part(row, 1, start), part(row, 2, start), part(row, 3, start)
    n = floats_at(numbers)
    size, scale, beta1, rest1, beta2, rest2, eps, keep = n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]
    for i in range(count):
        m = beta1 * mean[i] + rest1 * g[i]
        v = beta2 * variance[i] + rest2 * (g[i] * g[i])
        mean[i], variance[i] = m, v
        p[i] = keep * p[i] - size * (m / (math.sqrt(v) / scale + eps))


def rmsprop(row, start, count, numbers, notes):
    """In several loops: one over all five arrays would not vectorise, and one with masks is slow on unused state."""
    p, g, square, average = part(row, 0, start), part(row, 1, start), part(row, 2, start), part(row, 3, start)
    buffer = part(row, 4, start)
    n = floats_at(numbers)
    lr, alpha, rest, centered, momentum, eps, decay = n[0], n[1], n[2], n[3], n[4], n[5], n[6]
    for i in range(count):
        d = g[i] + decay * p[i] if decay != 0 else g[i]
        square[i] = alpha * square[i] + rest * (d * d)
    if centered != 0:
        for i in range(count):
            d = g[i] + decay * p[i] if decay != 0 else g[i]
            average[i] = alpha * average[i] + rest * d
    if momentum != 0:
        for i in range(count):
            d = g[i] + decay * p[i] if decay != 0 else g[i]
            v = square[i] - average[i] * average[i] if centered != 0 else square[i]
            buffer[i] = momentum * buffer[i] + d / (math.sqrt(v) + eps)
        for i in range(count):
            p[i] = p[i] - lr * buffer[i]
    else:
        for i in range(count):
            d = g[i] + decay * p[i] if decay != 0 else g[i]
            v = square[i] - average[i] * average[i] if centered != 0 else square[i]
            p[i] = p[i] - lr * (d / (math.sqrt(v) + eps))


def adagrad(row, start, count, numbers, notes):
    p, g, total = part(row, 0, start), part(row, 1, start), part(row, 2, start)
    n = floats_at(numbers)
    size, eps, decay = n[0], n[1], n[2]
    for i in range(count):
        d = g[i] + decay * p[i] if decay != 0 else g[i]
        t = total[i] + d * d
        total[i] = t
        p[i] = p[i] - size * (d / (math.sqrt(t) + eps))


def adadelta(row, start, count, numbers, notes):
    p, g, square, change = part(row, 0, start), part(row, 1, start), part(row, 2, start), part(row, 3, start)
    n = floats_at(numbers)
    lr, rho, rest, eps, decay = n[0], n[1], n[2], n[3], n[4]
    for i in range(count):
        d = g[i] + decay * p[i] if decay != 0 else g[i]
        s = rho * square[i] + rest * (d * d)
        step = math.sqrt(change[i] + eps) / math.sqrt(s + eps) * d
        square[i] = s
        change[i] = rho * change[i] + rest * (step * step)
        p[i] = p[i] - lr * step


def lion(row, start, count, numbers, notes):
    p, g, mean = part(row, 0, start), part(row, 1, start), part(row, 2, start)
    n = floats_at(numbers)
    lr, beta1, rest1, beta2, rest2, keep = n[0], n[1], n[2], n[3], n[4], n[5]
    for i in range(count):
        c = beta1 * mean[i] + rest1 * g[i]
        sign = np.float32(1.0) if c > 0 else np.float32(-1.0) if c < 0 else c - c  # NaN for NaN
        mean[i] = beta2 * mean[i] + rest2 * g[i]
        p[i] = keep * p[i] - lr * sign


def lamb_measure(row, start, count, numbers, notes):
    """The averages, and this chunk's part of the squared norms of the parameter and of its step."""
    p, g, mean, variance = part(row, 0, start), part(row, 1, start), part(row, 2, start), part(row, 3, start)
    n = floats_at(numbers)
    corrected, scale, beta1, rest1, beta2, rest2, eps, decay = n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]
    for i in range(count):
        mean[i] = beta1 * mean[i] + rest1 * g[i]
        variance[i] = beta2 * variance[i] + rest2 * (g[i] * g[i])
    ps, steps = np.zeros(LANES), np.zeros(LANES)
    for i in range(0, count - count % LANES, LANES):
        for lane in range(LANES):
            j = i + lane
            step = mean[j] / corrected / (math.sqrt(variance[j]) / scale + eps) + decay * p[j]
            ps[lane] += np.float64(p[j]) * np.float64(p[j])
            steps[lane] += np.float64(step) * np.float64(step)
    for j in range(count - count % LANES, count):
        step = mean[j] / corrected / (math.sqrt(variance[j]) / scale + eps) + decay * p[j]
        ps[0] += np.float64(p[j]) * np.float64(p[j])
        steps[0] += np.float64(step) * np.float64(step)
    sums = doubles_at(notes)
    sums[0], sums[1] = ps.sum(), steps.sum()


def lamb(row, start, count, numbers, notes):
    p, mean, variance = part(row, 0, start), part(row, 2, start), part(row, 3, start)
    n, sums = floats_at(numbers), doubles_at(notes)
    lr, corrected, scale, eps, decay = n[0], n[1], n[2], n[7], n[8]
    trust = np.float32(math.sqrt(sums[0]) / math.sqrt(sums[1])) if sums[0] > 0 and sums[1] > 0 else np.float32(1.0)
    size = lr * trust
    for i in range(count):
        step = mean[i] / corrected / (math.sqrt(variance[i]) / scale + eps) + decay * p[i]
        p[i] = p[i] - size * step


def norm_square(row, start, count, numbers, notes):
    x, sums, lanes = part(row, 0, start), doubles_at(notes), np.zeros(LANES)
    for i in range(0, count - count % LANES, LANES):
        for lane in range(LANES):
            lanes[lane] += np.float64(x[i + lane]) * np.float64(x[i + lane])
    for i in range(count - count % LANES, count):
        lanes[0] += np.float64(x[i]) * np.float64(x[i])
    sums[0] = lanes.sum()


def norm_greatest(row, start, count, numbers, notes):
    x, greatest, strange = part(row, 0, start), np.float32(0.0), False
    for i in range(count):
        a = abs(x[i])
        greatest = a if a > greatest else greatest
        strange |= a != a
    doubles_at(notes)[0] = np.float64(np.nan if strange else greatest)


def norm_power(row, start, count, numbers, notes):
    x, power, total = part(row, 0, start), np.float64(floats_at(numbers)[0]), 0.0
    for i in range(count):
        total += np.float64(abs(x[i])) ** power
    doubles_at(notes)[0] = total


def scale(row, start, count, numbers, notes):
    x, factor = part(row, 0, start), floats_at(numbers)[0]
    for i in range(count):
        x[i] = x[i] * factor


# the numbers that a kernel takes, from an op's scalars and settings --------------------------------------------------
def _sgd(lr, *, weight_decay):
    return lr, weight_decay


def _sgd_momentum(lr, *, momentum, dampening, nesterov, weight_decay):
    return lr, momentum, 1 - dampening, nesterov, weight_decay


def _adam(step, lr, *, beta1, beta2, eps, weight_decay):
    return *adam_sizes(step, lr, beta1, beta2), beta1, 1 - beta1, beta2, 1 - beta2, eps, weight_decay


def _adamw(step, lr, *, beta1, beta2, eps, weight_decay):
    return *adam_sizes(step, lr, beta1, beta2), beta1, 1 - beta1, beta2, 1 - beta2, eps, 1 - lr * weight_decay


def _rmsprop(lr, *, alpha, eps, centered, momentum, weight_decay):
    return lr, alpha, 1 - alpha, centered, momentum, eps, weight_decay


def _adagrad(step, lr, *, lr_decay, eps, weight_decay):
    return lr / (1 + (step - 1) * lr_decay), eps, weight_decay


def _adadelta(lr, *, rho, eps, weight_decay):
    return lr, rho, 1 - rho, eps, weight_decay


def _lion(lr, *, beta1, beta2, weight_decay):
    return lr, beta1, 1 - beta1, beta2, 1 - beta2, 1 - lr * weight_decay


def _lamb(step, lr, *, beta1, beta2, eps, weight_decay):
    corrected, size = 1 - beta1**step, math.sqrt(1 - beta2**step)
    return lr, corrected, size, beta1, 1 - beta1, beta2, 1 - beta2, eps, weight_decay


# per op: its row kernels, the arrays of a row, the numbers
UPDATES: dict[str, tuple[tuple[Callable, ...], int, Callable]] = {
    "sgd": ((sgd,), 2, _sgd),
    "sgd_momentum": ((sgd_momentum,), 3, _sgd_momentum),
    "adam": ((adam,), 4, _adam),
    "adamw": ((adamw,), 4, _adamw),
    "rmsprop": ((rmsprop,), 5, _rmsprop),
    "adagrad": ((adagrad,), 3, _adagrad),
    "adadelta": ((adadelta,), 4, _adadelta),
    "lion": ((lion,), 3, _lion),
    "lamb": ((lamb_measure, lamb), 4, _lamb),
}


def in_place(op: Any, rows: Sequence[tuple], scalars: Sequence[Any], settings: Mapping[str, Any]) -> bool:
    """Update all rows at once where they are; False, and nothing is done, where they are not fit for it."""
    if op.name not in UPDATES or settings.keys() - op.attrs.keys() or not usable():
        return False
    kernels, width, numbers_of = UPDATES[op.name]
    arrays = [a for row in rows for a in row]  # kept until the kernel has ended
    objects = objects_of(arrays, len(arrays))
    if len(arrays) != width * len(rows):
        return False
    numbers = np.array(numbers_of(*map(float, scalars), **{**op.attrs, **settings}), np.float32)
    if len(kernels) == 1:
        return update_rows(row_kernel(kernels[0]).address, objects, width, GRADIENT, numbers, NDARRAY, FLOAT32)
    measure, change = (row_kernel(kernel).address for kernel in kernels)
    return update_rows_by_norms(measure, change, objects, width, GRADIENT, numbers, NDARRAY, FLOAT32)


def on_copies(name: str) -> Callable:
    """The update as an op: copies of parameter and state, changed in place."""
    width = UPDATES[name][1]

    def fast(*args: Any, **settings: Any) -> Any:
        if any(type(a) is not np.ndarray or a.dtype != np.float32 for a in args[:width]):
            return NotImplemented
        p, g, *state = args[:width]
        row = (np.array(p, order="C"), np.asarray(g, order="C"), *[np.array(s, order="C") for s in state])
        if not in_place(REGISTRY[name], [row], args[width:], settings):
            return NotImplemented
        return (row[0], *row[2:]) if state else row[0]

    return fast


KERNELS = {name: on_copies(name) for name in UPDATES}


# gradient norm ------------------------------------------------------------------------------------------------------
def norm(arrays: Sequence[Any], norm_type: float) -> float | None:
    """The norm of all elements of the arrays together; None where they are not all contiguous float32 arrays."""
    if not usable():
        return None
    kernel = {2.0: norm_square, math.inf: norm_greatest}.get(norm_type, norm_power)
    numbers = np.array([norm_type], np.float32)
    objects = objects_of(arrays, len(arrays))
    notes, fit = notes_of_rows(row_kernel(kernel).address, objects, numbers, NDARRAY, FLOAT32)
    if not fit:
        return None
    left = notes[:, 0]
    if norm_type == math.inf:
        return float(left.max(initial=0.0))
    return math.sqrt(left.sum()) if norm_type == 2 else float(left.sum() ** (1 / norm_type))


def scaled(arrays: Sequence[Any], factor: float) -> bool:
    """Multiply all elements by a factor, in place; False, and nothing is done, where the arrays are not fit for it."""
    objects = objects_of(arrays, len(arrays))
    numbers = np.array([factor], np.float32)
    return usable() and update_rows(row_kernel(scale).address, objects, 1, -1, numbers, NDARRAY, FLOAT32)
