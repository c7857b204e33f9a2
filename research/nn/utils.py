"""What goes with modules: torch.nn.utils' names. `utils.rnn` has those for sequences of different lengths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from research.grad_mode import no_grad
from research.nn import packing as rnn
from research.nn.clip_grad import clip_grad_norm_, clip_grad_value_
from research.nn.parametrize import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm
from shared_ops import ops


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """All values of the parameters in one vector."""
    return ops.cat(*[ops.reshape(p, shape=(-1,)) for p in parameters], axis=0)


@no_grad()
def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Write a vector's values into the parameters, one after another. Raises ValueError for another length."""
    every = list(parameters)
    count = sum(p.numel() for p in every)
    if tuple(vec.shape) != (count,):
        raise ValueError(f"vector_to_parameters needs a vector of {count} values; got shape {tuple(vec.shape)}")
    start = 0
    for p in every:
        p.copy_(vec[start : start + p.numel()].reshape(p.shape))
        start += p.numel()


__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "parameters_to_vector",
    "remove_spectral_norm",
    "remove_weight_norm",
    "rnn",
    "spectral_norm",
    "vector_to_parameters",
    "weight_norm",
]
