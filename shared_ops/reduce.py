"""Reductions: many values to one, along some axes or all."""

from __future__ import annotations

import math

import numpy as np

from shared_ops.elementwise import cast, div, eq
from shared_ops.op import op
from shared_ops.shape import expand, reshape
from shared_ops.spec import Spec, axes_of, check, float_dtype, reduced_shape


def _spread(g, x_spec, axis, keepdim):
    """g, one value a group, given back to every member of its group."""
    if not keepdim:
        g = reshape(g, shape=reduced_shape(x_spec.shape, axes_of(axis, x_spec.ndim, "sum"), keepdim=True))
    return expand(g, shape=x_spec.shape)


def _count(x_spec, axis):
    return math.prod(x_spec.shape[a] for a in axes_of(axis, x_spec.ndim, "mean"))


def _check_some(name, x, axis):
    """An extreme of nothing is no number."""
    empty = any(x.shape[a] == 0 for a in axes_of(axis, x.ndim, name))
    check(not empty, f"{name} needs at least one value to choose from", x=x, axis=axis)


def _reduced(name, x, axis, keepdim, dtype):
    return Spec(reduced_shape(x.shape, axes_of(axis, x.ndim, name), keepdim), np.dtype(dtype))


@op
def sum(xp, x, *, axis=None, keepdim=False):
    """Sum over the axes; booleans and integers give int64."""
    return xp.sum(x, axis=axis, keepdims=keepdim, dtype=np.int64 if x.dtype.kind in "biu" else x.dtype)


@sum.spec
def sum_spec(x, *, axis=None, keepdim=False):
    return _reduced("sum", x, axis, keepdim, np.int64 if x.dtype.kind in "biu" else x.dtype)


@sum.grad
def sum_grad(g, x_spec, axis, keepdim):
    return _spread(g, x_spec, axis, keepdim)


@op
def mean(xp, x, *, axis=None, keepdim=False):
    """Mean over the axes; integers give float32."""
    dtype = float_dtype(Spec(x.shape, np.dtype(x.dtype)))
    return xp.mean(x, axis=axis, keepdims=keepdim, dtype=dtype)


@mean.spec
def mean_spec(x, *, axis=None, keepdim=False):
    return _reduced("mean", x, axis, keepdim, float_dtype(x))


@mean.grad
def mean_grad(g, x_spec, axis, keepdim):
    return _spread(div(g, _count(x_spec, axis)), x_spec, axis, keepdim)


@op
def amax(xp, x, *, axis=None, keepdim=False):
    """The greatest value along the axes."""
    return xp.amax(x, axis=axis, keepdims=keepdim)


@amax.spec
def amax_spec(x, *, axis=None, keepdim=False):
    _check_some("amax", x, axis)
    return _reduced("amax", x, axis, keepdim, x.dtype)


@op
def amin(xp, x, *, axis=None, keepdim=False):
    """The least value along the axes."""
    return xp.amin(x, axis=axis, keepdims=keepdim)


@amin.spec
def amin_spec(x, *, axis=None, keepdim=False):
    _check_some("amin", x, axis)
    return _reduced("amin", x, axis, keepdim, x.dtype)


@amax.grad
@amin.grad
def extreme_grad(g, x, out, axis, keepdim):
    """To every value that equals the extreme, in equal parts, as PyTorch's amax does."""
    shape = reduced_shape(x.shape, axes_of(axis, len(x.shape), "amax"), keepdim=True)
    chosen = cast(eq(x, reshape(out, shape=shape)), dtype=x.dtype.name)
    return reshape(g, shape=shape) * div(chosen, sum(chosen, axis=axis, keepdim=True))


@op
def argmax(xp, x, *, axis=None, keepdim=False):
    """Where the greatest value stands along one axis, or in the flattened array; the first of several."""
    return xp.argmax(x, axis=axis, keepdims=keepdim)


@argmax.spec
def argmax_spec(x, *, axis=None, keepdim=False):
    check(axis is None or isinstance(axis, int), "argmax works along one axis", axis=axis)
    _check_some("argmax", x, axis)
    return _reduced("argmax", x, axis, keepdim, np.int64)
