"""Fast forms of batch_norm and its gradients, for float32, in both orders in memory; the output has x's.

Where a channel's values form planes, (n, c, *size), a thread takes a channel at a time: it stays in the core's cache
for all its passes. Where channels are neighbours, (rows, c), blocks of rows that fit into the cache give their own
statistics, which are then joined (Chan et al. 1983); blocks do not depend on the number of threads.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from shared_ops.kernels.loops import SERIAL_BELOW
from shared_ops.kernels.norm import FLOAT32, channels_last, filled, fits, flat, shaped
from shared_ops.kernels.planes import COMPILED, LANES, mixed, scaled, squares_of, sum_of, sums_of
from shared_ops.kernels.scalar import f4
from shared_ops.kernels.vector import load, spread, stay_alone, store

BLOCK_VALUES = 32768  # of a block of rows: 128 KiB


# channels as planes -----------------------------------------------------------------------------------------------
@njit(**COMPILED)
def _channel(x, weight, bias, out, mean, var, n, size, eps, c):
    """Sums over the samples are kept in float64."""
    stay_alone()
    channels, sums = weight.size, 0.0
    for i in range(n):
        first = (i * channels + c) * size
        sums += sum_of(x, first, first + size)
    m = f4(sums / (n * size))
    sums = 0.0
    for i in range(n):
        first = (i * channels + c) * size
        sums += squares_of(x, first, first + size, m)
    v = f4(sums / (n * size))
    mean[c], var[c] = m, v
    scale = weight[c] / math.sqrt(v + eps)
    for i in range(n):
        first = (i * channels + c) * size
        scaled(x, out, first, first + size, m, scale, bias[c])


@njit(parallel=True, **COMPILED)
def _channels(x, weight, bias, out, mean, var, n, size, eps):
    if x.size < SERIAL_BELOW:
        for c in range(mean.size):
            _channel(x, weight, bias, out, mean, var, n, size, eps, c)
    else:
        for c in prange(mean.size):
            _channel(x, weight, bias, out, mean, var, n, size, eps, np.int64(c))


@njit(**COMPILED)
def _channel_back(g, x, weight, mean, var, dx, dweight, dbias, n, size, eps, c):
    stay_alone()
    channels, m, k = weight.size, mean[c], f4(1) / math.sqrt(var[c] + eps)
    sum_g, sum_gx, count = 0.0, 0.0, n * size
    for i in range(n):
        first = (i * channels + c) * size
        y, yx = sums_of(g, x, first, first + size, m)
        sum_g += y
        sum_gx += yx
    dbias[c], dweight[c] = f4(sum_g), f4(sum_gx) * k
    of_g = weight[c] * k
    of_x, shift = -of_g * (f4(sum_gx / count) * k * k), -of_g * f4(sum_g / count)
    for i in range(n):
        first = (i * channels + c) * size
        mixed(g, x, dx, first, first + size, m, of_g, of_x, shift)


@njit(parallel=True, **COMPILED)
def _channels_back(g, x, weight, mean, var, dx, dweight, dbias, n, size, eps):
    if x.size < SERIAL_BELOW:
        for c in range(mean.size):
            _channel_back(g, x, weight, mean, var, dx, dweight, dbias, n, size, eps, c)
    else:
        for c in prange(mean.size):
            _channel_back(g, x, weight, mean, var, dx, dweight, dbias, n, size, eps, np.int64(c))


# channels as neighbours -------------------------------------------------------------------------------------------
@njit(**COMPILED)
def _block_moments(x, means, squares, c, start, stop, at):
    """Mean and sum of squared distances from it, of each channel in some rows."""
    stay_alone()
    inverse = spread(f4(1) / f4(stop - start))
    for j in range(0, c, LANES):
        s = spread(f4(0))
        for r in range(start, stop):
            s = s + load(x, r * c + j, (r + 1) * c, f4(0))
        m = s * inverse
        s = spread(f4(0))
        for r in range(start, stop):
            d = load(x, r * c + j, (r + 1) * c, f4(0)) - m
            s = s + d * d
        store(means, at * c + j, (at + 1) * c, m)
        store(squares, at * c + j, (at + 1) * c, s)


@njit(**COMPILED)
def _block_sums(g, x, mean, of_g, of_gx, c, start, stop, at):
    """Sums of g and of g * (x - mean), of each channel in some rows."""
    stay_alone()
    for j in range(0, c, LANES):
        a, b, m = spread(f4(0)), spread(f4(0)), load(mean, j, c, f4(0))
        for r in range(start, stop):
            y = load(g, r * c + j, (r + 1) * c, f4(0))
            a = a + y
            b = b + y * (load(x, r * c + j, (r + 1) * c, f4(0)) - m)
        store(of_g, at * c + j, (at + 1) * c, a)
        store(of_gx, at * c + j, (at + 1) * c, b)


@njit(parallel=True, **COMPILED)
def _sums(g, x, mean, first, second, c, step, back):
    """What each block of rows adds up to; block b's channels stand in row b of `first` and `second`."""
    rows = x.size // c
    for block in prange((rows + step - 1) // step):
        at = np.int64(block)
        start, stop = at * step, min(rows, (at + 1) * step)
        if back:
            _block_sums(g, x, mean, first, second, c, start, stop, at)
        else:
            _block_moments(x, first, second, c, start, stop, at)


@njit(**COMPILED)
def _some_rows(g, x, out, mean, of_g, of_x, shift, c, back, start, stop):
    stay_alone()
    for r in range(start, stop):
        first, end = r * c, (r + 1) * c
        for i in range(first, end, LANES):
            j = i - first
            y = (load(x, i, end, f4(0)) - load(mean, j, c, f4(0))) * load(of_x, j, c, f4(0))
            if back:
                y = load(g, i, end, f4(0)) * load(of_g, j, c, f4(0)) + y
            store(out, i, end, y + load(shift, j, c, f4(0)))


@njit(parallel=True, **COMPILED)
def _mixed_rows(g, x, out, mean, of_g, of_x, shift, c, step, back):
    """out = g * of_g + (x - mean) * of_x + shift, each channel by its own; without the first unless back."""
    rows = x.size // c
    for block in prange((rows + step - 1) // step):
        start = np.int64(block) * step
        stop = min(rows, start + step)
        _some_rows(g, x, out, mean, of_g, of_x, shift, c, back, start, stop)


# the ops ----------------------------------------------------------------------------------------------------------
def _as_rows(x):
    """Whether channels are to be taken as neighbours."""
    return math.prod(x.shape[2:]) == 1 or channels_last(x)


def _rows_of(x):
    return flat(np.moveaxis(x, 1, -1))


def _like(x):
    """A new array in x's order, channels last, and the same flat."""
    out = np.empty((x.shape[0], *x.shape[2:], x.shape[1]), FLOAT32)
    return np.moveaxis(out, -1, 1), out.reshape(-1)


def _step(c):
    return max(1, BLOCK_VALUES // c)


def _moments_of_rows(x, c):
    step, rows = _step(c), x.size // c
    blocks = (rows + step - 1) // step
    means, squares = np.empty((2, blocks, c), FLOAT32)
    _sums(x, x, x, means.reshape(-1), squares.reshape(-1), c, step, False)
    if blocks == 1:
        return means[0], squares[0] / f4(rows)
    counts = np.full((blocks, 1), step, np.float64)
    counts[-1] = rows - step * (blocks - 1)
    mean = (means * counts).sum(axis=0) / rows
    var = (squares.sum(axis=0, dtype=np.float64) + (np.square(means - mean) * counts).sum(axis=0)) / rows
    return mean.astype(FLOAT32), var.astype(FLOAT32)


def batch_norm(x, weight, bias, *, eps=1e-5):
    if not (fits(x, weight, bias) and shaped(x.shape[1:2], weight, bias)):
        return NotImplemented
    n, c, size = x.shape[0], x.shape[1], math.prod(x.shape[2:])
    weight, bias = filled(weight, c), filled(bias, c)
    if _as_rows(x):
        rows, (out, flat_out) = _rows_of(x), _like(x)
        mean, var = _moments_of_rows(rows, c)
        _mixed_rows(rows, rows, flat_out, mean, mean, weight / np.sqrt(var + f4(eps)), bias, c, _step(c), False)
    else:
        out, mean, var = np.empty(x.shape, FLOAT32), np.empty(c, FLOAT32), np.empty(c, FLOAT32)
        _channels(flat(x), weight, bias, out.reshape(-1), mean, var, n, size, f4(eps))
    return out, mean, var


def batch_norm_back(g, x, weight, mean, var, *, eps=1e-5):
    if not (fits(g, x, weight, mean, var) and shaped(x.shape, g) and shaped(x.shape[1:2], weight, mean, var)):
        return NotImplemented
    n, c, size = x.shape[0], x.shape[1], math.prod(x.shape[2:])
    weight, mean, var = filled(weight, c), flat(mean), flat(var)
    if not _as_rows(x):
        dx, dweight, dbias = np.empty(x.shape, FLOAT32), np.empty(c, FLOAT32), np.empty(c, FLOAT32)
        _channels_back(flat(g), flat(x), weight, mean, var, dx.reshape(-1), dweight, dbias, n, size, f4(eps))
        return dx, dweight, dbias
    g, x, (dx, flat_dx), step = _rows_of(g), _rows_of(x), _like(x), _step(c)
    parts = np.empty((2, -(-n * size // step), c), FLOAT32)
    _sums(g, x, mean, parts[0].reshape(-1), parts[1].reshape(-1), c, step, True)
    sum_g, sum_gx = parts.sum(axis=1, dtype=np.float64)
    k = 1 / np.sqrt(var + f4(eps))
    of_g, dweight, dbias = weight * k, sum_gx.astype(FLOAT32) * k, sum_g.astype(FLOAT32)
    count = f4(n * size)
    _mixed_rows(g, x, flat_dx, mean, of_g, -of_g * k * dweight / count, -of_g * dbias / count, c, step, True)
    return dx, dweight, dbias


def batch_norm_inference(x, weight, bias, mean, var, *, eps=1e-5):
    if not (fits(x, weight, bias, mean, var) and shaped(x.shape[1:2], weight, bias, mean, var)):
        return NotImplemented
    n, c, size = x.shape[0], x.shape[1], math.prod(x.shape[2:])
    weight, bias, mean, var = (filled(v, c) for v in (weight, bias, mean, var))
    scale = weight / np.sqrt(var + f4(eps))
    if _as_rows(x):
        rows, (out, flat_out) = _rows_of(x), _like(x)
        _mixed_rows(rows, rows, flat_out, mean, scale, scale, bias, c, _step(c), False)
    else:
        out = np.empty(x.shape, FLOAT32)
        _scaled_planes(flat(x), out.reshape(-1), mean, scale, bias, n * c, size)
    return out


@njit(parallel=True, **COMPILED)
def _scaled_planes(x, out, mean, scale, shift, planes, size):
    step = max(1, BLOCK_VALUES // size)
    for block in prange((planes + step - 1) // step):
        start = np.int64(block) * step
        for plane in range(start, min(planes, start + step)):
            c = plane % mean.size
            scaled(x, out, plane * size, (plane + 1) * size, mean[c], scale[c], shift[c])


KERNELS = {
    "batch_norm": batch_norm,
    "batch_norm_back": batch_norm_back,
    "batch_norm_inference": batch_norm_inference,
}
