"""Select: what may stand in brackets, `x[1:, mask, [0, -1]]`, and choosing and writing by index or by mask."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from shared_ops.dim import Dim
from shared_ops.elementwise import add, cast, mul, where
from shared_ops.index import getitem, in_range, index_put, take, take_add
from shared_ops.shape import broadcast_to, reshape
from shared_ops.spec import SpecError, axes_of, broadcast_shape, check, spec_of

NUMBERS = frozenset([int, type(None)])  # of which most slices are made


class Parts(NamedTuple):
    """What stands in brackets, as three steps one after another."""

    basic: tuple[Any, ...]  # whole numbers, slices and None; a whole slice where an array stands
    scalars: list[tuple[int, Any]]  # an axis and an array without axes, whose value is picked from it; last axis first
    arrays: dict[int, Any]  # an axis and the array of whole numbers on it

    def plain(self) -> bool:
        """Whether the first step changes nothing."""
        return all(type(i) is slice and i == slice(None) for i in self.basic)


def parts_of(shape: Any, index: Any) -> Parts:
    """The steps of indexing an array of this shape. Raises SpecError for what is no index, or out of range."""
    entries = [_entry(i) for i in (index if isinstance(index, tuple) else (index,))]
    named = sum(_axes_taken(i) for i in entries)
    check(named <= len(shape), "an index has at most one entry for each axis", shape=shape, entries=named)
    check(sum(i is Ellipsis for i in entries) <= 1, "an index has at most one ...", entries=len(entries))
    parts = Parts((), [], {})
    basic: list[Any] = []
    axis = made = 0  # of the array, and of what the first step makes of it
    for i in entries:
        if i is Ellipsis:
            rest = len(shape) - named
            basic += [slice(None)] * rest
            axis, made = axis + rest, made + rest
        elif _is_array(i):
            for one in _whole_numbers(i, shape[axis : axis + i.ndim], axis):
                _check_values(one, shape[axis], axis)
                if one.ndim:
                    parts.arrays[made] = one
                else:
                    parts.scalars.insert(0, (made, one))
                basic.append(slice(None))
                axis, made = axis + 1, made + 1
        else:
            if isinstance(i, int) and not isinstance(shape[axis], Dim) and not -shape[axis] <= i < shape[axis]:
                raise SpecError(f"index {i} is out of range for an axis of size {shape[axis]}, axis {axis}")
            basic.append(i)
            axis, made = axis + (i is not None), made + (i is None or isinstance(i, slice))
    for gone, _ in parts.scalars:
        arrays = {a - (a > gone): i for a, i in parts.arrays.items()}
        parts = parts._replace(arrays=arrays)
    return parts._replace(basic=tuple(basic))


def _is_array(entry: Any) -> bool:
    return hasattr(entry, "dtype")


def _axes_taken(entry: Any) -> int:
    if _is_array(entry) and _dtype_kind(entry) == "b":
        return len(entry.shape)
    return int(entry is not None and entry is not Ellipsis)


def _dtype_kind(entry: Any) -> str:
    return np.dtype(entry.dtype).kind


def _entry(i: Any) -> Any:
    """One entry as what ops take: lists as arrays, NumPy's whole numbers as Python's."""
    if isinstance(i, list):
        i = np.asarray(i, None if i else int)
    if isinstance(i, np.integer):
        return int(i)
    if isinstance(i, slice):
        return slice(_whole(i.start), _whole(i.stop), _whole(i.step))
    if _is_array(i):
        kind = _dtype_kind(i)
        fine = kind in "iu" or (kind == "b" and len(i.shape) > 0)
        check(fine, "an index array holds whole numbers, or is a mask with axes", got=spec_of(i))
        return i
    fine = i is None or i is Ellipsis or (isinstance(i, int | Dim) and not isinstance(i, bool))
    check(fine, "an index is whole numbers and slices, None, ..., masks and arrays of whole numbers", got=i)
    return i


def _whole(part: Any) -> Any:
    """A part of a slice as Python's number; a node has none and says so."""
    if part is None or isinstance(part, int | Dim):
        return part
    check(hasattr(part, "__index__"), "a slice is made of whole numbers", got=part)
    return part.__index__()


def _values(i: Any) -> Any:
    """The array behind it, or None: a node of a graph has no values yet."""
    i = getattr(i, "array", i)
    return None if hasattr(i, "__apply_op__") else i


def _check_values(i: Any, n: Any, axis: int) -> None:
    values = _values(i)
    if values is not None and not isinstance(n, Dim):
        in_range("index", values, n, axis)


def _whole_numbers(i: Any, sizes: Any, axis: int) -> Any:
    """A mask as the places where it holds, an array for each of its axes; whole numbers as they are."""
    if _dtype_kind(i) != "b":
        return (i,)
    values = _values(i)
    if values is None:
        raise SpecError(
            f"a mask, {spec_of(i)}, picks as many values as hold when the graph runs, so the result has no sure size;"
            " choose with where(mask, x, y) or masked_fill(x, mask, value)"
        )
    for k, (n, size) in enumerate(zip(values.shape, sizes, strict=True)):
        fits = isinstance(size, Dim) or n == size
        rule = f"a mask has the sizes of the axes it stands for, here {size} on axis {axis + k}"
        check(fits, rule, mask=values.shape)
    return values.nonzero()


def _is_basic(i: Any) -> bool:
    """Whether getitem takes it as it is."""
    if type(i) is slice:
        return type(i.start) in NUMBERS and type(i.stop) in NUMBERS and type(i.step) in NUMBERS
    return type(i) is int or i is None or i is Ellipsis


def index(x, index):
    """x[index] as PyTorch reads it: whole numbers first pick from their axes, then arrays and masks, all together.

    Arrays broadcast with each other; their axes stand where the arrays did, but first if those were no neighbours.
    """
    entries = index if type(index) is tuple else (index,)
    if hasattr(x, "__apply_op__") and all(map(_is_basic, entries)):  # which is checked there
        return getitem(x, index=entries)
    parts = parts_of(x.shape, entries)
    x = x if parts.plain() else getitem(x, index=parts.basic)
    for axis, one in parts.scalars:
        x = take(x, one, axis=(axis,))
    return take(x, *parts.arrays.values(), axis=tuple(parts.arrays)) if parts.arrays else x


def write(array, index, value):
    """array[index] = value, in place, for an array and whatever index() takes. Raises SpecError for what cannot be."""
    parts = parts_of(array.shape, index)
    nodes = [i for i in (*dict(parts.scalars).values(), *parts.arrays.values()) if _values(i) is None]
    check(not nodes, "an array is written at places that are known; a graph has no assignment into a part", index=nodes)
    place = array[(*parts.basic, ...)]  # with ... it is a view even of a single value
    for axis, one in parts.scalars:
        place = place[(*[slice(None)] * axis, int(_values(one)), ...)]
    at = tuple(_values(parts.arrays[a]) if a in parts.arrays else slice(None) for a in range(place.ndim))
    try:
        place[at] = value
    except ValueError as error:
        raise SpecError(f"what is written must fit into the part that the index names; {error}") from None


def with_entries(x, index_, value):
    """x with a value, which broadcasts, at what x[index] names: an assignment that gradients go through."""
    places = index(np.arange(math.prod(x.shape)).reshape(x.shape), index_)
    value = cast(value, dtype=x.dtype.name) if hasattr(value, "dtype") and value.dtype != x.dtype else value
    value = reshape(broadcast_to(value, places.shape), shape=(-1,)) if getattr(value, "shape", ()) else value
    return reshape(index_put(reshape(x, shape=(-1,)), value, places.reshape(-1)), shape=tuple(x.shape))


# one axis ---------------------------------------------------------------------------------------------------------
def index_select(x, dim, index):
    """Entries of an axis by number: a vector of whole numbers, none below 0."""
    (dim,) = axes_of(dim, len(x.shape), "index_select")
    check(len(index.shape) <= 1, "index_select needs a vector of whole numbers", index=spec_of(index))
    index = index if index.shape else reshape(index, shape=(1,))
    return take(x, index, axis=(dim,), negative=False)


def index_add(x, dim, index, source, alpha=1):
    """x with alpha * source added at entries of an axis by number, repeats and all."""
    (dim,) = axes_of(dim, len(x.shape), "index_add")
    check(len(index.shape) == 1, "index_add needs a vector of whole numbers", index=spec_of(index))
    check(source.dtype == x.dtype, "index_add needs a source of x's dtype", x=spec_of(x), source=spec_of(source))
    source = source if type(alpha) is int and alpha == 1 else mul(source, alpha)
    return add(x, take_add(source, index, shape=tuple(x.shape), axis=(dim,), negative=False))


# masks ------------------------------------------------------------------------------------------------------------
def masked_fill(x, mask, value):
    """x with `value`, a number or an array without axes, where the mask holds; in x's dtype."""
    boolean, dtype = getattr(mask, "dtype", None) == np.bool_, np.dtype(x.dtype)
    check(boolean, "masked_fill needs a boolean mask", mask=spec_of(mask))
    if hasattr(value, "dtype"):
        check(len(value.shape) == 0, "masked_fill needs one value", value=spec_of(value))
        value = value if value.dtype == dtype else cast(value, dtype=dtype.name)
    elif dtype.kind in "biu":
        value = dtype.type(value).item()
    return where(mask, value, x)


def _mask_of(name, x, mask):
    """x and a mask as vectors of the shape that they broadcast to; and that shape."""
    kind = np.dtype(mask.dtype).kind
    check(kind == "b", f"{name} needs a boolean mask", mask=spec_of(mask))
    shape = broadcast_shape(tuple(x.shape), tuple(mask.shape))
    return *(reshape(broadcast_to(s, shape), shape=(math.prod(shape),)) for s in (x, mask)), shape


def masked_select(x, mask):
    """The values of x where the mask holds, in a vector; the two broadcast."""
    x, mask, _ = _mask_of("masked_select", x, mask)
    return index(x, mask)


def masked_scatter(x, mask, source):
    """x with the values of source, one after another, where the mask holds; x and mask broadcast."""
    check(source.dtype == x.dtype, "masked_scatter needs a source of x's dtype", x=spec_of(x), source=spec_of(source))
    x, mask, shape = _mask_of("masked_scatter", x, mask)
    (places,) = _whole_numbers(mask, mask.shape, 0)
    values = reshape(source, shape=(-1,)) if math.prod(source.shape) else reshape(source, shape=(0,))
    rule = f"masked_scatter needs a source of {len(places)} values, as many as the mask holds"
    check(len(places) <= len(values), rule, source=spec_of(source))
    return reshape(index_put(x, getitem(values, index=(slice(0, len(places)),)), places), shape=shape)
