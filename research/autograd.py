"""torch.autograd's names."""

from __future__ import annotations

from typing import Any

from research import jacobian as functional
from research.anomaly import detect_anomaly, set_detect_anomaly
from research.backward import backward, grad
from research.function import Function
from research.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from research.gradcheck import GradcheckError, gradcheck, gradgradcheck
from research.tensor import Tensor


def Variable(data: Any, requires_grad: bool = False) -> Tensor:
    """PyTorch's name of old for a tensor in the graph; shares the data."""
    return Tensor(data, requires_grad=requires_grad)


__all__ = [
    "Function",
    "GradcheckError",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
