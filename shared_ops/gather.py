"""Gather and scatter: values picked, or put, along one axis, each line by indices of its own."""

from __future__ import annotations

from shared_ops.dim import Dim
from shared_ops.index import in_range, put
from shared_ops.op import op
from shared_ops.shape import broadcast_to, reshape
from shared_ops.spec import Spec, axes_of, broadcast_shape, check, one_array, result_dtype


def _grid(xp, name, index, shape, axis, negative=False):
    """NumPy's index for every place of `index`: its own value on the axis, its own place on the others."""
    (axis,) = axes_of(axis, len(shape), name)
    index = in_range(name, xp.asarray(index), shape[axis], axis, negative)
    places = [xp.arange(n).reshape((-1, *[1] * (index.ndim - 1 - a))) for a, n in enumerate(index.shape)]
    return (*places[:axis], index, *places[axis + 1 :])


def _check_index(name, x, index, axis):
    (axis,) = axes_of(axis, one_array(x).ndim, name)
    whole = isinstance(index, Spec) and index.dtype.kind in "iu"
    check(whole, f"{name} needs an array of whole numbers as index", index=index)
    check(index.ndim == x.ndim, f"{name} needs an index with as many axes as x", x=x, index=index)
    inside = all(_within(i, n) for a, (i, n) in enumerate(zip(index.shape, x.shape, strict=True)) if a != axis)
    check(inside, f"{name} needs an index no larger than x on the other axes", x=x, index=index, axis=axis)


def _within(small, large):
    """Whether it is sure that a size is not above another."""
    return small == large or (not isinstance(small, Dim) and not isinstance(large, Dim) and small <= large)


@op
def gather(xp, x, index, *, axis, negative=False):
    """out[i, j] = x[i, index[i, j]] for axis 1, and so on: the shape is the index's.

    `negative`: whether numbers below 0 count from the end.
    """
    return x[_grid(xp, "gather", index, x.shape, axis, negative)]


@gather.spec
def gather_spec(x, index, *, axis, negative=False):
    _check_index("gather", x, index, axis)
    return Spec(index.shape, x.dtype)


@gather.grad
def gather_grad(g, x_spec, index, axis, negative):
    return gather_add(g, index, shape=x_spec.shape, axis=axis, negative=negative), None


@op
def gather_add(xp, x, index, *, shape, axis, negative=False):
    """Zeros of a shape, with x added at an index along the axis, repeats and all: the gradient of gather."""
    out = xp.zeros(shape, x.dtype)
    xp.add.at(out, _grid(xp, "gather_add", index, shape, axis, negative), x)
    return out


@gather_add.spec
def gather_add_spec(x, index, *, shape, axis, negative=False):
    whole = Spec(tuple(shape), one_array(x).dtype)
    _check_index("gather_add", whole, index, axis)
    check(x.shape == index.shape, "gather_add needs a value for each index", x=x, index=index)
    return whole


@gather_add.grad
def gather_add_grad(g, index, axis, negative):
    return gather(g, index, axis=axis, negative=negative), None


def _scatter_spec(name, x, index, src, axis):
    _check_index(name, x, index, axis)
    if isinstance(src, Spec):
        fits = src.ndim == index.ndim and all(map(_within, index.shape, src.shape))
        check(fits, f"{name} needs a source at least as large as its index", src=src, index=index)
        check(src.dtype == x.dtype, f"{name} needs a source of x's dtype", x=x, src=src)
    else:
        check(result_dtype(x, src) == x.dtype, f"{name} needs a number that x's dtype holds", x=x, src=src)
    return x


def _used(src, index):
    """The part of the source that the index speaks of."""
    return src[tuple(slice(n) for n in index.shape)] if hasattr(src, "dtype") else src


def _source_grad(g, index, src_spec, axis):
    """The gradient of the source: what was put is g at the index, what was left out is 0."""
    if not isinstance(src_spec, Spec):
        return None
    picked = gather(g, index, axis=axis)
    part = tuple(slice(0, n) for n in index.shape)
    return picked if picked.shape == src_spec.shape else put(picked, shape=src_spec.shape, index=part)


@op
def scatter(xp, x, index, src, *, axis):
    """x with out[i, index[i, j]] = src[i, j] for axis 1, and so on; src may be a number.

    Where an index is there twice, one of its values is taken, and the gradient goes to all of them, as in PyTorch.
    """
    out = x.copy()
    out[_grid(xp, "scatter", index, x.shape, axis)] = _used(src, index)
    return out


@scatter.spec
def scatter_spec(x, index, src, *, axis):
    return _scatter_spec("scatter", x, index, src, axis)


@scatter.grad
def scatter_grad(g, index, src_spec, axis, wants):
    kept = scatter(g, index, 0, axis=axis) if wants[0] else None
    return kept, None, (_source_grad(g, index, src_spec, axis) if wants[2] else None)


@op
def scatter_add(xp, x, index, src, *, axis):
    """x with src[i, j] added at [i, index[i, j]] for axis 1, and so on, repeats and all."""
    out = x.copy()
    xp.add.at(out, _grid(xp, "scatter_add", index, x.shape, axis), _used(src, index))
    return out


@scatter_add.spec
def scatter_add_spec(x, index, src, *, axis):
    check(isinstance(src, Spec), "scatter_add needs an array as source", src=src)
    return _scatter_spec("scatter_add", x, index, src, axis)


@scatter_add.grad
def scatter_add_grad(g, index, src_spec, axis, wants):
    return g, None, (_source_grad(g, index, src_spec, axis) if wants[2] else None)


def take_along_dim(x, indices, dim=None):
    """gather whose other axes broadcast, and whose negative indices count from the end; over all values without dim."""
    if dim is None:
        return gather(reshape(x, shape=(-1,)), reshape(indices, shape=(-1,)), axis=0, negative=True)
    (dim,) = axes_of(dim, len(x.shape), "take_along_dim")
    check(len(x.shape) == len(indices.shape), "take_along_dim needs as many axes in both", x=x, indices=indices)
    ours, theirs = ([1 if a == dim else n for a, n in enumerate(s.shape)] for s in (x, indices))
    shape = list(broadcast_shape(tuple(ours), tuple(theirs)))
    x, indices = (broadcast_to(s, (*shape[:dim], s.shape[dim], *shape[dim + 1 :])) for s in (x, indices))
    return gather(x, indices, axis=dim, negative=True)
