"""torch.autograd's names."""

from __future__ import annotations

from typing import Any

from research.backward import backward, grad
from research.grad_mode import enable_grad, no_grad, set_grad_enabled
from research.tensor import Tensor


def Variable(data: Any, requires_grad: bool = False) -> Tensor:
    """PyTorch's name of old for a tensor in the graph; shares the data."""
    return Tensor(data, requires_grad=requires_grad)


__all__ = ["Variable", "backward", "enable_grad", "grad", "no_grad", "set_grad_enabled"]
