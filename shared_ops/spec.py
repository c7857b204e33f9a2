"""Spec: what an array looks like without its data, and the rules that ops share."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes  # loading it is what lets NumPy know the name bfloat16
import numpy as np

from shared_ops.dim import Dim, Size

Shape = tuple[Size, ...]

FLOAT16, BFLOAT16 = np.dtype("float16"), np.dtype(ml_dtypes.bfloat16)
HALVES = frozenset([FLOAT16, BFLOAT16])  # stored in two bytes, computed in float32
FLOAT32 = np.dtype("float32")


class SpecError(TypeError):
    """An op was given inputs or settings that do not fit it."""


@dataclass(frozen=True)
class Spec:
    """Shape and dtype of an array; a size may be a named `Dim` that is not known yet."""

    shape: Shape
    dtype: np.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Size:
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def spec_of(x: Any) -> Any:
    """The Spec of an array; a Python number stays itself, because its dtype gives way to the arrays it meets."""
    number = isinstance(x, bool | int | float | Dim) and not isinstance(x, np.generic)  # np.float64 is a float too
    return x if number else Spec(tuple(x.shape), np.dtype(x.dtype))


def check(ok: bool, rule: str, **came: Any) -> None:
    """Raise SpecError stating the rule and what came, unless ok."""
    if not ok:
        raise SpecError(f"{rule}; got " + ", ".join(f"{name}: {_words(value)}" for name, value in came.items()))


def _words(value: Any) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list | tuple) else str(value)


def shape_of(spec: Any) -> Shape:
    return spec.shape if isinstance(spec, Spec) else ()


def broadcast_shape(*shapes: Shape) -> Shape:
    """NumPy's rule: sizes agree, or one of them is 1. Unknown sizes agree with themselves only."""
    ndim = max(map(len, shapes))
    out: list[Size] = []
    for column in zip(*[(1,) * (ndim - len(s)) + tuple(s) for s in shapes], strict=True):
        sizes = {n for n in column if n != 1}
        if len(sizes) > 1:
            raise SpecError(f"shapes do not broadcast: {' and '.join(_words(s) for s in shapes)}")
        out.append(sizes.pop() if sizes else 1)
    return tuple(out)


def is_float(dtype: np.dtype) -> bool:
    """Whether it holds floats, real or complex: what gradients are of."""
    return dtype.kind in "fc" or dtype == BFLOAT16


def kind_of(dtype: np.dtype) -> str:
    """NumPy's letter for the kind of dtype, but `f` for bfloat16 too, which NumPy does not count among the floats."""
    return "f" if dtype == BFLOAT16 else dtype.kind


def dtype_named(name: Any) -> np.dtype:
    """The dtype of this name, or itself. Raises SpecError for what is none, or holds no numbers."""
    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = np.dtype(object)
    check(dtype.kind in "biufc" or dtype == BFLOAT16, "a dtype is named like float32, int64 or bool", dtype=name)
    return dtype


def result_dtype(*specs: Any) -> np.dtype:
    """PyTorch's promotion: floats win over integers whatever their width; Python numbers give way to arrays.

    An unknown size counts as a Python int. Unlike PyTorch, an array without axes counts as any other array.
    Raises SpecError for uint64 beside a signed integer, which only a float could hold.
    """
    dtypes = [s.dtype for s in specs if isinstance(s, Spec)]
    floats = {d for d in dtypes if is_float(d)}
    if floats:
        return next(iter(floats)) if len(floats) == 1 else np.result_type(*(floats - HALVES or [FLOAT32]))
    numbers = [1 if isinstance(s, Dim) else s for s in specs if not isinstance(s, Spec)]
    if any(isinstance(n, float) for n in numbers):
        return FLOAT32
    if dtypes:  # the kind of a number counts, but not its size: an int makes booleans int64
        dtype = np.result_type(*dtypes)
        whole = any(not isinstance(n, bool) for n in numbers)
        dtype = np.dtype("int64") if whole and dtype.kind == "b" else dtype
    else:
        dtype = np.dtype("int64" if any(not isinstance(n, bool) for n in numbers) else "bool")
    check(dtype.kind != "f", "no integer dtype holds both; cast one of them", dtypes=dtypes)
    return dtype


def float_dtype(*specs: Any) -> np.dtype:
    """The dtype of a function that always gives floats, for these inputs: integers become float32."""
    dtype = result_dtype(*specs)
    return dtype if is_float(dtype) else FLOAT32


def broadcast(*specs: Any) -> Spec:
    """Spec rule of an elementwise op: shapes broadcast, dtypes promote."""
    return Spec(broadcast_shape(*map(shape_of, specs)), result_dtype(*specs))


def broadcast_number(*specs: Any) -> Spec:
    """Spec rule of an elementwise op that booleans alone do not go into."""
    out = broadcast(*specs)
    check(out.dtype.kind != "b", "it needs numbers, not booleans alone", inputs=specs)
    return out


def broadcast_whole(*specs: Any) -> Spec:
    """Spec rule of an elementwise op on bits."""
    out = broadcast(*specs)
    check(out.dtype.kind in "biu", "it needs whole numbers or booleans", inputs=specs)
    return out


def broadcast_float(*specs: Any) -> Spec:
    """Spec rule of an elementwise op that gives floats whatever comes."""
    return Spec(broadcast_shape(*map(shape_of, specs)), float_dtype(*specs))


def broadcast_bool(*specs: Any) -> Spec:
    """Spec rule of a comparison."""
    return Spec(broadcast_shape(*map(shape_of, specs)), np.dtype(bool))


def same(x: Spec, **_: Any) -> Spec:
    """Spec rule of an op that keeps shape and dtype."""
    return one_array(x)


def same_number(x: Spec, **_: Any) -> Spec:
    """Spec rule of an op that keeps shape and dtype, and that booleans do not go into."""
    check(one_array(x).dtype.kind != "b", "it needs numbers, not booleans", input=x)
    return x


def same_float(x: Spec, **_: Any) -> Spec:
    """Spec rule of an op that keeps the shape and gives floats."""
    return Spec(one_array(x).shape, float_dtype(x))


def same_bool(x: Spec, **_: Any) -> Spec:
    """Spec rule of an op that keeps the shape and gives booleans."""
    return Spec(one_array(x).shape, np.dtype(bool))


def one_array(x: Any) -> Spec:
    """x, where it is an array's Spec. Raises SpecError for a Python number."""
    check(isinstance(x, Spec), "it needs an array, not a Python number", input=x)
    return x


def axes_of(axis: int | Sequence[int] | None, ndim: int, op: str) -> tuple[int, ...]:
    """The axes a reduction works on, counted from the front. Raises SpecError for one that is not there."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int:
        return _one_axis(axis, ndim, op)
    axes = tuple(axis) if isinstance(axis, tuple | list | range) else (axis,)
    for a in axes:
        check(isinstance(a, int) and not isinstance(a, bool), f"{op} needs whole numbers as axes", axis=axis)
        check(-ndim <= a < ndim, f"{op} needs axis between {-ndim} and {ndim - 1}", axis=a)
    axes = tuple(a % ndim for a in axes)
    check(len(set(axes)) == len(axes), f"{op} needs each axis once", axis=axes)
    return axes


@functools.cache
def _one_axis(axis: int, ndim: int, op: str) -> tuple[int, ...]:
    check(-ndim <= axis < ndim, f"{op} needs axis between {-ndim} and {ndim - 1}", axis=axis)
    return (axis % ndim,)


def reduced_shape(shape: Shape, axes: Iterable[int], keepdim: bool) -> Shape:
    axes = set(axes)
    if keepdim:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)
