"""Reductions: many values to one, along some axes or all."""

from __future__ import annotations

import math

import numpy as np

from shared_ops.dim import Dim
from shared_ops.elementwise import cast, div, eq
from shared_ops.gather import gather_add
from shared_ops.op import op
from shared_ops.shape import expand, reshape, unsqueeze
from shared_ops.spec import Spec, axes_of, check, float_dtype, one_array, reduced_shape, spec_of


def axes_along(name, x, axis):
    """The axes that a reduction works on. One number without axes may be reduced along axis 0, as in PyTorch."""
    if one_array(x).ndim == 0 and type(axis) is int and axis in (0, -1):
        return ()
    return axes_of(axis, x.ndim, name)


def spread(g, x_spec, axis, keepdim):
    """g, one value a group, given back to every member of its group."""
    if not keepdim:
        g = reshape(g, shape=reduced_shape(x_spec.shape, axes_along("sum", x_spec, axis), keepdim=True))
    return expand(g, shape=x_spec.shape)


def count_of(x_spec, axis):
    """How many values each group has."""
    return math.prod(x_spec.shape[a] for a in axes_along("mean", x_spec, axis))


def check_some(name, x, axis):
    """An extreme of nothing is no number."""
    empty = [a for a in axes_along(name, x, axis) if not isinstance(x.shape[a], Dim) and x.shape[a] == 0]
    check(not empty, f"{name} needs at least one value to choose from", x=x, axis=axis)


def reduced_spec(name, x, axis, keepdim, dtype):
    """A reduction's result of some dtype."""
    axes = axes_along(name, x, axis)
    check(keepdim in (False, True), f"{name} needs keepdim to be True or False", keepdim=keepdim)
    return Spec(reduced_shape(x.shape, axes, keepdim), np.dtype(dtype))


def grown(x):
    """The dtype of a sum or product of x's values: whole numbers grow to int64."""
    return np.dtype(np.int64) if x.dtype.kind in "biu" else x.dtype


@op
def sum(xp, x, *, axis=None, keepdim=False):
    """Sum over the axes; booleans and integers give int64."""
    return xp.sum(x, axis=axis, keepdims=keepdim, dtype=grown(x))


@sum.spec
def sum_spec(x, *, axis=None, keepdim=False):
    return reduced_spec("sum", x, axis, keepdim, grown(one_array(x)))


@sum.grad
def sum_grad(g, x_spec, axis, keepdim):
    return spread(g, x_spec, axis, keepdim)


@op
def mean(xp, x, *, axis=None, keepdim=False):
    """Mean over the axes; integers give float32, and no values at all NaN."""
    spec = spec_of(x)
    total = xp.sum(x, axis=axis, keepdims=keepdim, dtype=float_dtype(spec))
    with np.errstate(invalid="ignore"):
        return xp.divide(total, xp.asarray(count_of(spec, axis), total.dtype))


@mean.spec
def mean_spec(x, *, axis=None, keepdim=False):
    return reduced_spec("mean", x, axis, keepdim, float_dtype(one_array(x)))


@mean.grad
def mean_grad(g, x_spec, axis, keepdim):
    count = count_of(x_spec, axis)
    return spread(div(g, count if isinstance(count, Dim) or count else 1), x_spec, axis, keepdim)


@op
def amax(xp, x, *, axis=None, keepdim=False):
    """The greatest value along the axes."""
    return xp.amax(x, axis=axis, keepdims=keepdim)


@amax.spec
def amax_spec(x, *, axis=None, keepdim=False):
    check_some("amax", x, axis)
    return reduced_spec("amax", x, axis, keepdim, x.dtype)


@op
def amin(xp, x, *, axis=None, keepdim=False):
    """The least value along the axes."""
    return xp.amin(x, axis=axis, keepdims=keepdim)


@amin.spec
def amin_spec(x, *, axis=None, keepdim=False):
    check_some("amin", x, axis)
    return reduced_spec("amin", x, axis, keepdim, x.dtype)


@amax.grad
@amin.grad
def extreme_grad(g, x, x_spec, out, axis):
    """To every value that equals the extreme, in equal parts, as PyTorch's amax does."""
    shape = reduced_shape(x_spec.shape, axes_along("amax", x_spec, axis), keepdim=True)
    chosen = cast(eq(x, reshape(out, shape=shape)), dtype=x.dtype.name)
    return reshape(g, shape=shape) * div(chosen, sum(chosen, axis=axis, keepdim=True))


def _one_axis(name, x, axis):
    check(axis is None or isinstance(axis, int), f"{name} works along one axis", axis=axis)
    check_some(name, x, axis)


@op
def argmax(xp, x, *, axis=None, keepdim=False):
    """Where the greatest value stands along one axis, or in the flattened array; the first of several; NaN is it."""
    return xp.argmax(x, axis=axis, keepdims=keepdim)


@argmax.spec
def argmax_spec(x, *, axis=None, keepdim=False):
    _one_axis("argmax", x, axis)
    return reduced_spec("argmax", x, axis, keepdim, np.int64)


@op
def argmin(xp, x, *, axis=None, keepdim=False):
    """Where the least value stands along one axis, or in the flattened array; the first of several; NaN is it."""
    return xp.argmin(x, axis=axis, keepdims=keepdim)


@argmin.spec
def argmin_spec(x, *, axis=None, keepdim=False):
    _one_axis("argmin", x, axis)
    return reduced_spec("argmin", x, axis, keepdim, np.int64)


def chosen(xp, x, places, axis, keepdim):
    """The values at one place along an axis, and the places."""
    values = xp.take_along_axis(x, places, axis=axis)
    return (values, places) if keepdim else (values.squeeze(axis), places.squeeze(axis))


def along_one(name, x, axis):
    """Refuse all but one of x's axes."""
    check(isinstance(axis, int), f"{name} works along one axis", axis=axis)
    check(one_array(x).ndim > 0, f"{name} needs an axis to work along", x=x)
    axes_of(axis, x.ndim, name)


def chosen_spec(name, x, axis, keepdim):
    """What `chosen` gives; axis is one of x's, and not empty."""
    along_one(name, x, axis)
    check_some(name, x, axis)
    return reduced_spec(name, x, axis, keepdim, x.dtype), reduced_spec(name, x, axis, keepdim, np.int64)


@op(outputs=("out", "indices"))
def max(xp, x, *, axis, keepdim=False):
    """The greatest value along an axis, and where the first of them stands; NaN is the greatest."""
    return chosen(xp, x, xp.argmax(x, axis=axis, keepdims=True), axis, keepdim)


@max.spec
def max_spec(x, *, axis, keepdim=False):
    return chosen_spec("max", x, axis, keepdim)


@op(outputs=("out", "indices"))
def min(xp, x, *, axis, keepdim=False):
    """The least value along an axis, and where the first of them stands; NaN is the least."""
    return chosen(xp, x, xp.argmin(x, axis=axis, keepdims=True), axis, keepdim)


@min.spec
def min_spec(x, *, axis, keepdim=False):
    return chosen_spec("min", x, axis, keepdim)


@max.grad
@min.grad
def chosen_grad(g, indices, x_spec, axis, keepdim):
    """To the chosen value alone."""
    if not keepdim:
        g, indices = unsqueeze(g, axis), unsqueeze(indices, axis)
    return gather_add(g, indices, shape=x_spec.shape, axis=axis)


# of truth values ----------------------------------------------------------------------------------------------------
@op
def any(xp, x, *, axis=None, keepdim=False):
    """Whether some value along the axes is not 0."""
    return xp.any(x, axis=axis, keepdims=keepdim)


@any.spec
def any_spec(x, *, axis=None, keepdim=False):
    return reduced_spec("any", x, axis, keepdim, np.bool_)


@op
def all(xp, x, *, axis=None, keepdim=False):
    """Whether no value along the axes is 0."""
    return xp.all(x, axis=axis, keepdims=keepdim)


@all.spec
def all_spec(x, *, axis=None, keepdim=False):
    return reduced_spec("all", x, axis, keepdim, np.bool_)


@op
def count_nonzero(xp, x, *, axis=None, keepdim=False):
    """How many values along the axes are not 0."""
    return xp.asarray(xp.sum(x != 0, axis=axis, keepdims=keepdim, dtype=np.int64))


@count_nonzero.spec
def count_nonzero_spec(x, *, axis=None, keepdim=False):
    return reduced_spec("count_nonzero", x, axis, keepdim, np.int64)
