"""The sum that undoes broadcasting."""

from __future__ import annotations

from typing import Any

from numpy import ndarray

from shared_ops.kernels.formula import F4
from shared_ops.kernels.reduce import SMALL, sum_over


def sum_to(x: Any, *, shape: Any) -> Any:
    """Sum the axes that broadcasting added or stretched, back to `shape`."""
    if type(x) is not ndarray or x.dtype is not F4 or x.size < SMALL or not x.flags.c_contiguous:
        return NotImplemented
    extra = x.ndim - len(shape)
    axes = tuple([i for i in range(x.ndim) if i < extra or (shape[i - extra] == 1 and x.shape[i] != 1)])
    return sum_over(x, axes).reshape(shape) if axes else x


KERNELS = {"sum_to": sum_to}
