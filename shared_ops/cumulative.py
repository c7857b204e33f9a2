"""Running sums and products along an axis."""

from __future__ import annotations

import numpy as np

from shared_ops.arrange import flip
from shared_ops.elementwise import where
from shared_ops.op import op
from shared_ops.reduce import sum
from shared_ops.shape import expand, transpose, unsqueeze
from shared_ops.spec import Spec, axes_of, check


def _running_spec(name, x, axis):
    check(isinstance(axis, int), f"{name} works along one axis", axis=axis)
    check(x.ndim > 0, f"{name} needs an axis to run along", x=x)
    axes_of(axis, x.ndim, name)
    return Spec(x.shape, np.dtype(np.int64) if x.dtype.kind in "biu" else x.dtype)


def _grown(x):
    return np.int64 if x.dtype.kind in "biu" else x.dtype


@op
def cumsum(xp, x, *, axis):
    """The sum of each value and those before it along an axis; integers give int64."""
    return xp.cumsum(x, axis=axis, dtype=_grown(x))


@cumsum.spec
def cumsum_spec(x, *, axis):
    return _running_spec("cumsum", x, axis)


@cumsum.grad
def cumsum_grad(g, axis):
    return flip(cumsum(flip(g, axis=(axis,)), axis=axis), axis=(axis,))


@op
def cumprod(xp, x, *, axis):
    """The product of each value and those before it along an axis; integers give int64."""
    return xp.cumprod(x, axis=axis, dtype=_grown(x))


@cumprod.spec
def cumprod_spec(x, *, axis):
    return _running_spec("cumprod", x, axis)


@cumprod.grad
def cumprod_grad(g, x, axis):
    """Of n values along the axis, by n * n products that leave one out each: zeros do no harm."""
    g, x = transpose(g, axis, -1), transpose(x, axis, -1)
    n = x.shape[-1]
    square = (*x.shape, n)
    rows = expand(unsqueeze(x, -2), shape=square)  # [..., i, j] = x[j]
    left_out = where(_same_place(n), 1, rows)
    products = where(_not_before(n), cumprod(left_out, axis=-1), 0)  # [..., i, k]: of all up to k but i
    slope = sum(expand(unsqueeze(g, -2), shape=square) * products, axis=-1)
    return transpose(slope, axis, -1)


def _same_place(n):
    return np.eye(n, dtype=bool)


def _not_before(n):
    """[i, k]: whether k is i or comes after it."""
    return np.tri(n, dtype=bool).T
