"""Pinned memory: where a GPU is, batches in pages that it can read by itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from research.tensor import Tensor, _wrap


def pinned(batch: Any) -> Any:
    """The batch with its arrays in pinned memory; as it is where CuPy is not in use."""
    if "cupy" not in sys.modules:
        return batch
    if isinstance(batch, Tensor):
        return _wrap(_copy(batch.array))
    if isinstance(batch, Mapping):
        return {key: pinned(value) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [pinned(value) for value in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def _copy(array: np.ndarray) -> np.ndarray:
    memory = sys.modules["cupy"].cuda.alloc_pinned_memory(array.nbytes)
    copy = np.frombuffer(memory, array.dtype, array.size).reshape(array.shape)
    copy[...] = array
    return copy
