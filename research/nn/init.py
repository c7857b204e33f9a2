"""Initial values, written into a parameter in place: torch.nn.init's names."""

from __future__ import annotations

import math
from typing import Any

from research.grad_mode import no_grad
from research.random import rand, randn
from research.tensor import Tensor


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many values come into and go out of one unit, for weights (out, in, *kernel)."""
    if tensor.ndim < 2:
        raise ValueError(f"fans need at least two axes (out, in); got shape {tensor.shape}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    return tensor.copy_(rand(*tensor.shape, dtype=tensor.dtype) * (b - a) + a)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    return tensor.copy_(randn(*tensor.shape, dtype=tensor.dtype) * std + mean)


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Glorot & Bengio 2010, equation 16."""
    fan_in, fan_out = _fans(tensor)
    bound = gain * math.sqrt(6 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Glorot & Bengio 2010, as a normal distribution."""
    fan_in, fan_out = _fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2 / (fan_in + fan_out)))


def kaiming_uniform_(tensor: Tensor, a: float = 0.0) -> Tensor:
    """He et al. 2015, section 2.2; `a` is the negative slope of the leaky ReLU that follows."""
    bound = math.sqrt(6 / ((1 + a**2) * _fans(tensor)[0]))
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: Tensor, a: float = 0.0) -> Tensor:
    """He et al. 2015, section 2.2."""
    return normal_(tensor, 0.0, math.sqrt(2 / ((1 + a**2) * _fans(tensor)[0])))


def default_(weight: Tensor, bias: Tensor | None) -> Any:
    """How PyTorch starts a Linear or a Conv: both uniform within 1/sqrt(fan_in)."""
    bound = 1 / math.sqrt(_fans(weight)[0])
    uniform_(weight, -bound, bound)
    if bias is not None:
        uniform_(bias, -bound, bound)
