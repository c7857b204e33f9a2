"""Tensors out of nothing, or out of data."""

from __future__ import annotations

from typing import Any

import numpy as np

from research.random import _sizes
from research.tensor import Tensor, _as_array, _wrap
from shared_ops.device import Device, array_module
from shared_ops.spec import dtype_named


def _on(device: Any) -> Device:
    return device if isinstance(device, Device) else Device(device or "cpu")


def _made(array: Any, device: Any, requires_grad: bool) -> Tensor:
    return Tensor(_on(device).put(array), requires_grad=requires_grad)


def tensor(data: Any, dtype: Any = None, device: Any = "cpu", requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of the data; Python floats become float32."""
    array = _as_array(data)
    return _made(array.astype(dtype_named(dtype or array.dtype), copy=True), device, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor over the data, copied only when it has to be."""
    same = data if isinstance(data, Tensor) else _wrap(_as_array(data))
    return same.to(device=device, dtype=dtype)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the array's memory."""
    return _wrap(array)


def from_dlpack(source: Any) -> Tensor:
    """A tensor that shares the memory of another library's: PyTorch's, JAX's, CuPy's.

    Raises TypeError for what does not speak DLPack.
    """
    if not hasattr(source, "__dlpack__"):
        raise TypeError(f"from_dlpack takes an object with __dlpack__; got {type(source).__name__}")
    if source.__dlpack_device__()[0] == 1:
        return _wrap(np.from_dlpack(source))
    return _wrap(Device("cuda").xp.from_dlpack(source))


def full(size: Any, fill_value: Any, dtype: Any = None, requires_grad: bool = False, *, device: Any = None) -> Tensor:
    """One value everywhere; its dtype, unless told, is the value's kind."""
    kinds = {bool: np.bool_, float: np.float32, complex: np.complex64}
    dtype = dtype_named(dtype) if dtype is not None else kinds.get(type(fill_value), np.int64)
    return _made(np.full((size,) if isinstance(size, int) else tuple(size), fill_value, dtype), device, requires_grad)


def zeros(*size: Any, dtype: Any = np.float32, requires_grad: bool = False, device: Any = None) -> Tensor:
    return full(_sizes(size), 0, dtype, requires_grad, device=device)


def ones(*size: Any, dtype: Any = np.float32, requires_grad: bool = False, device: Any = None) -> Tensor:
    return full(_sizes(size), 1, dtype, requires_grad, device=device)


empty = zeros  # what nobody has written yet is 0, never what lay there


def full_like(input: Tensor, fill_value: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    array = array_module((input.array,)).full_like(input.array, fill_value, dtype=dtype)
    return Tensor(array, requires_grad=requires_grad)


def zeros_like(input: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return full_like(input, 0, dtype, requires_grad)


def ones_like(input: Tensor, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    return full_like(input, 1, dtype, requires_grad)


empty_like = zeros_like


def arange(*range_: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """`arange(end)`, `arange(start, end)` or `arange(start, end, step)`, also by these names."""
    if named:
        range_ = (*range_, *(named[name] for name in ("start", "end", "step") if name in named))
    whole = all(isinstance(n, int | np.integer) for n in range_)
    return _made(np.arange(*range_, dtype=dtype or (np.int64 if whole else np.float32)), device, requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """`steps` values at equal distances, both ends among them."""
    return _made(np.linspace(start, end, steps, dtype=dtype), None, requires_grad)


def logspace(start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = np.float32) -> Tensor:
    """`steps` values from base**start to base**end, at equal ratios."""
    return _wrap(np.logspace(start, end, steps, base=base, dtype=dtype))


def eye(n: int, m: int | None = None, *, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """1 on the diagonal, 0 elsewhere: (n, m), or (n, n)."""
    return _made(np.eye(n, m, dtype=dtype), None, requires_grad)


def tril_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """The places on and below a diagonal: (2, count)."""
    return _wrap(np.stack(np.tril_indices(row, offset, col)))


def triu_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """The places on and above a diagonal: (2, count)."""
    return _wrap(np.stack(np.triu_indices(row, offset, col)))
