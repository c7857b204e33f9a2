"""Activations as layers."""

from __future__ import annotations

from typing import Any

from research.nn import functional as F
from research.nn.module import Module


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, input: Any) -> Any:
        return F.relu(input)


class LeakyReLU(Module):
    """x where positive, else negative_slope * x."""

    def __init__(self, negative_slope: float = 0.01):
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, input: Any) -> Any:
        return F.leaky_relu(input, negative_slope=self.negative_slope)


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, input: Any) -> Any:
        return F.sigmoid(input)


class Tanh(Module):
    """Hyperbolic tangent."""

    def forward(self, input: Any) -> Any:
        return F.tanh(input)


class GELU(Module):
    """The Gaussian error linear unit."""

    def __init__(self, approximate: str = "none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        return F.gelu(input, self.approximate)


class SiLU(Module):
    """x * sigmoid(x)."""

    def forward(self, input: Any) -> Any:
        return F.silu(input)


class Softmax(Module):
    """Shares that are positive and sum to 1 along an axis."""

    def __init__(self, dim: int = -1):
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        return F.softmax(input, self.dim)


class LogSoftmax(Softmax):
    """The logarithm of softmax, in nats."""

    def forward(self, input: Any) -> Any:
        return F.log_softmax(input, self.dim)
