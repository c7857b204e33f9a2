"""The sum that undoes broadcasting."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy import ndarray

from shared_ops.kernels.accumulate import SUM
from shared_ops.kernels.formula import F4
from shared_ops.kernels.reduce import SMALL, plan, reduce


@functools.lru_cache(4096)
def _axes(shape: tuple[int, ...], to: tuple[int, ...]) -> tuple[int, ...]:
    """The axes that broadcasting added or stretched."""
    extra = len(shape) - len(to)
    return tuple(i for i in range(len(shape)) if i < extra or (to[i - extra] == 1 and shape[i] != 1))


def sum_to(x: Any, *, shape: Any) -> Any:
    """Sum the axes that broadcasting added or stretched, back to `shape`."""
    if type(x) is not ndarray or x.dtype is not F4 or x.size == 0:
        return NotImplemented
    axes = _axes(x.shape, tuple(shape))
    if not axes:
        return x
    if x.size < SMALL or not x.flags.c_contiguous:
        return np.add.reduce(x, axes, None, None, True).reshape(shape)  # type: ignore[call-overload]
    return reduce(x, plan(x.shape, axes, True), SUM).reshape(shape)


KERNELS = {"sum_to": sum_to}
