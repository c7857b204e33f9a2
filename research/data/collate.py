"""Samples made one batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from research.tensor import _as_array, _wrap
from shared_ops.device import to_host


def default_collate(samples: Sequence[Any]) -> Any:
    """Samples stacked into a batch: arrays and numbers along a new first axis, tuples and dicts entry by entry.

    Texts stay a list.
    """
    first = samples[0]
    if isinstance(first, str | bytes):
        return list(samples)
    if isinstance(first, Mapping):
        return {key: default_collate([s[key] for s in samples]) for key in first}
    if isinstance(first, tuple | list):
        parts = [default_collate(entries) for entries in zip(*samples, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    return _wrap(np.stack([to_host(_as_array(s)) for s in samples]))


def fetch(dataset: Any, indices: np.ndarray, collate: Callable | None = None) -> Any:
    """One batch. A dataset with a `batch(indices)` method is asked for all of it at once."""
    if collate is None and hasattr(dataset, "batch"):
        return dataset.batch(indices)
    return (collate or default_collate)([sample(dataset, int(i)) for i in indices])


def sample(dataset: Any, index: int) -> Any:
    """One sample. An error says which sample it was."""
    try:
        return dataset[index]
    except Exception as error:
        error.add_note(f"this was sample {index} of {type(dataset).__name__}")
        raise
