"""Orders: sorted values and where they stood, the greatest few, the middle one, and the different ones."""

from __future__ import annotations

import numpy as np

from shared_ops.dim import Dim
from shared_ops.gather import gather_add
from shared_ops.op import op
from shared_ops.reduce import chosen, chosen_grad, chosen_spec
from shared_ops.shape import reshape
from shared_ops.spec import Spec, SpecError, axes_of, check


def _order(xp, x, axis, descending):
    """Where the sorted values stand; equal ones keep their order, NaN counts as the greatest."""
    if not descending:
        return xp.argsort(x, axis=axis, kind="stable")
    backwards = xp.flip(x, axis)
    return xp.flip(x.shape[axis] - 1 - xp.argsort(backwards, axis=axis, kind="stable"), axis)


def _along(name, x, axis):
    check(isinstance(axis, int), f"{name} works along one axis", axis=axis)
    check(x.ndim > 0, f"{name} needs an axis to work along", x=x)
    axes_of(axis, x.ndim, name)


@op(outputs=("out", "indices"))
def sort(xp, x, *, axis=-1, descending=False):
    """The values in order along an axis, and where each stood: stable, NaN as the greatest."""
    order = _order(xp, x, axis, descending)
    return xp.take_along_axis(x, order, axis=axis), order


@sort.spec
def sort_spec(x, *, axis=-1, descending=False):
    _along("sort", x, axis)
    return x, Spec(x.shape, np.dtype(np.int64))


@op
def argsort(xp, x, *, axis=-1, descending=False):
    """Where the values in order stand along an axis: stable, NaN as the greatest."""
    return _order(xp, x, axis, descending)


@argsort.spec
def argsort_spec(x, *, axis=-1, descending=False):
    _along("argsort", x, axis)
    return Spec(x.shape, np.dtype(np.int64))


@op(outputs=("out", "indices"))
def topk(xp, x, *, k, axis=-1, largest=True):
    """The k greatest values along an axis, or the least, in order, and where each stood."""
    first = (slice(None),) * (axis % x.ndim) + (slice(0, k),)
    order = _order(xp, x, axis, largest)[first]
    return xp.take_along_axis(x, order, axis=axis), order


@topk.spec
def topk_spec(x, *, k, axis=-1, largest=True):
    _along("topk", x, axis)
    size = x.shape[axis]
    fits = isinstance(k, int) and k >= 0 and (isinstance(size, Dim) or k <= size)
    check(fits, "topk needs k from 0 to the size of the axis", k=k, x=x, axis=axis)
    axis = axis % x.ndim
    shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    return Spec(shape, x.dtype), Spec(shape, np.dtype(np.int64))


@sort.grad
@topk.grad
def ordered_grad(g, indices, x_spec, axis):
    """Back to where the values stood."""
    return gather_add(g, indices, shape=x_spec.shape, axis=axis)


@op(outputs=("out", "indices"))
def median(xp, x, *, axis, keepdim=False):
    """The middle value along an axis, the lower of two, and where it stands; NaN if there is one."""
    order = _order(xp, x, axis, False)
    middle = (slice(None),) * (axis % x.ndim)
    place = order[(*middle, slice((x.shape[axis] - 1) // 2, (x.shape[axis] - 1) // 2 + 1))]
    if x.dtype.kind == "f":
        missing = xp.isnan(x)
        first_missing = xp.argmax(missing, axis=axis, keepdims=True)
        place = xp.where(missing.any(axis=axis, keepdims=True), first_missing, place)
    return chosen(xp, x, place, axis, keepdim)


@median.spec
def median_spec(x, *, axis, keepdim=False):
    return chosen_spec("median", x, axis, keepdim)


median.grad(chosen_grad)


def median_of_all(x):
    """The middle of all values, the lower of two."""
    return median(reshape(x, shape=(-1,)), axis=0)[0]


def unique(x, return_inverse=False, return_counts=False):
    """The different values in order; if asked, where each value stands among them, and how often each comes.

    How many there are is known only from the values, so a graph has no unique: SpecError.
    """
    if getattr(x, "world", "") == "production":
        raise SpecError("unique gives as many values as are different, which a graph cannot know beforehand")
    array = getattr(x, "array", x)
    values, inverse, counts = np.unique(array, return_inverse=True, return_counts=True, equal_nan=False)
    wrapped = [type(x)(a) if hasattr(x, "array") else a for a in (values, inverse.reshape(array.shape), counts)]
    asked = [wrapped[0], *([wrapped[1]] if return_inverse else []), *([wrapped[2]] if return_counts else [])]
    return tuple(asked) if len(asked) > 1 else asked[0]
