"""The functions that stand directly under torch, with its argument names: most are methods with the tensor in front."""

from __future__ import annotations

from typing import Any

import numpy as np

from research.random import bernoulli, multinomial
from research.tensor import Tensor, _wrap
from shared_ops import ops
from shared_ops.control import cond, scan, while_loop
from shared_ops.device import to_host
from shared_ops.methods import Methods
from shared_ops.ops import einsum as _einsum
from shared_ops.ops import where as _where

ONLY_METHODS = {"view", "view_as", "reshape_as", "expand", "expand_as", "type_as", "repeat", "dim", "where"} | {
    "float",
    "double",
    "half",
    "bfloat16",
    "long",
    "int",
    "bool",
}  # and never functions; `where` takes the condition first


def cat(tensors: Any, dim: int = 0) -> Any:
    """Tensors one after another along an axis."""
    return ops.cat(*tensors, axis=dim)


def stack(tensors: Any, dim: int = 0) -> Any:
    """Tensors one after another along a new axis."""
    return ops.stack(tensors, dim)


def meshgrid(*tensors: Any, indexing: str = "ij") -> Any:
    """Vectors repeated over the grid that they span."""
    return ops.meshgrid(tensors[0] if isinstance(tensors[0], list | tuple) else tensors, indexing)


def einsum(equation: str, *operands: Any) -> Any:
    """Einstein's sums: `einsum("bij,bjk->bik", a, b)`."""
    operands = tuple(operands[0]) if len(operands) == 1 and isinstance(operands[0], list | tuple) else operands
    return _einsum(*operands, equation=equation)


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Products summed over the last `dims` axes of a and the first of b, or over the axes listed for each."""
    ours, theirs = dims if isinstance(dims, list | tuple) else (range(-dims, 0), range(dims))
    ours, theirs = [i % a.ndim for i in ours], [i % b.ndim for i in theirs]
    names = iter(range(a.ndim + b.ndim))
    left = [next(names) for _ in range(a.ndim)]
    right = [left[ours[theirs.index(i)]] if i in theirs else next(names) for i in range(b.ndim)]
    out = [n for i, n in enumerate(left) if i not in ours] + [n for i, n in enumerate(right) if i not in theirs]
    letters = ["".join(chr(ord("a") + n) for n in side) for side in (left, right, out)]
    return _einsum(a, b, equation=f"{letters[0]},{letters[1]}->{letters[2]}")


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, else other; with the condition alone, the places where it holds."""
    return nonzero(condition, as_tuple=True) if input is None and other is None else _where(condition, input, other)


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The places of the values that are not 0: (found, axes), or a vector for each axis."""
    places = input.array.nonzero()
    if as_tuple:
        return tuple(_wrap(p) for p in places)
    return _wrap(np.stack([to_host(p) for p in places], 1) if places else np.zeros((int(input.item() != 0), 0), int))


def bincount(input: Tensor, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each whole number from 0 up occurs, or the sum of its weights."""
    weights = None if weights is None else to_host(weights.array)
    return _wrap(np.bincount(to_host(input.array), weights, minlength))


def cross(input: Any, other: Any, dim: int = -1) -> Any:
    """The vector product, along an axis of size 3."""
    a, b = (ops.unbind(x, dim) for x in (input, other))
    turns = ((1, 2), (2, 0), (0, 1))
    return ops.stack([a[i] * b[j] - a[j] * b[i] for i, j in turns], dim)


def dist(input: Any, other: Any, p: float = 2.0) -> Any:
    """The p-norm of the difference."""
    return (input - other).norm(p)


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all values are close: |input - other| <= atol + rtol * |other|."""
    return np.allclose(input.detach().numpy(), other.detach().numpy(), rtol, atol, equal_nan)


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and values."""
    return input.shape == other.shape and bool((input.array == other.array).all())


def is_tensor(value: Any) -> bool:
    """Whether it is a Tensor."""
    return isinstance(value, Tensor)


def numel(input: Tensor) -> int:
    """How many values it has."""
    return input.numel()


for _function in (nonzero, bincount, cross, dist, allclose, equal, multinomial, bernoulli):  # not of nodes
    setattr(Tensor, _function.__name__, _function)
_methods = {n: f for n, f in vars(Methods).items() if callable(f) and n[0] != "_" and n not in ONLY_METHODS}
_here = "cat stack meshgrid einsum tensordot where nonzero bincount cross dist allclose equal is_tensor numel"
globals().update(_methods)
__all__ = [*_methods, *_here.split(" "), "cond", "scan", "while_loop"]
