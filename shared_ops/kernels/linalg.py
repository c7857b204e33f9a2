"""Matrix products of float32 arrays by `gemm`: plain, batched, and a dense layer with its bias."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shared_ops.kernels.elementwise import add_in_place_rows
from shared_ops.kernels.formula import F4
from shared_ops.kernels.gemm import SMALLEST, product

SMALLEST_IN_BATCH = 1 << 12  # multiplications: NumPy's loop over smaller matrices is as quick


def matmul(a: Any, b: Any) -> Any:
    """(..., n, k), (..., k, m) -> (..., n, m): where it is large enough to gain."""
    if not (type(a) is type(b) is np.ndarray and a.dtype is F4 and b.dtype is F4) or a.ndim < 2 or b.ndim < 2:
        return NotImplemented
    each = a.shape[-2] * a.shape[-1] * b.shape[-1]
    if a.ndim == 2 and b.ndim == 2:
        return product(a, b) if each >= SMALLEST and a.shape[1] == b.shape[0] else NotImplemented
    if b.ndim == 2:  # one matrix for all: the batch is more rows
        if math.prod(a.shape[:-2]) * each < SMALLEST or a.shape[-1] != b.shape[0]:
            return NotImplemented
        return product(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[1])
    batch = math.prod(a.shape[:-2])
    if a.shape[:-2] != b.shape[:-2] or each < SMALLEST_IN_BATCH or batch * each < SMALLEST:
        return NotImplemented
    flat = product(a.reshape(batch, *a.shape[-2:]), b.reshape(batch, *b.shape[-2:]))
    return flat.reshape(*a.shape[:-1], b.shape[-1])


def linear(x: Any, w: Any, *bias: Any) -> Any:
    """x @ w.T + b: (..., i), (o, i), (o,) -> (..., o); or without b."""
    if not all(type(a) is np.ndarray and a.dtype is F4 for a in (x, w, *bias)) or not x.size:
        return NotImplemented
    rows = x.reshape(-1, x.shape[-1])
    if rows.shape[0] * w.size < SMALLEST:
        out = np.matmul(rows, w.T)
        for b in bias:
            np.add(out, b, out)
    else:
        out = product(rows, w.T)
        for b in bias:
            add_in_place_rows(out, b)
    return out.reshape(*x.shape[:-1], w.shape[0])


KERNELS = {"matmul": matmul, "linear": linear}
