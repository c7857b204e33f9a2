"""Gradients made smaller, all together or one by one: torch.nn.utils' names."""

from __future__ import annotations

from typing import Any

from research.tensor import Tensor
from shared_ops.device import array_module, is_view
from shared_ops.update import clip_grad_norm


def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0) -> Tensor:
    """Scale the gradients of parameters in place so that their norm together is at most max_norm; the norm before.

    torch.nn.utils.clip_grad_norm_.
    """
    every = [parameters] if isinstance(parameters, Tensor) else parameters
    grads = [p.grad for p in every if p.grad is not None]
    seen: set[int] = set()
    for g in grads:  # backward may have given one array to several, or a view of one
        if id(g.array) in seen or is_view(g.array):
            g.array = g.array.copy()
        seen.add(id(g.array))
        g.count_change()
    return Tensor(clip_grad_norm([g.array for g in grads], max_norm, norm_type))


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Bring each value of the gradients between -clip_value and clip_value, in place."""
    if clip_value < 0:
        raise ValueError(f"clip_value is not negative; got {clip_value}")
    for p in [parameters] if isinstance(parameters, Tensor) else parameters:
        if p.grad is not None:
            xp = array_module((p.grad.array,))
            p.grad.array = xp.clip(p.grad.array, -clip_value, clip_value)
