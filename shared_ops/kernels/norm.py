"""Fast forms of layer_norm, rms_norm and group_norm, and of their gradients, for float32.

Layer norm works row by row. Its gradients of weight and bias are sums over rows: made in blocks, which do not depend on
the number of threads, each block's sums staying in the core's cache, and added up at the end.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from shared_ops.kernels.loops import SERIAL_BELOW
from shared_ops.kernels.planes import COMPILED, LANES, mixed, scaled, squares_of, sum_of, sums_of
from shared_ops.kernels.scalar import f4
from shared_ops.kernels.vector import load, spread, stay_alone, store, total

FLOAT32 = np.dtype("float32")
BLOCKS = 16  # at most, for the sums over rows
BLOCK_VALUES = 8192  # at least, in a block
EPSILON = float(np.finfo(FLOAT32).eps)


def fits(*arrays):
    """Whether they are all float32, and there is something to do."""
    return all(getattr(a, "dtype", FLOAT32) == FLOAT32 for a in arrays) and arrays[0].size > 0


def shaped(shape, *arrays):
    """Whether each is a number or has this shape: what does not is never read."""
    return all(getattr(a, "shape", shape) == shape for a in arrays)


def flat(a):
    return np.ascontiguousarray(a).reshape(-1)


def filled(v, size):
    """A weight or bias as a flat array; a number counts for each place."""
    return flat(v) if hasattr(v, "dtype") else np.full(size, v, FLOAT32)


# over the last axes -----------------------------------------------------------------------------------------------
@njit(**COMPILED)
def _some_rows(x, weight, bias, out, mean, rstd, width, eps, centred, start, stop):
    stay_alone()
    for r in range(start, stop):
        first, end = r * width, (r + 1) * width
        m = sum_of(x, first, end) / f4(width) if centred else f4(0)
        k = f4(1) / math.sqrt(squares_of(x, first, end, m) / f4(width) + eps)
        mean[r], rstd[r] = m, k
        middle, scale = spread(m), spread(k)
        for i in range(first, end, LANES):
            h = (load(x, i, end, f4(0)) - middle) * scale
            j = i - first
            store(out, i, end, h * load(weight, j, width, f4(0)) + load(bias, j, width, f4(0)))


@njit(parallel=True, **COMPILED)
def _rows(x, weight, bias, out, mean, rstd, width, eps, centred):
    rows = mean.size
    if x.size < SERIAL_BELOW:
        _some_rows(x, weight, bias, out, mean, rstd, width, eps, centred, np.int64(0), rows)
    else:
        step = max(1, BLOCK_VALUES // width)
        for block in prange((rows + step - 1) // step):
            start = np.int64(block) * step
            _some_rows(x, weight, bias, out, mean, rstd, width, eps, centred, start, min(rows, start + step))


@njit(**COMPILED)
def _some_rows_back(g, x, weight, mean, rstd, dx, dweight, dbias, width, centred, block, start, stop):
    stay_alone()
    offset = block * width
    for r in range(start, stop):
        first, end, stored = r * width, (r + 1) * width, offset + width
        m, k = mean[r], rstd[r]
        middle, scale, a, b = spread(m), spread(k), spread(f4(0)), spread(f4(0))
        for i in range(first, end, LANES):
            j = i - first
            y, h = load(g, i, end, f4(0)), (load(x, i, end, m) - middle) * scale
            yw = y * load(weight, j, width, f4(0))
            b = b + yw * h
            at = offset + j
            store(dweight, at, stored, load(dweight, at, stored, f4(0)) + y * h)
            if centred:
                a = a + yw
                store(dbias, at, stored, load(dbias, at, stored, f4(0)) + y)
        mean_g, mean_gh = spread(total(a) / f4(width)), spread(total(b) / f4(width))
        for i in range(first, end, LANES):
            h = (load(x, i, end, m) - middle) * scale
            yw = load(g, i, end, f4(0)) * load(weight, i - first, width, f4(0))
            store(dx, i, end, (yw - mean_g - h * mean_gh) * scale)


@njit(parallel=True, **COMPILED)
def _rows_back(g, x, weight, mean, rstd, dx, dweight, dbias, width, centred, blocks):
    rows = mean.size
    step = (rows + blocks - 1) // blocks
    if x.size < SERIAL_BELOW:
        for block in range(blocks):
            start, stop = block * step, min(rows, (block + 1) * step)
            _some_rows_back(g, x, weight, mean, rstd, dx, dweight, dbias, width, centred, block, start, stop)
    else:
        for block in prange(blocks):
            at = np.int64(block)
            start, stop = at * step, min(rows, (at + 1) * step)
            _some_rows_back(g, x, weight, mean, rstd, dx, dweight, dbias, width, centred, at, start, stop)


def _row_forward(x, weight, bias, normalized_ndim, eps, centred):
    shape = x.shape
    width, each = math.prod(shape[-normalized_ndim:]), (*shape[:-normalized_ndim], *(1,) * normalized_ndim)
    out, mean, rstd = np.empty(shape, FLOAT32), np.empty(each, FLOAT32), np.empty(each, FLOAT32)
    arrays = flat(x), filled(weight, width), filled(bias, width), out.reshape(-1), mean.reshape(-1), rstd.reshape(-1)
    _rows(*arrays, width, f4(eps), centred)
    return out, mean, rstd


def _row_backward(g, x, weight, mean, rstd, normalized_ndim, centred):
    shape, shared = x.shape, x.shape[-normalized_ndim:]
    width = math.prod(shared)
    blocks = max(1, min(BLOCKS, x.size // BLOCK_VALUES, mean.size))
    dx, sums = np.empty(shape, FLOAT32), np.zeros((2, blocks, width), FLOAT32)
    arrays = flat(g), flat(x), filled(weight, width), mean.reshape(-1), rstd.reshape(-1), dx.reshape(-1)
    _rows_back(*arrays, sums[0].reshape(-1), sums[1].reshape(-1), width, centred, blocks)
    dweight, dbias = sums.sum(axis=1) if blocks > 1 else sums[:, 0]
    return dx, dweight.reshape(shared), dbias.reshape(shared)


def _rows_fit(g, x, weight, normalized_ndim, *statistics):
    shared = x.shape[-normalized_ndim:]
    each = (*x.shape[:-normalized_ndim], *(1,) * normalized_ndim)
    return shaped(x.shape, g) and shaped(shared, weight) and shaped(each, *statistics)


def layer_norm(x, weight, bias, *, normalized_ndim=1, eps=1e-5):
    if not (fits(x, weight, bias) and shaped(x.shape[-normalized_ndim:], weight, bias)):
        return NotImplemented
    return _row_forward(x, weight, bias, normalized_ndim, eps, True)


def layer_norm_back(g, x, weight, mean, rstd, *, normalized_ndim=1, eps=1e-5):
    if not (fits(g, x, weight, mean, rstd) and _rows_fit(g, x, weight, normalized_ndim, mean, rstd)):
        return NotImplemented
    return _row_backward(g, x, weight, flat(mean), flat(rstd), normalized_ndim, True)


def rms_norm(x, weight, *, normalized_ndim=1, eps=None):
    if not (fits(x, weight) and shaped(x.shape[-normalized_ndim:], weight)):
        return NotImplemented
    return _row_forward(x, weight, 0.0, normalized_ndim, EPSILON if eps is None else eps, False)[::2]


def rms_norm_back(g, x, weight, rstd, *, normalized_ndim=1, eps=None):
    if not (fits(g, x, weight, rstd) and _rows_fit(g, x, weight, normalized_ndim, rstd)):
        return NotImplemented
    rstd = flat(rstd)
    return _row_backward(g, x, weight, np.zeros_like(rstd), rstd, normalized_ndim, False)[:2]


# over groups of channels ------------------------------------------------------------------------------------------
@njit(**COMPILED)
def _group(x, weight, bias, out, mean, rstd, channels, size, eps, group):
    """One group of one sample: its channels are neighbours. Sums over channels are kept in float64."""
    stay_alone()
    groups, first, count = weight.size // channels, group * channels * size, channels * size
    sums = 0.0
    for c in range(channels):
        sums += sum_of(x, first + c * size, first + (c + 1) * size)
    m = f4(sums / count)
    sums = 0.0
    for c in range(channels):
        sums += squares_of(x, first + c * size, first + (c + 1) * size, m)
    k = f4(1 / math.sqrt(sums / count + eps))
    mean[group], rstd[group] = m, k
    for c in range(channels):
        channel = group % groups * channels + c
        scaled(x, out, first + c * size, first + (c + 1) * size, m, k * weight[channel], bias[channel])


@njit(parallel=True, **COMPILED)
def _groups(x, weight, bias, out, mean, rstd, channels, size, eps):
    if x.size < SERIAL_BELOW:
        for group in range(mean.size):
            _group(x, weight, bias, out, mean, rstd, channels, size, eps, group)
    else:
        for group in prange(mean.size):
            _group(x, weight, bias, out, mean, rstd, channels, size, eps, np.int64(group))


@njit(**COMPILED)
def _group_back(g, x, weight, mean, rstd, dx, sums, channels, size, group):
    """One group of one sample; `sums` gets, for each of its channels, the sum of g and of g * (x - mean) * rstd."""
    stay_alone()
    groups, first, count = weight.size // channels, group * channels * size, channels * size
    m, k, sum_g, sum_gh = mean[group], rstd[group], 0.0, 0.0
    for c in range(channels):
        channel = group % groups * channels + c
        y, yx = sums_of(g, x, first + c * size, first + (c + 1) * size, m)
        sums[0, group * channels + c], sums[1, group * channels + c] = yx * k, y
        sum_g += weight[channel] * y
        sum_gh += weight[channel] * (yx * k)
    of_x, shift = f4(-sum_gh / count) * k * k, f4(-sum_g / count) * k
    for c in range(channels):
        of_g = weight[group % groups * channels + c] * k
        mixed(g, x, dx, first + c * size, first + (c + 1) * size, m, of_g, of_x, shift)


@njit(parallel=True, **COMPILED)
def _groups_back(g, x, weight, mean, rstd, dx, sums, channels, size):
    if x.size < SERIAL_BELOW:
        for group in range(mean.size):
            _group_back(g, x, weight, mean, rstd, dx, sums, channels, size, group)
    else:
        for group in prange(mean.size):
            _group_back(g, x, weight, mean, rstd, dx, sums, channels, size, np.int64(group))


def channels_last(x):
    """Whether the image's channels are neighbours in memory."""
    return not x.flags.c_contiguous and np.moveaxis(x, 1, -1).flags.c_contiguous


def arranged_as(x, out):
    """`out` in x's order in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(out, 1, -1)), -1, 1) if channels_last(x) else out


def group_norm(x, weight, bias, *, num_groups, eps=1e-5):
    if not (fits(x, weight, bias) and shaped(x.shape[1:2], weight, bias) and x.shape[1] % num_groups == 0):
        return NotImplemented
    n, c, size = x.shape[0], x.shape[1], math.prod(x.shape[2:])
    out, statistics = np.empty(x.shape, FLOAT32), np.empty((2, n, num_groups), FLOAT32)
    mean, rstd = statistics
    arrays = flat(x), filled(weight, c), filled(bias, c), out.reshape(-1), mean.reshape(-1), rstd.reshape(-1)
    _groups(*arrays, c // num_groups, size, float(eps))
    return arranged_as(x, out), mean, rstd


def group_norm_back(g, x, weight, mean, rstd, *, num_groups, eps=1e-5):
    shapes = shaped(x.shape, g) and shaped(x.shape[1:2], weight) and shaped((len(x), num_groups), mean, rstd)
    if not (fits(g, x, weight, mean, rstd) and shapes and x.shape[1] % num_groups == 0):
        return NotImplemented
    n, c, size = x.shape[0], x.shape[1], math.prod(x.shape[2:])
    dx, sums = np.empty(x.shape, FLOAT32), np.empty((2, n * c), FLOAT32)
    arrays = flat(g), flat(x), filled(weight, c), flat(mean), flat(rstd), dx.reshape(-1), sums
    _groups_back(*arrays, c // num_groups, size)
    dweight, dbias = sums.reshape(2, n, c).sum(axis=1)
    return arranged_as(x, dx), dweight, dbias


KERNELS = {
    "layer_norm": layer_norm,
    "layer_norm_back": layer_norm_back,
    "rms_norm": rms_norm,
    "rms_norm_back": rms_norm_back,
    "group_norm": group_norm,
    "group_norm_back": group_norm_back,
}
