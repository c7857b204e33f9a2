"""Values looked up, as functions: torch.nn.functional's names; `functional` has them all."""

from __future__ import annotations

from typing import Any

import numpy as np

from research.tensor import Tensor
from shared_ops import ops
from shared_ops.device import to_host
from shared_ops.spec import check


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """Rows of a table by number: (...,) int, (v, d) -> (..., d)."""
    return ops.embedding(input, weight, padding_idx=padding_idx)


def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    mode: str = "mean",
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """Sums, means or greatest values of a table's rows, bag by bag: (b, n), (v, d) -> (b, d).

    With offsets, (b,), where the bags begin in a vector of numbers; with include_last_offset the end of the last, too.
    Rows of padding_idx do not count. An empty bag gives zeros.
    """
    check(mode in ("sum", "mean", "max"), "embedding_bag needs mode 'sum', 'mean' or 'max'", mode=mode)
    weighted = per_sample_weights is not None
    check(not weighted or mode == "sum", "per_sample_weights go with mode 'sum'", mode=mode)
    numbers = to_host(input.array)
    if numbers.ndim == 2:
        bags = np.repeat(np.arange(len(numbers)), numbers.shape[1])
        count = len(numbers)
    else:
        starts = _starts(offsets, len(numbers), include_last_offset)
        count = len(starts) - 1
        bags = np.repeat(np.arange(count), np.diff(starts))
    flat = numbers.reshape(-1)
    counted = np.flatnonzero(flat != padding_idx) if padding_idx is not None else np.arange(len(flat))
    bags, rows = bags[counted], ops.embedding(Tensor(flat[counted]), weight)
    if weighted:
        shares = ops.take(ops.reshape(per_sample_weights, shape=(-1,)), counted)
        rows = ops.mul(rows, ops.unsqueeze(shares, 1))
    if mode == "max":
        return _greatest(rows, bags, count)
    zeros = Tensor(np.zeros((count, weight.shape[1]), weight.dtype))
    total = ops.index_add(zeros, 0, Tensor(bags), rows)
    if mode == "sum":
        return total
    sizes = np.maximum(np.bincount(bags, minlength=count), 1).astype(weight.dtype)
    return ops.div(total, Tensor(sizes[:, None]))


def _starts(offsets: Any, length: int, include_last: bool) -> np.ndarray:
    """Where each bag begins, and where the last one ends."""
    check(offsets is not None, "embedding_bag of a vector needs offsets, where the bags begin", offsets=offsets)
    starts = to_host(offsets.array)
    starts = starts if include_last else np.append(starts, length)
    fine = len(starts) > 0 and starts[0] == 0 and bool((np.diff(starts) >= 0).all()) and starts[-1] <= length
    check(fine, f"offsets begin at 0, do not fall, and end within the {length} numbers", offsets=starts.tolist())
    return starts


def _greatest(rows: Any, bags: np.ndarray, count: int) -> Any:
    """The greatest value of each column in each bag, (n, d) -> (count, d)."""
    sizes = np.bincount(bags, minlength=count)
    width = int(sizes.max(initial=0))
    if not width:
        return Tensor(np.zeros((count, rows.shape[1]), rows.dtype))
    places = np.zeros((count, width), np.int64)
    inside = np.arange(width) < sizes[:, None]
    places[inside] = np.arange(len(bags))
    laid = ops.where(Tensor(inside[..., None]), ops.take(rows, places, axis=(0,)), -float("inf"))
    return ops.where(Tensor(sizes[:, None] > 0), ops.amax(laid, axis=1), 0.0)
