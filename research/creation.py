"""Tensors out of nothing, or out of data."""

from __future__ import annotations

from typing import Any

import numpy as np

from research.random import _sizes
from research.tensor import Tensor, _as_array, _wrap
from shared_ops.device import Device, array_module


def tensor(data: Any, dtype: Any = None, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of the data; Python floats become float32."""
    array = _as_array(data)
    array = Device(device).put(array.astype(dtype or array.dtype, copy=True))
    return Tensor(array, requires_grad=requires_grad)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """A tensor over the data, copied only when it has to be."""
    if isinstance(data, Tensor) and dtype in (None, data.dtype):
        return data
    array = _as_array(data)
    return _wrap(array if dtype is None else array.astype(dtype, copy=False))


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the array's memory."""
    return _wrap(array)


def full(size: Any, fill_value: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    dtype = dtype or (np.float32 if isinstance(fill_value, float) else np.int64)
    return Tensor(np.full(tuple(size), fill_value, dtype), requires_grad=requires_grad)


def zeros(*size: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    return full(_sizes(size), 0, dtype, requires_grad)


def ones(*size: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    return full(_sizes(size), 1, dtype, requires_grad)


def zeros_like(like: Tensor) -> Tensor:
    return _wrap(array_module((like.array,)).zeros_like(like.array))


def ones_like(like: Tensor) -> Tensor:
    return _wrap(array_module((like.array,)).ones_like(like.array))


def arange(*range_: float, dtype: Any = None) -> Tensor:
    """`arange(end)`, `arange(start, end)` or `arange(start, end, step)`."""
    return _wrap(np.arange(*range_, dtype=dtype or (None if all(isinstance(n, int) for n in range_) else np.float32)))


def linspace(start: float, end: float, steps: int) -> Tensor:
    return _wrap(np.linspace(start, end, steps, dtype=np.float32))


def eye(n: int) -> Tensor:
    return _wrap(np.eye(n, dtype=np.float32))
