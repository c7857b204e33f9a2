"""Matrix products of float32 arrays by `gemm`: plain, batched, and a dense layer with its bias."""

from __future__ import annotations

from typing import Any

from numpy import ndarray

from shared_ops.kernels.formula import F4
from shared_ops.kernels.gemm import NO_BIAS, product


def matmul(a: Any, b: Any) -> Any:
    """(..., n, k), (..., k, m) -> (..., n, m)."""
    if not (type(a) is type(b) is ndarray and a.dtype is F4 and b.dtype is F4 and a.size and b.size):
        return NotImplemented
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        return NotImplemented
    if b.ndim == 2:  # one matrix for all: a batch is more rows
        return product(a, b) if a.ndim == 2 else product(_rows(a), b).reshape(*a.shape[:-1], b.shape[1])
    if a.shape[:-2] != b.shape[:-2]:
        return NotImplemented
    flat = product(a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:]))
    return flat.reshape(*a.shape[:-1], b.shape[-1])


def _rows(x: ndarray) -> ndarray:
    return x.reshape(-1, x.shape[-1])


def linear(x: Any, w: Any, *bias: Any) -> Any:
    """x @ w.T + b: (..., i), (o, i), (o,) -> (..., o); or without b."""
    if not all(type(a) is ndarray and a.dtype is F4 for a in (x, w, *bias)) or not (x.size and w.size):
        return NotImplemented
    if w.ndim != 2 or x.shape[-1] != w.shape[1] or any(b.shape != w.shape[:1] for b in bias):
        return NotImplemented
    start = bias[0] if bias and bias[0].flags.carray else NO_BIAS
    out = product(x if x.ndim == 2 else _rows(x), w.T, start)
    if bias and start is NO_BIAS:
        out += bias[0]
    return out if x.ndim == 2 else out.reshape(*x.shape[:-1], w.shape[0])


KERNELS = {"matmul": matmul, "linear": linear}
