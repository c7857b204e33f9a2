"""Sequences of different lengths in one tensor: torch.nn.utils.rnn's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from research.tensor import Tensor, _wrap
from shared_ops import ops
from shared_ops.device import to_host
from shared_ops.spec import check


class PackedSequence(NamedTuple):
    """Padded sequences, time first, (t, n, …), and how many steps each has, (n,)."""

    data: Any
    lengths: Tensor


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """(t, n, …), or (n, t, …), with the lengths (n,), the longest first unless enforce_sorted is False."""
    x = ops.transpose(input, 0, 1) if batch_first else input
    steps = np.asarray(to_host(lengths.array) if isinstance(lengths, Tensor) else lengths, np.int64)
    check(steps.shape == tuple(x.shape[1:2]), "pack_padded_sequence needs a length for each sequence", lengths=lengths)
    fine = steps.size > 0 and steps.min() >= 1 and steps.max() <= x.shape[0]
    check(
        fine, f"pack_padded_sequence needs lengths from 1 to the {x.shape[0]} steps there are", lengths=steps.tolist()
    )
    descending = not enforce_sorted or bool((np.diff(steps) <= 0).all())
    check(descending, "with enforce_sorted the longest sequence comes first, and so on", lengths=steps.tolist())
    return PackedSequence(x[: int(steps.max())], _wrap(steps))


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Any, Tensor]:
    """The sequences, (t, n, …) or (n, t, …), with padding_value past their ends; and their lengths."""
    x, lengths = sequence
    steps = x.shape[0]
    fine = total_length is None or total_length >= steps
    check(fine, f"pad_packed_sequence needs total_length of at least {steps}", total_length=total_length)
    if total_length is not None:
        x = ops.pad(x, (0, 0) * (len(x.shape) - 1) + (0, total_length - steps))
    inside = np.arange(x.shape[0])[:, None] < to_host(lengths.array)
    x = ops.where(_wrap(inside.reshape(*inside.shape, *(1,) * (len(x.shape) - 2))), x, padding_value)
    return ops.transpose(x, 0, 1) if batch_first else x, lengths


def pad_sequence(sequences: Sequence[Any], batch_first: bool = False, padding_value: float = 0.0) -> Any:
    """Tensors (t_k, …) as one, (t, n, …) or (n, t, …), with padding_value past their ends."""
    check(len(sequences) > 0, "pad_sequence needs at least one sequence", count=0)
    longest = max(x.shape[0] for x in sequences)
    padded = [
        ops.pad(x, (0, 0) * (len(x.shape) - 1) + (0, longest - x.shape[0]), value=padding_value) for x in sequences
    ]
    return ops.stack(padded, 0 if batch_first else 1)
