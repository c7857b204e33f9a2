"""Elementwise ops on float32 arrays: each expression over whole arrays, by chunk kernels and the loops.

Arrays of one layout are worked through as they lie in memory, whatever that layout is; the result has it too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from shared_ops.kernels.expressions import EXACT, EXPRESSIONS, VARIANT_SETTING, VARIANTS, few
from shared_ops.kernels.formula import BOOL, F4, Formula
from shared_ops.kernels.loops import (
    SERIAL_BELOW,
    run_flat,
    run_one,
    run_parallel,
    run_rows,
    run_rows_with_number,
    run_serial,
)
from shared_ops.kernels.memory import empty
from shared_ops.op import REGISTRY

SHORTEST_ROW = 16  # elements: shorter ones are not worth a call each
TRUTH = {"logical_and", "logical_or", "logical_xor", "logical_not"}
GIVES_BOOL = {"eq", "ne", "lt", "le", "gt", "ge", *TRUTH}
PLAIN = {  # ops whose kernel in NumPy is as good as ours would be, and the kinds of dtypes that it takes as they are
    "iu": "bitwise_and bitwise_or bitwise_xor bitwise_not left_shift right_shift",
    "f": "isnan isinf isfinite sin cos tan asin acos atan sinh cosh log2 log10 atan2",
}
KINDS = {F4: "v", BOOL: "b"}
NUMBER_ARRAYS: dict[Any, np.ndarray] = {}


def number_array(number: float) -> np.ndarray:
    """A Python number as a float32 array without axes: NumPy takes that in half the time."""
    array = NUMBER_ARRAYS.get(number)
    if array is None:
        if len(NUMBER_ARRAYS) > 1000:
            NUMBER_ARRAYS.clear()
        array = np.array(number, F4)
        if number != 0:  # 0.0 and -0.0 are one key
            NUMBER_ARRAYS[number] = array
    return array


def run(formula: Formula, arrays: list[np.ndarray], numbers: tuple[float, ...] = ()) -> list[np.ndarray]:
    """The results of a formula over arrays of one shape."""
    first = arrays[0]
    for a in arrays:
        if not a.flags.c_contiguous:
            return _run_in_memory_order(formula, arrays, numbers)
    outs = [empty(first.shape, dtype) for dtype in formula.dtypes]
    if first.size >= SERIAL_BELOW:
        run_parallel(formula.address, tuple([a.ravel() for a in (*arrays, *outs)]), numbers)
    elif first.size:
        run_serial(formula.address, (*arrays, *outs), numbers)
    return outs


def _run_in_memory_order(formula: Formula, arrays: list[np.ndarray], numbers: tuple[float, ...]) -> list[np.ndarray]:
    """The same where some array is not in row-major order; if all have one layout, the results have it too."""
    first = arrays[0]
    if len(arrays) > 1 and formula.kinds[0] == "v" and first.size and not any(first.strides):
        return run(formula.first_as_number, arrays[1:], (*numbers, float(first.flat[0])))  # what `expand` repeats
    if 0 in first.strides or any(a.strides != first.strides for a in arrays):  # repeated, or of several layouts
        return run(formula, [np.ascontiguousarray(a) for a in arrays], numbers)
    outs = [np.empty_like(first, dtype) for dtype in formula.dtypes]
    if first.size:
        run_flat(formula.address, tuple([a.ravel("K") for a in arrays] + [o.ravel("K") for o in outs]), numbers)
    return outs


@functools.lru_cache(4096)
def single(name: str, kinds: str, numbers: int, over: bool = False) -> Formula:
    """One expression of arrays, or of one array and numbers; `kinds` has `s` where a number stands.

    `over`: it is written over the first array.
    """
    operands, arrays, scalars = [], 0, 0
    for kind in kinds:
        operands.append(f"s{scalars}" if kind == "s" else f"e{arrays}")
        arrays, scalars = arrays + (kind != "s"), scalars + (kind == "s")
    operands += [f"s{scalars + i}" for i in range(numbers)]
    kind = "b" if name in GIVES_BOOL else "v"
    steps = [("v0", name, tuple(operands))]
    return Formula(kinds.replace("s", ""), scalars + numbers, steps, [("v0", kind)], over)


def unary(name: str) -> Callable:
    """The fast form of an op of one array, and number settings."""
    exact, limit, word = EXACT.get(name), few(name), VARIANT_SETTING.get(name)
    usual = number_settings(name, {})
    formula = single(VARIANTS[name][REGISTRY[name].attrs[word]] if word else name, "v", len(usual))

    def fast(x: Any, **settings: Any) -> Any:
        if type(x) is not ndarray or x.dtype is not F4:
            return fast(np.asarray(x), **settings) if type(x) is np.float32 else NotImplemented
        if exact is not None and x.size < limit:
            return exact(x)
        if settings:
            numbers = number_settings(name, settings)
            chosen = VARIANTS[name][settings.get(word, REGISTRY[name].attrs[word])] if word else name
            return run(single(chosen, "v", len(numbers)), [x], numbers)[0]
        if usual or x.size >= SERIAL_BELOW or not x.flags.c_contiguous:
            return run(formula, [x], usual)[0]
        out = np.empty(x.shape, F4)
        if x.size:
            run_one(formula.address, x, out)
        return out

    fast.exact, fast.few = exact, limit  # type: ignore[attr-defined]
    return fast


def number_settings(name: str, settings: dict[str, Any]) -> tuple[float, ...]:
    """The op's number settings, in its order."""
    word = VARIANT_SETTING.get(name)
    return tuple(float(settings.get(k, v)) for k, v in REGISTRY[name].attrs.items() if k != word)


def binary(name: str) -> Callable:
    """The fast form of an op of two arrays, or of one and a number."""
    exact, limit, vector = EXACT.get(name), few(name), single(name, "vv", 0)

    def fast(x: Any, y: Any) -> Any:
        both = type(x) is type(y) is ndarray and x.dtype is y.dtype is F4
        if exact is not None and both and x.size < limit and y.size < limit:
            try:
                return exact(x, y)
            except ValueError:  # they do not broadcast; the op's rule says so in words
                return NotImplemented
        if np.float32 in (type(x), type(y)):  # what NumPy makes of arrays without axes
            x, y = (np.asarray(a) if type(a) is np.float32 else a for a in (x, y))
        x_is, y_is = type(x) is ndarray, type(y) is ndarray
        if not ((x_is and x.dtype is F4) or not x_is) or not ((y_is and y.dtype is F4) or not y_is):
            return NotImplemented
        if x_is and y_is:
            if x.shape == y.shape:
                return run(vector, [x, y])[0]
            return _repeated(name, x, y)
        array, number = (x, y) if x_is else (y, x)
        if not (x_is or y_is) or type(number) not in (int, float):
            return NotImplemented
        if exact is not None and array.size < limit:
            number = number_array(number)
            return exact(x, number) if x_is else exact(number, y)
        return run(single(name, "vs" if x_is else "sv", 0), [array], (float(number),))[0]

    fast.exact, fast.few, fast.number_array = exact, limit, number_array  # type: ignore[attr-defined]
    return fast


def _repeated(name: str, x: np.ndarray, y: np.ndarray) -> Any:
    """An expression of two arrays that broadcast; NotImplemented where rows would be short, or do not fit."""
    if x.ndim == 0 or (x.size == 1 and y.ndim >= x.ndim):
        return run(single(name, "sv", 0), [y], (float(x.reshape(())),))[0]
    if y.ndim == 0 or (y.size == 1 and x.ndim >= y.ndim):
        return run(single(name, "vs", 0), [x], (float(y.reshape(())),))[0]
    plan = rows_of(x.shape, y.shape)
    if plan is None or not (x.flags.c_contiguous and y.flags.c_contiguous):
        return NotImplemented
    shape, rows, inner, x_steps, y_steps, middle, number_in = plan
    out = empty(shape, BOOL if name in GIVES_BOOL else F4)
    flat = x.ravel(), y.ravel(), out.ravel()
    if number_in == "":
        run_rows(single(name, "vv", 0).address, *flat, rows, inner, x_steps, y_steps, middle)
    elif number_in == "y":
        run_rows_with_number(single(name, "vs", 0).address, *flat, rows, inner, x_steps, y_steps, middle)
    else:
        swapped = flat[1], flat[0], flat[2]
        run_rows_with_number(single(name, "sv", 0).address, *swapped, rows, inner, y_steps, x_steps, middle)
    return out


@functools.lru_cache(4096)
def rows_of(x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> Any:
    """How two contiguous arrays broadcast as rows: up to two outer axes, and an inner one. None if that is not so.

    Neighbouring axes on which both arrays go on, or repeat, alike are one axis.
    """
    try:
        shape = np.broadcast_shapes(x_shape, y_shape)
    except ValueError:
        return None
    axes: list[list[Any]] = []  # [size, x goes on, y goes on]
    for n, a, b in zip(shape, _filled(x_shape, len(shape)), _filled(y_shape, len(shape)), strict=True):
        goes = (a != 1, b != 1)
        if n == 1:
            continue
        if axes and tuple(axes[-1][1:]) == goes:
            axes[-1][0] *= n
        else:
            axes.append([n, *goes])
    if not 1 <= len(axes) <= 3 or 0 in shape or axes[-1][0] < SHORTEST_ROW:
        return None
    (inner, x_inner, y_inner), outer = axes[-1], [[1, False, False]] * (3 - len(axes)) + axes[:-1]
    steps = []
    for which, inside in ((1, x_inner), (2, y_inner)):
        width = inner if inside else 1
        mid = outer[1][0] if outer[1][which] else 1
        steps.append((mid * width if outer[0][which] else 0, width if outer[1][which] else 0))
    number_in = "" if x_inner and y_inner else "y" if x_inner else "x"
    return shape, outer[0][0] * outer[1][0], inner, steps[0], steps[1], outer[1][0], number_in


def _filled(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    return (1,) * (ndim - len(shape)) + shape


def truth(name: str) -> Callable:
    """The fast form of an op of booleans."""
    exact, limit = EXACT[name], few(name)

    def fast(*operands: Any) -> Any:
        x, y = operands[0], operands[-1]
        if type(x) is not ndarray or type(y) is not ndarray or not x.dtype is y.dtype is BOOL or x.shape != y.shape:
            return NotImplemented
        return exact(*operands) if x.size < limit else run(single(name, "b" * len(operands), 0), list(operands))[0]

    return fast


def plain(op: Any, kinds: str) -> Callable:
    """The op's own kernel, for arrays of one shape and one dtype of some kinds: the short way to it."""
    kernel = op.kernel

    def fast(*operands: Any) -> Any:
        x, y = operands[0], operands[-1]
        if type(x) is type(y) is ndarray and x.dtype is y.dtype and x.dtype.kind in kinds and x.shape == y.shape:
            return kernel(np, *operands) if x.dtype.char != "e" else NotImplemented
        return NotImplemented

    return fast


def _kind(operand: Any) -> str:
    """What stands at a place: `v` or `b` for an array of elements, `s` for a number, `?` for anything else."""
    if type(operand) is ndarray:
        return KINDS.get(operand.dtype, "?")
    return "s" if type(operand) in (int, float) else "?"


def ternary(name: str) -> Callable:
    """The fast form of an op of three operands: arrays of one shape, and numbers."""
    exact, limit, first_kind = EXACT.get(name), few(name), "b" if name == "where" else "v"
    all_arrays = single(name, first_kind + "vv", 0)

    def fast(*operands: Any) -> Any:
        x, y, z = operands
        arrays_alone = type(x) is type(y) is type(z) is ndarray and x.shape == y.shape == z.shape
        if arrays_alone and KINDS.get(x.dtype) == first_kind and y.dtype is z.dtype is F4:
            return exact(x, y, z) if exact is not None and x.size < limit else run(all_arrays, [x, y, z])[0]
        arrays = [a for a in operands if type(a) is ndarray]
        if not arrays or any(a.shape != arrays[0].shape for a in arrays):
            return NotImplemented
        kinds = "".join(map(_kind, operands))
        if kinds[0] != first_kind or "?" in kinds or "b" in kinds[1:] or kinds[1:] == "ss":
            return NotImplemented
        if exact is not None and arrays[0].size < limit:
            return exact(*[a if type(a) is ndarray else number_array(a) for a in operands])
        numbers = tuple(float(a) for a in operands if type(a) is not ndarray)
        return run(single(name, kinds, 0), arrays, numbers)[0]

    return fast


def pow(x: Any, y: Any) -> Any:
    """x squared; other powers are NumPy's."""
    if type(x) is not ndarray or type(y) not in (int, float) or y != 2:
        return NotImplemented
    return SQUARE(x)


def clamp(x: Any, *, min: float | None = None, max: float | None = None) -> Any:
    """x, not below min and not above max."""
    if type(x) is not ndarray or x.dtype is not F4:
        return NotImplemented
    bounds = [(name, bound) for name, bound in (("maximum", min), ("minimum", max)) if bound is not None]
    if not bounds or any(type(bound) not in (int, float) for _, bound in bounds):
        return NotImplemented
    if x.size < few("maximum"):
        for name, bound in bounds:
            x = EXACT[name](x, number_array(bound))
        return x
    formula = single(bounds[0][0], "vs", 0) if len(bounds) == 1 else BETWEEN
    return run(formula, [x], tuple(float(bound) for _, bound in bounds))[0]


def into(name: str, x: ndarray, y: Any) -> bool:
    """Write an expression of x and y over x; whether it could be done."""
    if x.dtype is not F4 or not x.flags.c_contiguous or not x.flags.writeable:
        return False
    if type(y) in (int, float):
        kinds, arrays, numbers = "vs", [x], [float(y)]
    elif type(y) is ndarray and y.dtype is F4 and y.shape == x.shape and y.flags.c_contiguous:
        if y is not x and np.may_share_memory(x, y):
            return False
        kinds, arrays, numbers = "vv", [x, y], []
    else:
        return False
    if x.size:
        run_flat(single(name, kinds, 0, over=True).address, tuple([a.ravel() for a in arrays]), tuple(numbers))
    return True


SQUARE = unary("square")
BETWEEN = Formula("v", 2, [("v0", "maximum", ("e0", "s0")), ("v1", "minimum", ("v0", "s1"))], [("v1", "v")])


def forms() -> dict[str, Callable]:
    """A fast form for each expression that is an op."""
    found: dict[str, Callable] = {}
    for name in {*EXPRESSIONS, *VARIANTS} - TRUTH & REGISTRY.keys():
        op = REGISTRY[name]
        if len(op.inputs) < 3:
            found[name] = unary(name) if len(op.inputs) == 1 else binary(name)
    found |= {name: truth(name) for name in TRUTH}
    found |= {name: plain(REGISTRY[name], kinds) for kinds, names in PLAIN.items() for name in names.split()}
    return {**found, "where": ternary("where"), "lerp": ternary("lerp"), "clamp": clamp, "pow": pow}


KERNELS = forms()
