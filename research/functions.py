"""The functions that stand directly under torch, with its argument names."""

from __future__ import annotations

from typing import Any

import numpy as np

from shared_ops import ops
from shared_ops.control import cond, scan, while_loop
from shared_ops.ops import abs, cos, exp, log, matmul, maximum, minimum, relu, sigmoid, sign, sin, sqrt, tanh, where

mm = matmul
pow = ops.pow


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    return ops.clamp(input, min=min, max=max)


def sum(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return input.sum(dim, keepdim)


def mean(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    return input.mean(dim, keepdim)


def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    return input.argmax(dim, keepdim)


def softmax(input: Any, dim: int) -> Any:
    return ops.softmax(input, axis=dim)


def log_softmax(input: Any, dim: int) -> Any:
    return ops.log_softmax(input, axis=dim)


def cat(tensors: Any, dim: int = 0) -> Any:
    return ops.cat(*tensors, axis=dim)


def stack(tensors: Any, dim: int = 0) -> Any:
    return ops.stack(tensors, dim)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    return ops.flatten(input, start_dim, end_dim)


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Whether all values are close: |input - other| <= atol + rtol * |other|."""
    return np.allclose(input.detach().numpy(), other.detach().numpy(), rtol, atol)


__all__ = [
    "abs",
    "allclose",
    "argmax",
    "cat",
    "clamp",
    "cond",
    "cos",
    "exp",
    "flatten",
    "log",
    "log_softmax",
    "matmul",
    "maximum",
    "mean",
    "minimum",
    "mm",
    "pow",
    "relu",
    "scan",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "sqrt",
    "stack",
    "sum",
    "tanh",
    "where",
    "while_loop",
]
