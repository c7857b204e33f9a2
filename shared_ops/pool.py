"""Pooling over images (n, c, *size) with any number of image axes: one value for each window.

A greatest value comes with its index in its plane of the image, flat, as in PyTorch. `max_unpool` and `max_pool_at`
are each other's gradients, and so are a mean and its `unpool`.
"""

from __future__ import annotations

import math

import numpy as np

from shared_ops.dim import Dim
from shared_ops.fold import check_fits, check_settings, inside, out_size, padded, taps
from shared_ops.op import op
from shared_ops.spec import Spec, SpecError, check, is_float, result_dtype, shape_of


def pooled_size(size, kernel, stride, padding, dilation, ceil_mode):
    """How many windows there are; with ceil_mode the last may reach past the end, but does not start there."""
    if not ceil_mode or stride == 1:
        return out_size(size, kernel, stride, padding, dilation)
    out = -(-(size + 2 * padding - dilation * (kernel - 1) - 1) // stride) + 1
    return out - 1 if (out - 1) * stride >= size + padding else out


def _pooled(size, kernel_size, stride, padding, dilation, ceil_mode):
    axes = zip(size, kernel_size, stride, padding, dilation, strict=True)
    return tuple(pooled_size(*axis, ceil_mode) for axis in axes)


def _end(size, out, kernel, stride, padding, dilation):
    """The padding that the last window reaches into; with ceil_mode it may be more than the setting."""
    axes = zip(size, out, kernel, stride, padding, dilation, strict=True)
    return tuple(max(p, (o - 1) * s + d * (k - 1) + 1 - n - p) for n, o, k, s, p, d in axes)


def check_real_images(name, x):
    """Raise SpecError unless x is images of numbers that can be compared and added."""
    check(len(shape_of(x)) >= 3, f"{name} needs images (n, c, *size)", x=x)
    check(x.dtype.kind not in "bc", f"{name} needs real numbers", x=x)


def _pool_spec(name, x, kernel_size, stride, padding, dilation, ceil_mode):
    check_real_images(name, x)
    rank = x.ndim - 2
    check_settings(name, rank, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    for k, p in zip(kernel_size, padding, strict=True):
        check(p * 2 <= k, f"{name} pads at most half its kernel", kernel_size=kernel_size, padding=padding)
    check(isinstance(ceil_mode, bool), f"{name} needs ceil_mode as True or False", ceil_mode=ceil_mode)
    unknown = any(isinstance(n, Dim) and s != 1 for n, s in zip(x.shape[2:], stride, strict=True))
    check(not (ceil_mode and unknown), f"{name} needs known sizes for ceil_mode", x=x, stride=stride)
    size = _pooled(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    check_fits(name, size, x, kernel_size)
    return Spec((*x.shape[:2], *size), x.dtype)


# the greatest value -----------------------------------------------------------------------------------------------
@op(outputs=("out", "indices"))
def max_pool(xp, x, *, kernel_size, stride, padding, dilation, ceil_mode):
    """The greatest value of each window, NaN above all, and its index: (n, c, *size) -> (n, c, *out), (n, c, *out).

    Of equals the first. Indices are flat in the image's plane.
    """
    size = x.shape[2:]
    out = _pooled(size, kernel_size, stride, padding, dilation, ceil_mode)
    lowest = -xp.inf if is_float(x.dtype) else xp.iinfo(x.dtype).min
    x = padded(xp, x, padding, _end(size, out, kernel_size, stride, padding, dilation), lowest)
    greatest = xp.full((*x.shape[:2], *out), lowest, x.dtype)
    indices = xp.broadcast_to(_first_index(xp, size, out, stride, padding, dilation), greatest.shape).copy()
    for place, met in taps(kernel_size, stride, dilation, out):
        values, index = x[met], _flat_index(xp, place, size, out, stride, padding, dilation)
        wins = (values > greatest) | (values != values) & (greatest == greatest)
        greatest = xp.where(wins, values, greatest)
        indices = xp.where(wins, index, indices)
    return greatest, indices


def _flat_index(xp, place, size, out, stride, padding, dilation):
    """Per window, (*out), the index in the plane of the value that this place of the kernel meets."""
    index = 0
    for i, n, o, s, p, d in zip(place, size, out, stride, padding, dilation, strict=True):
        along = xp.arange(o, dtype="int64") * s - p + i * d
        index = (index * n)[..., None] + along if not isinstance(index, int) else along
    return index


def _first_index(xp, size, out, stride, padding, dilation):
    """Per window the index of its first value that is no padding: the greatest while all are minus infinity."""
    index = 0
    for n, o, s, p, d in zip(size, out, stride, padding, dilation, strict=True):
        start = xp.arange(o, dtype="int64") * s - p
        first = xp.minimum(xp.where(start < 0, start + -(start // d) * d, start), n - 1)
        index = (index * n)[..., None] + first if not isinstance(index, int) else first
    return index


@max_pool.spec
def max_pool_spec(x, *, kernel_size, stride, padding, dilation, ceil_mode):
    out = _pool_spec("max_pool", x, kernel_size, stride, padding, dilation, ceil_mode)
    for n, k, s, p, d in zip(x.shape[2:], kernel_size, stride, padding, dilation, strict=True):
        starts = () if isinstance(n, Dim) else range(-p, 0, s)
        full = all(start + -(start // d) * d < n for start in starts)
        check(full, "max_pool needs a value of the image in each window", x=x, kernel_size=k, padding=p, dilation=d)
    return out, Spec(out.shape, result_dtype(0))


@max_pool.grad
def max_pool_grad(g, x_spec, indices):
    return max_unpool(g, indices, size=tuple(x_spec.shape[2:]))


def _planes(xp, indices, shape):
    """Flat indices into the whole array, from flat indices into its planes (n, c)."""
    n, c, *size = shape
    values = math.prod(size)
    if indices.size:
        low, high = int(indices.min()), int(indices.max())
        if low < 0 or high >= values:
            bad = low if low < 0 else high
            raise SpecError(f"pooling needs indices from 0 to {values - 1}, the values of a plane; got {bad}")
    starts = xp.arange(n * c, dtype="int64") * values
    return (indices.reshape(n * c, math.prod(indices.shape[2:])) + starts[:, None]).reshape(-1)


@op
def max_unpool(xp, y, indices, *, size):
    """Each value added at its index in its plane, zeros elsewhere: (n, c, *out), (n, c, *out) -> (n, c, *size)."""
    shape = (*y.shape[:2], *size)
    out = xp.zeros(math.prod(shape), y.dtype)
    add_at(xp, out, _planes(xp, indices, shape), y.reshape(-1))
    return out.reshape(shape)


def add_at(xp, out, indices, values):
    """Add values (m,) to out (n,) at their indices (m,), repeats and all, always in the same order."""
    if xp is np:
        np.add.at(out, indices, values)
    elif indices.size:  # a GPU's own addition takes any order: instead equal indices take turns
        order = xp.argsort(indices)
        ranked = indices[order]
        turn = xp.arange(ranked.size) - xp.searchsorted(ranked, ranked)
        for now in range(int(turn.max()) + 1):
            at = order[turn == now]
            out[indices[at]] += values[at]


@max_unpool.spec
def max_unpool_spec(y, indices, *, size):
    check_real_images("max_unpool", y)
    _check_indices("max_unpool", indices)
    check(y.shape == indices.shape, "max_unpool needs an index for each value", y=y, indices=indices)
    fine = isinstance(size, tuple | list) and len(size) == y.ndim - 2
    fine = fine and all(isinstance(n, int | Dim) for n in size) and all(isinstance(n, Dim) or n >= 0 for n in size)
    check(fine, "max_unpool needs size with a number for each image axis", y=y, size=size)
    return Spec((*y.shape[:2], *size), y.dtype)


def _check_indices(name, indices):
    whole = isinstance(indices, Spec) and indices.dtype.kind in "iu"
    check(whole, f"{name} needs whole numbers as indices", indices=indices)


@max_unpool.grad
def max_unpool_grad(g, indices):
    return max_pool_at(g, indices), None


@op
def max_pool_at(xp, x, indices):
    """The value at each index of its plane: (n, c, *size), (n, c, *out) -> (n, c, *out)."""
    return x.reshape(-1)[_planes(xp, indices, x.shape)].reshape(indices.shape)


@max_pool_at.spec
def max_pool_at_spec(x, indices):
    check_real_images("max_pool_at", x)
    _check_indices("max_pool_at", indices)
    fits = x.ndim == indices.ndim and x.shape[:2] == indices.shape[:2]
    check(fits, "max_pool_at needs indices (n, c, *out) for images (n, c, *size)", x=x, indices=indices)
    return Spec(indices.shape, x.dtype)


@max_pool_at.grad
def max_pool_at_grad(g, x_spec, indices):
    return max_unpool(g, indices, size=tuple(x_spec.shape[2:])), None


# the mean ---------------------------------------------------------------------------------------------------------
def _divisors(xp, size, out, kernel_size, stride, padding, count_include_pad, divisor_override, dtype):
    """What each window's sum is divided by, (*out): how many values it holds, or that number."""
    if divisor_override is not None:
        return divisor_override
    counts = xp.ones((), dtype)
    for n, o, k, s, p in zip(size, out, kernel_size, stride, padding, strict=True):
        start = xp.arange(o) * s - p
        end = xp.minimum(start + k, n + p)  # what lies beyond the padding never counts
        if not count_include_pad:
            start, end = xp.maximum(start, 0), xp.minimum(end, n)
        counts = counts[..., None] * (end - start).astype(dtype)
    return counts


def _ones(kernel_size):
    return (1,) * len(kernel_size)


@op
def avg_pool(xp, x, *, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    """The mean of each window, padding as zeros: (n, c, *size) -> (n, c, *out).

    count_include_pad says whether padding counts; divisor_override divides the sum by that number instead.
    """
    size, ones = x.shape[2:], _ones(kernel_size)
    out = _pooled(size, kernel_size, stride, padding, ones, ceil_mode)
    x = padded(xp, x, padding, _end(size, out, kernel_size, stride, padding, ones))
    total = xp.zeros((*x.shape[:2], *out), x.dtype)
    for _, met in taps(kernel_size, stride, ones, out):
        total += x[met]
    how = (size, out, kernel_size, stride, padding, count_include_pad, divisor_override)
    return total / _divisors(xp, *how, x.dtype)


@avg_pool.spec
def avg_pool_spec(x, *, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    return _avg_spec("avg_pool", x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _avg_spec(name, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    check_real_images(name, x)
    check(is_float(x.dtype), f"{name} needs floats", x=x)
    came = count_include_pad
    check(isinstance(came, bool), f"{name} needs count_include_pad as True or False", count_include_pad=came)
    came = divisor_override
    fine = came is None or (isinstance(came, int) and came != 0)
    check(fine, f"{name} needs divisor_override as a whole number but 0, or None", divisor_override=came)
    return _pool_spec(name, x, kernel_size, stride, padding, (1,) * (x.ndim - 2), ceil_mode)


@avg_pool.grad
def avg_pool_grad(g, x_spec, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    how = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    how |= {"count_include_pad": count_include_pad, "divisor_override": divisor_override}
    return avg_unpool(g, size=tuple(x_spec.shape[2:]), **how)


@op
def avg_unpool(xp, y, *, size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    """Each value divided evenly over its window, the gradient of avg_pool: (n, c, *out) -> (n, c, *size)."""
    out, ones = y.shape[2:], _ones(kernel_size)
    how = (size, out, kernel_size, stride, padding, count_include_pad, divisor_override)
    y = y / _divisors(xp, *how, y.dtype)
    ends = _end(size, out, kernel_size, stride, padding, ones)
    sizes = (b + n + a for b, n, a in zip(padding, size, ends, strict=True))
    images = xp.zeros((*y.shape[:2], *sizes), y.dtype)
    for _, met in taps(kernel_size, stride, ones, out):
        images[met] += y
    return xp.ascontiguousarray(images[inside(padding, size)])


@avg_unpool.spec
def avg_unpool_spec(y, *, size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    check_real_images("avg_unpool", y)
    images = Spec((*y.shape[:2], *size), y.dtype)
    how = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    out = _avg_spec("avg_unpool", images, *how)
    check(y.shape == out.shape, "avg_unpool needs one value for each window", y=y, images=images)
    return images


@avg_unpool.grad
def avg_unpool_grad(g, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    how = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    return avg_pool(g, **how, count_include_pad=count_include_pad, divisor_override=divisor_override)
