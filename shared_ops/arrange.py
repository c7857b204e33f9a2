"""Arrange: values repeated, turned round, shifted, padded, cut into parts; triangles and diagonals of matrices."""

from __future__ import annotations

import itertools
import math

from shared_ops.dim import Dim
from shared_ops.index import getitem
from shared_ops.op import op
from shared_ops.shape import cat, expand, flatten, reshape, sizes_of, unsqueeze
from shared_ops.spec import Spec, axes_of, check, one_array, result_dtype, spec_of


# order ------------------------------------------------------------------------------------------------------------
@op
def flip(xp, x, *, axis):
    """The axes, one or several, from last to first: a view."""
    return xp.flip(x, axis)


@flip.spec
def flip_spec(x, *, axis):
    axes_of(axis, one_array(x).ndim, "flip")
    return x


@flip.grad
def flip_grad(g, axis):
    return flip(g, axis=axis)


@op
def roll(xp, x, *, shifts, axis=None):
    """Values moved on along the axes, those that fall off coming in at the front; without axes, over all values."""
    return xp.roll(x, shifts, axis)


@roll.spec
def roll_spec(x, *, shifts, axis=None):
    one_array(x)
    moves = shifts if isinstance(shifts, tuple | list) else (shifts,)
    check(all(type(s) is int for s in moves), "roll needs whole numbers as shifts", shifts=shifts)
    axes = () if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    for a in axes:  # an axis may be there twice
        axes_of(a, x.ndim, "roll")
    check(
        len(moves) == (1 if axis is None else len(axes)), "roll needs a shift for each axis", shifts=shifts, axis=axis
    )
    return x


@roll.grad
def roll_grad(g, shifts, axis):
    return roll(g, shifts=tuple(-s for s in shifts) if isinstance(shifts, tuple | list) else -shifts, axis=axis)


# edges ------------------------------------------------------------------------------------------------------------
@op
def constant_pad(xp, x, *, pad, value=0):
    """x with `value` round it: (before, after) for the last axis, then for the one before, and so on.

    A negative number cuts off so many.
    """
    sides = _sides(pad, x.ndim)
    out = xp.full([n + a + b for n, (a, b) in zip(x.shape, sides, strict=True)], value, x.dtype)
    inside = tuple(slice(max(a, 0), n - max(b, 0)) for n, (a, b) in zip(out.shape, sides, strict=True))
    kept = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, sides, strict=True))
    out[inside] = x[kept]
    return out


def _sides(pad, ndim):
    """(before, after) per axis, from the first axis on."""
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


def _check_pad(x, pad):
    fine = isinstance(pad, tuple | list) and len(pad) % 2 == 0 and len(pad) // 2 <= one_array(x).ndim
    whole = fine and all(type(n) is int for n in pad)
    check(whole, "pad needs a number before and one after for the last axes, from the last on", x=x, pad=pad)


@constant_pad.spec
def constant_pad_spec(x, *, pad, value=0):
    _check_pad(x, pad)
    holds = value in (0, 1) if x.dtype.kind == "b" else result_dtype(x, value) == x.dtype
    number = isinstance(value, bool | int | float) and holds
    check(number, "pad needs a number that x's dtype holds as value", x=x, value=value)
    for n, (a, b) in zip(x.shape, _sides(pad, x.ndim), strict=True):
        left = n + min(a, 0) + min(b, 0)
        check(isinstance(left, Dim) or left >= 0, "pad cannot cut off more than there is", x=x, pad=pad)
    return Spec(tuple(n + a + b for n, (a, b) in zip(x.shape, _sides(pad, x.ndim), strict=True)), x.dtype)


@constant_pad.grad
def constant_pad_grad(g, pad):
    return constant_pad(g, pad=tuple(-n for n in pad))


def pad(x, pad, mode="constant", value=None):
    """x with more values round it: (before, after) for the last axis, then for the one before, and so on.

    `constant`: all are `value`, 0 unless told; `reflect`: mirrored at the last value, which is not repeated;
    `replicate`: the last value; `circular`: those of the other end. Negative numbers cut off.
    """
    modes = ("constant", "reflect", "replicate", "circular")
    check(mode in modes, f"pad needs a mode of {', '.join(modes)}", mode=mode)
    _check_pad(spec_of(x), pad)
    if mode == "constant":
        return constant_pad(x, pad=tuple(pad), value=0 if value is None else value)
    check(value is None or value == 0, f"pad takes a value in mode 'constant', not in {mode!r}", value=value)
    cut = tuple(min(n, 0) for n in pad)
    x = constant_pad(x, pad=cut) if any(cut) else x
    for a, (before, after) in enumerate(_sides(pad, len(x.shape))):
        if before > 0 or after > 0:
            x = _longer(x, a, max(before, 0), max(after, 0), mode)
    return x


def _longer(x, axis, before, after, mode):
    """x with values of its own before and after on one axis."""
    n = x.shape[axis]
    most = {"reflect": n - 1, "circular": n, "replicate": math.inf if n != 0 else 0}[mode]
    fits = isinstance(most, Dim) or max(before, after) <= most
    check(fits, f"pad in mode {mode!r} takes at most {most} values from an axis of {n}", pad=(before, after), axis=axis)
    if mode == "circular":
        first, last = _range(x, axis, n - before, n), _range(x, axis, 0, after)
    elif mode == "reflect":
        first = flip(_range(x, axis, 1, before + 1), axis=axis)
        last = flip(_range(x, axis, n - 1 - after, n - 1), axis=axis)
    else:
        first, last = (_widened(_entry(x, axis, i), axis, count) for i, count in ((0, before), (-1, after)))
    parts = [part for part, count in ((first, before), (x, 1), (last, after)) if count]
    return cat(*parts, axis=axis) if len(parts) > 1 else x


def _entry(x, axis, i):
    """x[i] on an axis, which stays."""
    return unsqueeze(getitem(x, index=(*[slice(None)] * axis, i)), axis)


def _widened(x, axis, n):
    return expand(x, shape=(*x.shape[:axis], n, *x.shape[axis + 1 :]))


# parts ------------------------------------------------------------------------------------------------------------
def _range(x, axis, start, stop):
    """x[start:stop] on an axis."""
    return getitem(x, index=(*[slice(None)] * axis, slice(start, stop)))


def narrow(x, dim, start, length):
    """`length` values of an axis from `start` on, which may count from the end."""
    (dim,) = axes_of(dim, len(x.shape), "narrow")
    n = x.shape[dim]
    if isinstance(start, int) and start < 0:
        start = n + start
    inside = any(isinstance(v, Dim) for v in (n, start, length)) or (start >= 0 and 0 <= length <= n - start)
    check(inside, f"narrow needs a part of an axis of {n}", start=start, length=length)
    return _range(x, dim, start, start + length)


def split(x, split_size_or_sections, dim=0):
    """x cut along an axis, into parts of a size, of which the last may be smaller, or into parts of these sizes."""
    (dim,) = axes_of(dim, len(x.shape), "split")
    n, sizes = x.shape[dim], split_size_or_sections
    if not isinstance(sizes, tuple | list):
        check(type(sizes) is int and sizes > 0, "split needs a size above 0, or sizes", size=sizes)
        check(not isinstance(n, Dim), "split needs an axis of known size, or sizes", axis_size=n)
        sizes = [min(sizes, n - at) for at in range(0, n, sizes)] or [0]
    sizes = sizes_of(sizes, "split")
    check(sum(sizes, 0) == n, f"split needs sizes that add up to {n}", sizes=sizes)
    return tuple(_range(x, dim, a, b) for a, b in itertools.pairwise(itertools.accumulate(sizes, initial=0)))


def chunk(x, chunks, dim=0):
    """x cut along an axis into so many parts of one size, of which the last may be smaller, or fewer parts."""
    check(type(chunks) is int and chunks > 0, "chunk needs a number of parts above 0", chunks=chunks)
    (axis,) = axes_of(dim, len(x.shape), "chunk")
    n = x.shape[axis]
    check(not isinstance(n, Dim), "chunk needs an axis of known size", axis_size=n)
    return split(x, -(-n // chunks), axis) if n else split(x, [0] * chunks, axis)


def unbind(x, dim=0):
    """The slices of x along an axis, without that axis."""
    (dim,) = axes_of(dim, len(x.shape), "unbind")
    check(not isinstance(x.shape[dim], Dim), "unbind needs an axis of known size", axis_size=x.shape[dim])
    return tuple(getitem(x, index=(*[slice(None)] * dim, i)) for i in range(x.shape[dim]))


# repeats ----------------------------------------------------------------------------------------------------------
def repeat(x, sizes):
    """x so many times along each axis; further sizes in front make new axes."""
    sizes = sizes_of(sizes, "repeat")
    extra = len(sizes) - len(x.shape)
    check(extra >= 0, "repeat needs a number for each axis", shape=tuple(x.shape), sizes=sizes)
    shape = (*[1] * extra, *x.shape)
    apart = [n for pair in zip([1] * len(shape), shape, strict=True) for n in pair]
    each = tuple(n for pair in zip(sizes, shape, strict=True) for n in pair)
    x = expand(reshape(x, shape=tuple(apart)), shape=each)
    return reshape(x, shape=tuple(r * n for r, n in zip(sizes, shape, strict=True)))


def tile(x, dims):
    """repeat, where missing numbers in front are 1."""
    dims = sizes_of(dims, "tile")
    return repeat(x, (*[1] * (len(x.shape) - len(dims)), *dims))


def repeat_interleave(x, repeats, dim=None):
    """Each value so many times in a row, along an axis, or over all values."""
    (repeats,) = sizes_of(repeats, "repeat_interleave")
    x, dim = (flatten(x), 0) if dim is None else (x, dim)
    (dim,) = axes_of(dim, len(x.shape), "repeat_interleave")
    each = _widened(unsqueeze(x, dim + 1), dim + 1, repeats)
    return reshape(each, shape=(*x.shape[:dim], x.shape[dim] * repeats, *x.shape[dim + 1 :]))


def meshgrid(xs, indexing="ij"):
    """Vectors as arrays of all their combinations: (n,), (m,) -> (n, m) twice; `xy` exchanges the first two axes."""
    check(indexing in ("ij", "xy"), "meshgrid needs indexing 'ij' or 'xy'", indexing=indexing)
    check(all(len(x.shape) <= 1 for x in xs), "meshgrid needs vectors", shapes=[tuple(x.shape) for x in xs])
    order = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        order[:2] = 1, 0
    lengths = [x.shape[0] if x.shape else 1 for x in xs]
    shape = tuple(lengths[k] for k in order)
    stands = [tuple(lengths[k] if k == mine else 1 for k in order) for mine in range(len(xs))]
    return tuple(expand(reshape(x, shape=s), shape=shape) for x, s in zip(xs, stands, strict=True))
