"""Activations as functions: torch.nn.functional's names; `functional` has them all."""

from __future__ import annotations

from typing import Any

from research.random import default_generator
from research.tensor import Tensor
from shared_ops import ops
from shared_ops.spec import check


def relu(input: Any, inplace: bool = False) -> Any:
    """max(x, 0)."""
    return ops.relu(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """x where positive, else negative_slope * x."""
    return ops.leaky_relu(input, negative_slope=negative_slope)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """x where positive, else alpha * (exp(x) - 1): Clevert et al. 2016."""
    return ops.elu(input, alpha=alpha)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """x where positive, else alpha * (exp(x / alpha) - 1): Barron 2017."""
    return ops.celu(input, alpha=alpha)


def gelu(input: Any, approximate: str = "none") -> Any:
    """x * P(a standard normal number <= x), or its tanh form: Hendrycks & Gimpel 2016."""
    return ops.gelu(input, approximate=approximate)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(beta * x)) / beta; x itself where beta * x is above the threshold."""
    return ops.softplus(input, beta=beta, threshold=threshold)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """x, not below min_val and not above max_val."""
    return ops.hardtanh(input, min_val=min_val, max_val=max_val)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """x above the threshold, else value."""
    return ops.where(ops.gt(input, threshold), input, value)


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x brought nearer to 0 by lambd; 0 within lambd of it."""
    check(lambd >= 0, "softshrink needs lambd of at least 0", lambd=lambd)
    return ops.sub(input, ops.clamp(input, min=-lambd, max=lambd))


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """x; 0 within lambd of 0."""
    return ops.where(ops.gt(ops.abs(input), lambd), input, 0.0)


def tanhshrink(input: Any) -> Any:
    """x - tanh(x)."""
    return ops.sub(input, ops.tanh(input))


def prelu(input: Any, weight: Any) -> Any:
    """x where positive, else weight * x; a weight for all, or one for each channel: (n, c, …), (c,) -> (n, c, …)."""
    if weight.shape[0] != 1 and len(input.shape) > 2:
        weight = ops.reshape(weight, shape=(weight.shape[0], *(1,) * (len(input.shape) - 2)))
    return ops.where(ops.gt(input, 0.0), input, ops.mul(weight, input))


def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False) -> Any:
    """x where positive, else a times x: in training a number from lower to upper for each, else the middle of both."""
    check(lower <= upper, "rrelu needs lower to be at most upper", lower=lower, upper=upper)
    if not training:
        return ops.leaky_relu(input, negative_slope=(lower + upper) / 2)
    slopes = default_generator.draw(
        ops.random_uniform, shape=tuple(input.shape), low=lower, high=upper, dtype=input.dtype.name
    )
    return ops.where(ops.gt(input, 0.0), input, ops.mul(input, Tensor(slopes)))


def glu(input: Any, dim: int = -1) -> Any:
    """The first half of an axis times the sigmoid of the second: Dauphin et al. 2017."""
    check(input.shape[dim] % 2 == 0, "glu needs an axis of even size", size=input.shape[dim], dim=dim)
    a, b = ops.chunk(input, 2, dim)
    return ops.mul(a, ops.sigmoid(b))


def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """Shares that are positive and sum to 1 along an axis."""
    return ops.softmax(_cast(input, dtype), axis=dim)


def softmin(input: Any, dim: int, dtype: Any = None) -> Any:
    """softmax of -x."""
    return ops.softmax(ops.neg(_cast(input, dtype)), axis=dim)


def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """The logarithm of softmax, in nats."""
    return ops.log_softmax(_cast(input, dtype), axis=dim)


def _cast(x: Any, dtype: Any) -> Any:
    return x if dtype is None else x.to(dtype)


def gumbel_softmax(logits: Any, tau: float = 1.0, hard: bool = False, dim: int = -1) -> Any:
    """Shares drawn by the logits, the nearer to one-hot the smaller tau: Jang et al. 2017.

    `hard`: one-hot forward, and the gradient of the shares.
    """
    u = default_generator.draw(ops.random_uniform, shape=tuple(logits.shape), dtype=logits.dtype.name)
    noise = Tensor(u).clamp(min=1e-10).log().neg().log().neg()
    shares = ops.softmax(ops.div(ops.add(logits, noise), tau), axis=dim)
    if not hard:
        return shares
    most = ops.max(shares, axis=dim, keepdim=True)[1]
    chosen = ops.scatter(shares.detach() * 0, most, shares.detach() * 0 + 1, axis=dim)
    return chosen - shares.detach() + shares
