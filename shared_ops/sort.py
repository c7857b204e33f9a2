"""Orders: sorted values and where they stood, the greatest few, the middle one, and the different ones."""

from __future__ import annotations

import numpy as np

from shared_ops.device import array_module
from shared_ops.dim import Dim
from shared_ops.elementwise import cast, div, eq
from shared_ops.gather import gather_add
from shared_ops.op import op
from shared_ops.reduce import along_one, check_some, chosen, chosen_grad, chosen_spec, sum
from shared_ops.spec import Spec, SpecError, check, kind_of

INT64 = np.dtype(np.int64)


def _order(xp, x, axis, descending):
    """Where the sorted values stand; equal ones keep their order, NaN counts as the greatest."""
    if not descending:
        return xp.argsort(x, axis=axis, kind="stable")
    backwards = xp.flip(x, axis)
    return xp.flip(x.shape[axis] - 1 - xp.argsort(backwards, axis=axis, kind="stable"), axis)


@op(outputs=("out", "indices"))
def sort(xp, x, *, axis=-1, descending=False):
    """The values in order along an axis, and where each stood: stable, NaN as the greatest."""
    order = _order(xp, x, axis, descending)
    return xp.take_along_axis(x, order, axis=axis), order


@sort.spec
def sort_spec(x, *, axis=-1, descending=False):
    _check_order("sort", x, axis, descending=descending)
    return x, Spec(x.shape, INT64)


@op
def argsort(xp, x, *, axis=-1, descending=False):
    """Where the values in order stand along an axis: stable, NaN as the greatest."""
    return _order(xp, x, axis, descending)


@argsort.spec
def argsort_spec(x, *, axis=-1, descending=False):
    _check_order("argsort", x, axis, descending=descending)
    return Spec(x.shape, INT64)


@op(outputs=("out", "indices"))
def topk(xp, x, *, k, axis=-1, largest=True, sorted=True):
    """The k greatest values along an axis, or the least, and where each stood; in order, whether asked or not."""
    first = (slice(None),) * (axis % x.ndim) + (slice(0, k),)
    order = _order(xp, x, axis, largest)[first]
    return xp.take_along_axis(x, order, axis=axis), order


@topk.spec
def topk_spec(x, *, k, axis=-1, largest=True, sorted=True):
    _check_order("topk", x, axis, largest=largest, sorted=sorted)
    size = x.shape[axis]
    fits = isinstance(k, int) and not isinstance(k, bool) and k >= 0 and (isinstance(size, Dim) or k <= size)
    check(fits, "topk needs k from 0 to the size of the axis", k=k, x=x, axis=axis)
    axis = axis % x.ndim
    shape = (*x.shape[:axis], k, *x.shape[axis + 1 :])
    return Spec(shape, x.dtype), Spec(shape, INT64)


def _check_order(name, x, axis, **settings):
    along_one(name, x, axis)
    for setting, value in settings.items():
        check(value in (False, True), f"{name} needs {setting} to be True or False", **{setting: value})


@sort.grad
@topk.grad
def ordered_grad(g, indices, x_spec, axis):
    """Back to where the values stood."""
    return gather_add(g, indices, shape=x_spec.shape, axis=axis)


def _middle(xp, x, axis):
    """The middle value along an axis, the lower of two, and NaN if there is one."""
    at = (x.shape[axis] - 1) // 2
    value = xp.take(xp.partition(x, at, axis=axis), xp.asarray([at]), axis=axis)
    if x.dtype.kind != "f":
        return value
    return xp.where(xp.isnan(x).any(axis=axis, keepdims=True), xp.asarray(np.nan, x.dtype), value)


@op(outputs=("out", "indices"))
def median(xp, x, *, axis, keepdim=False):
    """The middle value along an axis, the lower of two, and where the first such stands; NaN if there is one."""
    value = _middle(xp, x, axis)
    place = xp.argmax((x == value) | (x != x), axis=axis, keepdims=True)
    return chosen(xp, x, place, axis, keepdim)


@median.spec
def median_spec(x, *, axis, keepdim=False):
    return chosen_spec("median", x, axis, keepdim)


median.grad(chosen_grad)


@op
def median_of_all(xp, x):
    """The middle one of all values, the lower of two; NaN if there is one."""
    return xp.reshape(_middle(xp, xp.reshape(x, -1), 0), ())


@median_of_all.spec
def median_of_all_spec(x):
    check_some("median_of_all", x, None)
    return Spec((), x.dtype)


@median_of_all.grad
def median_of_all_grad(g, x, out):
    """To every value that equals it, in equal parts, as PyTorch's median without an axis does."""
    same = cast(eq(x, out), dtype=x.dtype.name)
    return g * div(same, sum(same))


def unique(x, return_inverse=False, return_counts=False, dim=None):
    """The different values in order; if asked, where each value stands among them, and how often each comes.

    With `dim`, the different slices along that axis. How many there are is known only from the values, so a graph has
    no unique: SpecError.
    """
    if getattr(x, "world", "") == "production":
        raise SpecError("unique gives as many values as are different, which a graph cannot know beforehand")
    array = getattr(x, "array", x)
    if dim is not None:
        along_one("unique", Spec(tuple(array.shape), array.dtype), dim)
    values, inverse, counts = _different(array_module([array]), array, dim)
    inverse = inverse.reshape(array.shape if dim is None else -1)
    results = [values, *[inverse] * bool(return_inverse), *[counts] * bool(return_counts)]
    wrapped = [type(x)(a) if array is not x else a for a in results]
    return tuple(wrapped) if len(wrapped) > 1 else wrapped[0]


def _different(xp, array, axis):
    how = {"return_inverse": True, "return_counts": True, "axis": axis, "equal_nan": False}
    if kind_of(array.dtype) == array.dtype.kind:
        return xp.unique(array, **how)
    values, inverse, counts = xp.unique(array.astype(np.float32), **how)  # NumPy does not sort bfloat16
    return values.astype(array.dtype), inverse, counts
