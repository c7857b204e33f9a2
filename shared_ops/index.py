"""Index: parts of an array, by slices or by arrays of whole numbers, and the way back.

What stands in brackets, `x[1:, mask]`, is put together from these by `shared_ops.select`.
"""

from __future__ import annotations

from shared_ops.dim import Dim
from shared_ops.elementwise import ne, where
from shared_ops.op import op
from shared_ops.spec import (
    Spec,
    SpecError,
    axes_of,
    broadcast_shape,
    check,
    dtype_named,
    one_array,
    result_dtype,
    shape_of,
)


def _normal(index):
    return index if isinstance(index, tuple) else (index,)


# by slices --------------------------------------------------------------------------------------------------------
@op
def getitem(xp, x, *, index):
    """x[index] for whole numbers, slices, None and `...`: a view."""
    return x[index]


@getitem.spec
def getitem_spec(x, *, index):
    index = list(_normal(index))
    _check_entries(index)
    named = sum(i is not None and i is not Ellipsis for i in index)
    check(named <= one_array(x).ndim, "an index has at most one entry for each axis", x=x, index=index)
    if not any(i is Ellipsis for i in index):
        index.append(Ellipsis)
    at = next(k for k, i in enumerate(index) if i is Ellipsis)
    index[at : at + 1] = [slice(None)] * (x.ndim - named)
    shape, sizes, axis = [], iter(x.shape), -1
    for i in index:
        if i is None:
            shape.append(1)
            continue
        n, axis = next(sizes), axis + 1
        if isinstance(i, slice):
            shape.append(_sliced(n, i))
        elif not isinstance(n, Dim) and not isinstance(i, Dim) and not -n <= i < n:
            raise SpecError(f"getitem: index {i} is out of range for an axis of size {n}, axis {axis}; got x: {x}")
    return Spec(tuple(shape), x.dtype)


def _sliced(n, s):
    """How many values a slice takes out of n.

    Of an unknown size only what is sure can be said: `[:3]` of `batch + 4`, and `[a:]`, `[:-k]`, `[::-1]` and slices
    between unknown sizes, which are taken to lie inside. Raises SpecError for the rest, whose count is not sure.
    """
    if s in (slice(None), slice(None, None, 1), slice(None, None, -1)):
        return n
    if not any(isinstance(v, Dim) for v in (n, s.start, s.stop)):
        return len(range(*s.indices(n)))
    start = 0 if s.start is None else s.start
    stop = n if s.stop is None else n + s.stop if isinstance(s.stop, int) and s.stop < 0 else s.stop
    if isinstance(start, int) and start < 0 and _surely_in(-start, n):
        start = n + start
    unsure = isinstance(stop, int) and not _surely_in(stop, n)
    if unsure or (isinstance(start, int) and start < 0) or s.step not in (None, 1):
        raise SpecError(
            f"a slice [{s.start}:{s.stop}:{s.step}] of an axis of unknown size {n} has no size that is sure"
        )
    return stop - start


def _surely_in(count, n):
    """Whether a size is at least so much whatever the unknown ones are: 3 of `batch + 4`, but not of `batch`."""
    rest = n - count
    if isinstance(rest, int):
        return rest >= 0
    return all(c >= 0 and all(map(str.isidentifier, names)) for names, c in rest.terms.items())


def _check_entries(index):
    check(sum(i is Ellipsis for i in index) <= 1, "an index has at most one ...", index=index)
    for i in index:
        parts = (i.start, i.stop, i.step) if isinstance(i, slice) else (i,)
        whole = all(p is None or p is Ellipsis or (type(p) is not bool and isinstance(p, int | Dim)) for p in parts)
        fine = whole and not (isinstance(i, slice) and (i.step == 0 or any(p is Ellipsis for p in parts)))
        check(fine, "an index is whole numbers and slices", index=index)


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
    part = getitem_spec(Spec(tuple(shape), one_array(x).dtype), index=index)
    check(part.shape == x.shape, "put needs x to have the shape of the part it fills", x=x, part=part)
    return Spec(tuple(shape), x.dtype)


@put.grad
def put_grad(g, index):
    return getitem(g, index=index)


# by arrays --------------------------------------------------------------------------------------------------------
def in_range(name, i, n, axis, negative=True):
    """The index i, all of whose values are places of an axis of size n. Raises SpecError that says which is not."""
    low = -n if negative else 0
    if i.size and not (int(i.min()) >= low and int(i.max()) < n):
        refuse(name, int(i[(i < low) | (i >= n)].reshape(-1)[0]), n, axis, negative)
    return i


def refuse(name, i, n, axis, negative=True):
    """Raise SpecError for an index that is out of range."""
    hint = "" if negative or not -n <= i < 0 else f"; {name} does not count negative ones from the end"
    raise SpecError(f"{name}: index {i} is out of range for axis {axis}, which has {n} entries{hint}")


def _entries(xp, name, indices, shape, axis, negative):
    """The whole index of NumPy's for arrays on some axes, checked."""
    axes = axes_of(axis, len(shape), name) if axis is not None else range(len(indices))
    entries = [slice(None)] * len(shape)
    for a, i in zip(axes, indices, strict=True):
        entries[a] = in_range(name, xp.asarray(i), shape[a], a, negative)
    return tuple(entries)


@op
def take(xp, x, *indices, axis=None, negative=True):
    """Entries chosen on each axis of `axis`, or on the first ones, by arrays of whole numbers that broadcast:

    (n, d), (m,) -> (m, d). The new axes stand where the chosen ones did; first, if those were no neighbours.
    `negative`: whether numbers below 0 count from the end.
    """
    return x[_entries(xp, "take", indices, x.shape, axis, negative)]


@take.spec
def take_spec(x, *indices, axis=None, negative=True):
    fits = 0 < len(indices) <= one_array(x).ndim
    check(fits, "take needs between one index and one for each axis", x=x, indices=indices)
    for i in indices:
        whole = isinstance(i, Spec) and i.dtype.kind in "iu"
        check(whole, "take needs arrays of whole numbers as indices", index=i)
    axes = axes_of(axis, x.ndim, "take") if axis is not None else tuple(range(len(indices)))
    check(len(axes) == len(indices), "take needs an index for each axis it names", axis=axis, indices=indices)
    check(list(axes) == sorted(axes), "take needs its axes from first to last", axis=axis)
    at = axes[0] if axes[-1] - axes[0] == len(axes) - 1 else 0
    kept = [n for a, n in enumerate(x.shape) if a not in axes]
    return Spec((*kept[:at], *broadcast_shape(*(i.shape for i in indices)), *kept[at:]), x.dtype)


@take.grad
def take_grad(g, x_spec, indices, axis, negative):
    return take_add(g, *indices, shape=x_spec.shape, axis=axis, negative=negative), *[None] * len(indices)


@op
def take_add(xp, x, *indices, shape, axis=None, negative=True):
    """Zeros of a shape, with x added at the indices, repeats and all: the gradient of take."""
    out = xp.zeros(shape, x.dtype)
    xp.add.at(out, _entries(xp, "take_add", indices, shape, axis, negative), x)
    return out


@take_add.spec
def take_add_spec(x, *indices, shape, axis=None, negative=True):
    part = take_spec(Spec(tuple(shape), one_array(x).dtype), *indices, axis=axis, negative=negative)
    check(part.shape == x.shape, "take_add needs x to have the shape of the part it adds to", x=x, part=part)
    return Spec(tuple(shape), x.dtype)


@take_add.grad
def take_add_grad(g, indices, axis, negative):
    return take(g, *indices, axis=axis, negative=negative), *[None] * len(indices)


@op
def index_put(xp, x, value, *indices, axis=None, accumulate=False):
    """x with a value, an array that broadcasts or a number, put at the indices, or added there: see take.

    Where an entry is named twice, one of its values is put, and the gradient goes to all of them, as in PyTorch.
    """
    out, entries = x.copy(), _entries(xp, "index_put", indices, x.shape, axis, True)
    if accumulate:
        xp.add.at(out, entries, value)
    else:
        out[entries] = value
    return out


@index_put.spec
def index_put_spec(x, value, *indices, axis=None, accumulate=False):
    part = take_spec(x, *indices, axis=axis)
    fits = broadcast_shape(part.shape, shape_of(value)) == part.shape
    check(fits, "index_put needs a value that broadcasts to the part it is put at", value=value, part=part)
    holds = value.dtype == x.dtype if isinstance(value, Spec) else result_dtype(x, value) == x.dtype
    check(holds, "index_put needs a value that x's dtype holds", x=x, value=value)
    return x


@index_put.grad
def index_put_grad(g, indices, axis, accumulate, wants):
    gx = None if not wants[0] else g if accumulate else index_put(g, 0, *indices, axis=axis)
    return gx, (take(g, *indices, axis=axis) if wants[1] else None), *[None] * len(indices)


# rows by number ---------------------------------------------------------------------------------------------------
@op
def one_hot(xp, labels, *, num_classes, dtype="int64"):
    """A 1 at each label: (...,) int -> (..., num_classes)."""
    if labels.size and not (int(labels.min()) >= 0 and int(labels.max()) < num_classes):
        bad = labels[(labels < 0) | (labels >= num_classes)].reshape(-1)[0]
        raise SpecError(f"one_hot needs labels from 0 to {num_classes - 1}; got {bad}")
    return (labels[..., None] == xp.arange(num_classes)).astype(dtype)


@one_hot.spec
def one_hot_spec(labels, *, num_classes, dtype="int64"):
    check(one_array(labels).dtype.kind in "iu", "one_hot needs whole numbers", labels=labels)
    fine = isinstance(num_classes, int | Dim) and (isinstance(num_classes, Dim) or num_classes >= 0)
    check(fine, "one_hot needs a number of classes", num_classes=num_classes)
    return Spec((*labels.shape, num_classes), dtype_named(dtype))


@op
def embedding(xp, indices, weight, *, padding_idx=None):
    """Rows of a table by number: (...,) int, (v, d) -> (..., d). The row `padding_idx` gets no gradient."""
    return weight[in_range("embedding", xp.asarray(indices), weight.shape[0], 0, negative=False)]


@embedding.spec
def embedding_spec(indices, weight, *, padding_idx=None):
    check(one_array(indices).dtype.kind in "iu", "embedding needs whole numbers as indices", indices=indices)
    check(one_array(weight).ndim == 2, "embedding needs a table of rows, (v, d)", weight=weight)
    count = weight.shape[0]
    known = padding_idx is not None and not isinstance(count, Dim)
    inside = not known or -count <= padding_idx < count
    check(inside, "embedding needs a padding_idx that is a row of the table", padding_idx=padding_idx, weight=weight)
    return Spec((*indices.shape, weight.shape[1]), weight.dtype)


@embedding.grad
def embedding_grad(g, indices, weight_spec, padding_idx):
    return None, embedding_weight(g, indices, count=weight_spec.shape[0], padding_idx=padding_idx)


@op
def embedding_weight(xp, g, indices, *, count, padding_idx=None):
    """Zeros, with rows of g added at the indices but one: (..., d), (...,) int -> (count, d): embedding's gradient."""
    out = xp.zeros((count, g.shape[-1]), g.dtype)
    xp.add.at(out, in_range("embedding_weight", xp.asarray(indices), count, 0, negative=False), g)
    if padding_idx is not None:
        out[padding_idx] = 0
    return out


@embedding_weight.spec
def embedding_weight_spec(g, indices, *, count, padding_idx=None):
    fits = one_array(g).ndim > 0 and isinstance(indices, Spec) and g.shape[:-1] == indices.shape
    check(fits, "embedding_weight needs a row for each index", g=g, indices=indices)
    weight = Spec((count, g.shape[-1]), g.dtype)
    embedding_spec(indices, weight, padding_idx=padding_idx)
    return weight


@embedding_weight.grad
def embedding_weight_grad(g, indices, count, padding_idx):
    rows = embedding(indices, g)
    if padding_idx is not None:
        row = padding_idx if isinstance(padding_idx, Dim) or padding_idx >= 0 else count + padding_idx
        rows = where(getitem(ne(indices, row), index=(..., None)), rows, 0)
    return rows, None
