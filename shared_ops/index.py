"""Index: parts of an array, by slice or by integers, and the way back."""

from __future__ import annotations

from shared_ops.dim import Dim
from shared_ops.op import op
from shared_ops.spec import Spec, SpecError, broadcast_shape, check, dtype_named


def _normal(index):
    return index if isinstance(index, tuple) else (index,)


@op
def getitem(xp, x, *, index):
    """x[index] for whole numbers, slices, None and `...`: a view."""
    return x[index]


@getitem.spec
def getitem_spec(x, *, index):
    index = list(_normal(index))
    _check_entries(index)
    named = sum(i is not None and i is not Ellipsis for i in index)
    check(named <= x.ndim, "an index has at most one entry for each axis", x=x, index=index)
    if not any(i is Ellipsis for i in index):
        index.append(Ellipsis)
    at = next(k for k, i in enumerate(index) if i is Ellipsis)
    index[at : at + 1] = [slice(None)] * (x.ndim - named)
    shape, sizes = [], iter(x.shape)
    for i in index:
        if i is None:
            shape.append(1)
        elif isinstance(i, slice):
            shape.append(_sliced(next(sizes), i))
        else:
            n = next(sizes)
            if not isinstance(n, Dim) and not -n <= i < n:
                raise SpecError(f"getitem: index {i} is out of range for an axis of size {n}; got x: {x}")
    return Spec(tuple(shape), x.dtype)


def _sliced(n, s):
    """How many values a slice takes out of n.

    Of an unknown size only what is sure can be said: `[a:]`, `[:-k]` and slices between unknown sizes, which are
    taken to lie inside. Raises SpecError for the rest, whose count depends on the size.
    """
    if s == slice(None):
        return n
    if not any(isinstance(v, Dim) for v in (n, s.start, s.stop)):
        return len(range(*s.indices(n)))
    start = 0 if s.start is None else s.start
    stop = n if s.stop is None else n + s.stop if isinstance(s.stop, int) and s.stop < 0 else s.stop
    known = (isinstance(stop, int) and isinstance(n, Dim)) or (isinstance(start, int) and start < 0)
    if known or s.step not in (None, 1):
        raise SpecError(
            f"a slice [{s.start}:{s.stop}:{s.step}] of an axis of unknown size {n} has no size that is sure"
        )
    return stop - start


def _check_entries(index):
    check(sum(i is Ellipsis for i in index) <= 1, "an index has at most one ...", index=index)
    for i in index:
        parts = (i.start, i.stop, i.step) if isinstance(i, slice) else (i,)
        fine = all(p is None or p is Ellipsis or isinstance(p, int | Dim) for p in parts)
        check(fine and not (isinstance(i, slice) and i.step == 0), "an index is whole numbers and slices", index=index)


@getitem.grad
def getitem_grad(g, x_spec, index):
    return put(g, shape=x_spec.shape, index=index)


@op
def put(xp, x, *, shape, index):
    """Zeros of a shape, with x at an index: the gradient of getitem."""
    out = xp.zeros(shape, x.dtype)
    out[index] = x
    return out


@put.spec
def put_spec(x, *, shape, index):
    part = getitem_spec(Spec(tuple(shape), x.dtype), index=index)
    check(part.shape == x.shape, "put needs x to have the shape of the part it fills", x=x, part=part)
    return Spec(tuple(shape), x.dtype)


@put.grad
def put_grad(g, index):
    return getitem(g, index=index)


@op
def take(xp, x, *indices):
    """x[i], x[i, j], …: rows, or entries, chosen by arrays of whole numbers: (n, d), (m,) -> (m, d)."""
    return x[_in_range(xp, indices, x.shape)]


def _in_range(xp, indices, shape):
    for axis, (i, n) in enumerate(zip(indices, shape, strict=False)):
        if i.dtype.kind != "b" and i.size and not (-n <= int(i.min()) and int(i.max()) < n):
            bad = i[(i < -n) | (i >= n)].reshape(-1)[0]
            raise SpecError(f"take: index {bad} is out of range for axis {axis}, which has {n} entries")
    return indices


@take.spec
def take_spec(x, *indices):
    check(0 < len(indices) <= x.ndim, "take needs between one index and one for each axis", x=x, indices=indices)
    for i in indices:
        check(i.dtype.kind in "iu", "take needs whole numbers as indices", index=i)
    return Spec((*broadcast_shape(*(i.shape for i in indices)), *x.shape[len(indices) :]), x.dtype)


@take.grad
def take_grad(g, x_spec, indices):
    return take_add(g, *indices, shape=x_spec.shape), *[None] * len(indices)


@op
def take_add(xp, x, *indices, shape):
    """Zeros of a shape, with x added at the indices, repeats and all: the gradient of take."""
    out = xp.zeros(shape, x.dtype)
    xp.add.at(out, _in_range(xp, indices, shape), x)
    return out


@take_add.spec
def take_add_spec(x, *indices, shape):
    part = take_spec(Spec(tuple(shape), x.dtype), *indices)
    check(part.shape == x.shape, "take_add needs x to have the shape of the part it adds to", x=x, part=part)
    return Spec(tuple(shape), x.dtype)


@take_add.grad
def take_add_grad(g, indices):
    return take(g, *indices), *[None] * len(indices)


@op
def one_hot(xp, labels, *, num_classes, dtype="int64"):
    """A 1 at each label: (...,) int -> (..., num_classes)."""
    return (labels[..., None] == xp.arange(num_classes)).astype(dtype)


@one_hot.spec
def one_hot_spec(labels, *, num_classes, dtype="int64"):
    check(labels.dtype.kind in "iu", "one_hot needs whole numbers", labels=labels)
    return Spec((*labels.shape, num_classes), dtype_named(dtype))
