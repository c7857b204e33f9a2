"""Adaptive pooling: windows laid evenly over images (n, c, *size), so that they give an output size.

Output i of m is made of the values from floor(i*n/m) to ceil((i+1)*n/m): they cover all, and may overlap by one.
"""

from __future__ import annotations

import itertools
import math

from shared_ops.dim import Dim
from shared_ops.op import op
from shared_ops.pool import check_real_images, max_unpool
from shared_ops.spec import Spec, check, is_float, result_dtype


def _shares(size, out):
    """Per output the first and the end of the values that it is made of."""
    return [(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]


def _adaptive_spec(name, x, output_size):
    check_real_images(name, x)
    fine = isinstance(output_size, tuple | list) and len(output_size) == x.ndim - 2
    fine = fine and all(isinstance(n, Dim) or (isinstance(n, int) and n > 0) for n in output_size)
    check(fine, f"{name} needs output_size with a number of at least 1 for each image axis", output_size=output_size)
    fits = all(isinstance(n, Dim) or n > 0 for n in x.shape[2:])
    check(fits, f"{name} needs images with values", x=x)
    return Spec((*x.shape[:2], *output_size), x.dtype)


@op
def adaptive_avg_pool(xp, x, *, output_size):
    """The means of evenly laid windows that give an output size: (n, c, *size) -> (n, c, *output_size)."""
    for axis, out in enumerate(output_size, start=2):
        before = (slice(None),) * axis
        means = [x[(*before, slice(a, b))].mean(axis=axis, dtype=x.dtype) for a, b in _shares(x.shape[axis], out)]
        x = xp.stack(means, axis=axis)
    return x


@adaptive_avg_pool.spec
def adaptive_avg_pool_spec(x, *, output_size):
    check_real_images("adaptive_avg_pool", x)
    check(is_float(x.dtype), "adaptive_avg_pool needs floats", x=x)
    return _adaptive_spec("adaptive_avg_pool", x, output_size)


@adaptive_avg_pool.grad
def adaptive_avg_pool_grad(g, x_spec):
    return adaptive_avg_unpool(g, size=tuple(x_spec.shape[2:]))


@op
def adaptive_avg_unpool(xp, y, *, size):
    """Each value divided evenly over its window, the gradient of adaptive_avg_pool: (n, c, *out) -> (n, c, *size)."""
    for axis, n in enumerate(size, start=2):
        out = xp.zeros((*y.shape[:axis], n, *y.shape[axis + 1 :]), y.dtype)
        before = (slice(None),) * axis
        for i, (a, b) in enumerate(_shares(n, y.shape[axis])):
            out[(*before, slice(a, b))] += y[(*before, slice(i, i + 1))] / (b - a)
        y = out
    return y


@adaptive_avg_unpool.spec
def adaptive_avg_unpool_spec(y, *, size):
    check_real_images("adaptive_avg_unpool", y)
    images = Spec((*y.shape[:2], *size), y.dtype)
    adaptive_avg_pool_spec(images, output_size=tuple(y.shape[2:]))
    return images


@adaptive_avg_unpool.grad
def adaptive_avg_unpool_grad(g, y_spec):
    return adaptive_avg_pool(g, output_size=tuple(y_spec.shape[2:]))


@op(outputs=("out", "indices"))
def adaptive_max_pool(xp, x, *, output_size):
    """The greatest values of evenly laid windows: (n, c, *size) -> (n, c, *output_size); and their indices, flat."""
    n, c, *size = x.shape
    greatest = xp.empty((n, c, *output_size), x.dtype)
    indices = xp.empty(greatest.shape, "int64")
    shares = [_shares(*axis) for axis in zip(size, output_size, strict=True)]
    for place in itertools.product(*map(range, output_size)):
        window = tuple(slice(*share[i]) for share, i in zip(shares, place, strict=True))
        values = x[(..., *window)].reshape(n, c, math.prod(w.stop - w.start for w in window))
        chosen = values.argmax(axis=-1)
        flat = 0
        for at, w, m in zip(_unravel(chosen, window), window, size, strict=True):
            flat = flat * m + at + w.start
        greatest[(..., *place)] = xp.take_along_axis(values, chosen[..., None], axis=-1)[..., 0]
        indices[(..., *place)] = flat
    return greatest, indices


def _unravel(flat, window):
    """Flat places in a window as one for each of its axes."""
    places = []
    for w in reversed(window):
        places.append(flat % (w.stop - w.start))
        flat = flat // (w.stop - w.start)
    return reversed(places)


@adaptive_max_pool.spec
def adaptive_max_pool_spec(x, *, output_size):
    out = _adaptive_spec("adaptive_max_pool", x, output_size)
    return out, Spec(out.shape, result_dtype(0))


@adaptive_max_pool.grad
def adaptive_max_pool_grad(g, x_spec, indices):
    return max_unpool(g, indices, size=tuple(x_spec.shape[2:]))
