"""Initial values, written into a parameter in place: torch.nn.init's names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from research.grad_mode import no_grad
from research.random import default_generator, rand, randn
from research.tensor import Tensor
from shared_ops import ops


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


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """1 on the diagonal of a matrix, 0 elsewhere."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_ needs a matrix; got shape {tensor.shape}")
    return tensor.copy_(np.eye(tensor.shape[0], tensor.shape[1]))


@no_grad()
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Weights (out, in, *kernel) of a convolution that lets as many channels pass as it can."""
    if tensor.ndim < 3 or tensor.shape[0] % groups:
        raise ValueError(
            f"dirac_ needs weights (out, in, *kernel), out divided by groups; got {tensor.shape}, {groups=}"
        )
    values = np.zeros(tensor.shape)
    out, middle = tensor.shape[0] // groups, tuple(n // 2 for n in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(out, tensor.shape[1])):
            values[(group * out + channel, channel, *middle)] = 1
    return tensor.copy_(values)


@no_grad()
def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    """Normal numbers, of which those outside of a and b are drawn again."""
    drawn = default_generator.draw(
        ops.random_truncated_normal,
        shape=tensor.shape,
        mean=mean,
        stddev=std,
        low=(a - mean) / std,
        high=(b - mean) / std,
        dtype=tensor.dtype.name,
    )
    return tensor.copy_(drawn)


GAINS = {"relu": math.sqrt(2), "tanh": 5 / 3, "selu": 3 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights grow so that values keep their size through this activation."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    plain = ("linear", "sigmoid", *(f"conv{t}{d}d" for t in ("", "_transpose") for d in (1, 2, 3)))
    if nonlinearity not in GAINS and nonlinearity not in plain:
        known = ", ".join([*GAINS, "leaky_relu", *plain])
        raise ValueError(f"calculate_gain knows {known}; got {nonlinearity!r}")
    return GAINS.get(nonlinearity, 1.0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Glorot & Bengio 2010, equation 16."""
    fan_in, fan_out = _fans(tensor)
    bound = gain * math.sqrt(6 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Glorot & Bengio 2010, as a normal distribution."""
    fan_in, fan_out = _fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2 / (fan_in + fan_out)))


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode is 'fan_in' or 'fan_out'; got {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(_fans(tensor)[mode == "fan_out"])


def kaiming_uniform_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """He et al. 2015, section 2.2; `a` is the negative slope of the leaky ReLU that follows."""
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """He et al. 2015, section 2.2."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity))


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Weights whose rows, or columns, are orthonormal, times gain: Saxe et al. 2014."""
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_ needs at least two axes; got shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    drawn = randn(max(rows, columns), min(rows, columns), dtype="float64")
    q, r = ops.qr(drawn)
    q = q * r.diagonal().sign()
    return tensor.copy_((q if rows >= columns else q.t()).reshape(tensor.shape) * gain)


@no_grad()
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01) -> Tensor:
    """Normal numbers in a matrix, with this share of each column 0: Martens 2010."""
    if tensor.ndim != 2 or not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_ needs a matrix, and a share from 0 to 1; got shape {tensor.shape}, {sparsity=}")
    rows, columns = tensor.shape
    order = rand(rows, columns, dtype="float64").numpy().argsort(0)
    normal_(tensor, 0.0, std)
    return tensor.masked_fill_(Tensor(order < math.ceil(sparsity * rows)), 0.0)


def default_(weight: Tensor, bias: Tensor | None) -> Any:
    """How PyTorch starts a Linear or a Conv: both uniform within 1/sqrt(fan_in)."""
    bound = 1 / math.sqrt(_fans(weight)[0])
    uniform_(weight, -bound, bound)
    if bias is not None:
        uniform_(bias, -bound, bound)
