"""Shape: the same values, arranged otherwise. `sum_to` and `expand` undo each other: broadcasting and its gradient."""

from __future__ import annotations

import functools
import itertools
import math

from shared_ops.dim import Dim
from shared_ops.index import getitem
from shared_ops.op import op
from shared_ops.spec import Spec, SpecError, axes_of, check, one_array, result_dtype, same, spec_of


def sizes_of(shape, op, low=0):
    """A shape as a tuple of sizes, none below `low`. Raises SpecError for what is none."""
    sizes = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    fine = all(isinstance(n, Dim) or (isinstance(n, int) and type(n) is not bool and n >= low) for n in sizes)
    check(fine, f"{op} needs a shape of whole numbers, none below {low}", shape=shape)
    return sizes


@op
def reshape(xp, x, *, shape):
    """The same values in row-major order under another shape; one size may be -1."""
    return xp.reshape(x, shape)


@reshape.spec
def reshape_spec(x, *, shape):
    shape = sizes_of(shape, "reshape", -1)
    size = one_array(x).size
    check(sum(n == -1 for n in shape) <= 1, "reshape can work out one size (-1)", shape=shape)
    known = math.prod(n for n in shape if n != -1)
    if -1 in shape:
        check(known != 0, "reshape cannot work out a size (-1) beside one that is 0", x=x, shape=shape)
        missing = size // known
        shape = tuple(missing if n == -1 else n for n in shape)
    check(math.prod(shape) == size, "reshape needs as many values after as before", x=x, shape=shape)
    return Spec(tuple(shape), x.dtype)


@reshape.grad
def reshape_grad(g, x_spec):
    return reshape(g, shape=x_spec.shape)


@op
def permute(xp, x, *, dims):
    """The axes in another order."""
    return xp.transpose(x, dims)


@permute.spec
def permute_spec(x, *, dims):
    axes = axes_of(tuple(dims), one_array(x).ndim, "permute")
    check(len(axes) == x.ndim, "permute needs every axis once", x=x, dims=dims)
    return Spec(tuple(x.shape[a] for a in axes), x.dtype)


@permute.grad
def permute_grad(g, dims):
    dims = [d % len(dims) for d in dims]
    return permute(g, dims=tuple(dims.index(i) for i in range(len(dims))))


@op
def expand(xp, x, *, shape):
    """x broadcast to a shape, without a copy; -1 keeps a size."""
    extra = len(shape) - x.ndim
    return xp.broadcast_to(x, tuple(x.shape[i - extra] if n == -1 else n for i, n in enumerate(shape)))


@expand.spec
def expand_spec(x, *, shape):
    shape = sizes_of(shape, "expand", -1)
    extra = len(shape) - one_array(x).ndim
    check(extra >= 0, "expand needs at least as many axes as x has", x=x, shape=shape)
    check(not any(n == -1 for n in shape[:extra]), "expand needs the size of a new axis", x=x, shape=shape)
    shape = tuple(x.shape[i - extra] if n == -1 else n for i, n in enumerate(shape))
    for have, want in zip(x.shape, shape[extra:], strict=True):
        check(have in (1, want), "expand needs each size to be 1 or the new one", x=x, shape=shape)
    return Spec(shape, x.dtype)


@expand.grad
def expand_grad(g, x_spec):
    return sum_to(g, shape=x_spec.shape)


@op
def sum_to(xp, x, *, shape):
    """Sum the axes that broadcasting added or stretched, back to `shape`."""
    extra = x.ndim - len(shape)
    x = x.sum(axis=tuple(range(extra)), dtype=x.dtype) if extra else x
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and x.shape[i] != 1)
    return x.sum(axis=stretched, keepdims=True, dtype=x.dtype) if stretched else x


@sum_to.spec
def sum_to_spec(x, *, shape):
    check(one_array(x).ndim >= len(shape), "sum_to needs a shape that broadcasts to x's", x=x, shape=shape)
    for have, want in zip(x.shape[x.ndim - len(shape) :], shape, strict=True):
        check(want in (1, have), "sum_to needs a shape that broadcasts to x's", x=x, shape=shape)
    return Spec(tuple(shape), x.dtype)


@sum_to.grad
def sum_to_grad(g, x_spec):
    return expand(g, shape=x_spec.shape)


@op(spec=same)
def stop_gradient(xp, x):
    """x, for which no gradient flows back."""
    return x


@op
def cat(xp, *xs, axis=0):
    """Arrays one after another along an axis they have already."""
    dtype = result_dtype(*map(spec_of, xs))
    return xp.concatenate([xp.asarray(x, dtype) for x in xs], axis=axis)


@cat.spec
def cat_spec(*xs, axis=0):
    check(len(xs) > 0, "cat needs at least one array", count=0)
    (along,) = axes_of(axis, one_array(xs[0]).ndim, "cat")
    for x in map(one_array, xs):
        if x.ndim != xs[0].ndim or any(
            a != b for i, (a, b) in enumerate(zip(x.shape, xs[0].shape, strict=True)) if i != along
        ):
            raise SpecError(f"cat needs equal sizes but along axis {axis}; got {', '.join(map(str, xs))}")
    total = sum((x.shape[along] for x in xs), 0)
    return Spec((*xs[0].shape[:along], total, *xs[0].shape[along + 1 :]), result_dtype(*xs))


@cat.grad
def cat_grad(g, xs_spec, axis):
    before = (slice(None),) * (axis % xs_spec[0].ndim)
    ends = list(itertools.accumulate((x.shape[axis] for x in xs_spec), initial=0))
    return tuple(getitem(g, index=(*before, slice(a, b))) for a, b in itertools.pairwise(ends))


# other names for these --------------------------------------------------------------------------------------------
def transpose(x, dim0=-2, dim1=-1):
    """x with two of its axes exchanged."""
    (first,), (second,) = axes_of(dim0, len(x.shape), "transpose"), axes_of(dim1, len(x.shape), "transpose")
    return permute(x, dims=_exchanged(len(x.shape), first, second))


@functools.cache
def _exchanged(ndim, first, second):
    dims = list(range(ndim))
    dims[first], dims[second] = second, first
    return tuple(dims)


swapaxes = transpose


def movedim(x, source, destination):
    """x with its axes `source` moved to the places `destination`, the others in their order."""
    taken, places = (axes_of(d, len(x.shape), "movedim") for d in (source, destination))
    check(len(taken) == len(places), "movedim needs a place for each axis", source=source, destination=destination)
    moved = dict(zip(places, taken, strict=True))
    others = iter(a for a in range(len(x.shape)) if a not in taken)
    return permute(x, dims=tuple(moved[a] if a in moved else next(others) for a in range(len(x.shape))))


def view(x, shape):
    """reshape, by PyTorch's other name; where the memory does not allow a view, it copies."""
    return reshape(x, shape=shape)


def broadcast_to(x, shape):
    """expand, or x itself where it has that shape already."""
    return x if tuple(x.shape) == tuple(shape) else expand(x, shape=tuple(shape))


def unsqueeze(x, dim):
    """x with a new axis of size 1 at `dim`."""
    (dim,) = axes_of(dim, len(x.shape) + 1, "unsqueeze")
    return reshape(x, shape=(*x.shape[:dim], 1, *x.shape[dim:]))


def squeeze(x, dim=None):
    """x without its axes of size 1, or without those of these axes that have size 1."""
    axes = axes_of(dim, len(x.shape), "squeeze")
    return reshape(x, shape=tuple(n for i, n in enumerate(x.shape) if i not in axes or isinstance(n, Dim) or n != 1))


def flatten(x, start_dim=0, end_dim=-1):
    """x with the axes from start to end made one."""
    if not x.shape:
        return reshape(x, shape=(1,))
    (start,), (end,) = (axes_of(d, len(x.shape), "flatten") for d in (start_dim, end_dim))
    check(start <= end, "flatten needs start_dim not after end_dim", start_dim=start_dim, end_dim=end_dim)
    middle = math.prod(x.shape[start : end + 1])
    return reshape(x, shape=(*x.shape[:start], middle, *x.shape[end + 1 :]))


def unflatten(x, dim, sizes):
    """x with one axis made several; one of the sizes may be -1."""
    (dim,) = axes_of(dim, len(x.shape), "unflatten")
    (part,) = reshape.infer((Spec((x.shape[dim],), spec_of(x).dtype),), {"shape": tuple(sizes)})
    return reshape(x, shape=(*x.shape[:dim], *part.shape, *x.shape[dim + 1 :]))


def stack(xs, dim=0):
    """Arrays one after another along a new axis."""
    check(len(xs) > 0, "stack needs at least one array", count=0)
    (axis,) = axes_of(dim, len(xs[0].shape) + 1, "stack")
    same_shape = all(tuple(x.shape) == tuple(xs[0].shape) for x in xs)
    check(same_shape, "stack needs arrays of one shape", shapes=[tuple(x.shape) for x in xs])
    return cat(*[unsqueeze(x, axis) for x in xs], axis=axis)
