"""Layers without state, as functions: torch.nn.functional's names. They serve tensors and graph nodes alike."""

from __future__ import annotations

from typing import Any

from research.nn.normalizing import batch_norm, embedding, group_norm, layer_norm, rms_norm
from research.random import default_generator
from shared_ops import ops
from shared_ops.ops import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    fold,
    interpolate,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
    pixel_shuffle,
    pixel_unshuffle,
    relu,
    scaled_dot_product_attention,
    sigmoid,
    silu,
    softplus,
    tanh,
    unfold,
)
from shared_ops.spec import check, shape_of, spec_of


def pair(value: Any) -> tuple[int, int]:
    """3 -> (3, 3); (3, 5) stays."""
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """(..., i), (o, i), (o,) -> (..., o)."""
    return input @ weight.t() if bias is None else ops.linear(input, weight, bias)


def dropout(input: Any, p: float = 0.5, training: bool = True) -> Any:
    """Each value is 0 with probability p, else divided by 1 - p; nothing happens out of training."""
    if not training or p == 0:
        return input
    return default_generator.draw(lambda state: ops.dropout(input, state, p=p)[::2])


def softmax(input: Any, dim: int) -> Any:
    return ops.softmax(input, axis=dim)


def log_softmax(input: Any, dim: int) -> Any:
    return ops.log_softmax(input, axis=dim)


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Any:
    """x where positive, else negative_slope * x."""
    return ops.leaky_relu(input, negative_slope=negative_slope)


def gelu(input: Any, approximate: str = "none") -> Any:
    """x * P(a standard normal number <= x), or its tanh form: Hendrycks & Gimpel 2016."""
    return ops.gelu(input, approximate=approximate)


# losses -----------------------------------------------------------------------------------------------------------
def reduced(loss: Any, reduction: str) -> Any:
    """One loss out of many: their mean, their sum, or all of them."""
    check(reduction in ("mean", "sum", "none"), "a reduction is 'mean', 'sum' or 'none'", reduction=reduction)
    return {"mean": ops.mean, "sum": ops.sum, "none": lambda x: x}[reduction](loss)


def _same_shape(name: str, input: Any, target: Any) -> None:
    shapes = shape_of(spec_of(input)), shape_of(spec_of(target))
    check(shapes[0] == shapes[1], f"{name} needs a target of the input's shape", input=shapes[0], target=shapes[1])


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Squared difference."""
    _same_shape("mse_loss", input, target)
    return reduced(ops.pow(input - target, 2), reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Absolute difference."""
    _same_shape("l1_loss", input, target)
    return reduced(ops.abs(input - target), reduction)


def cross_entropy(input: Any, target: Any, reduction: str = "mean") -> Any:
    """-log softmax(input)[target], in nats: (n, classes), (n,) -> () or (n,)."""
    return reduced(ops.softmax_cross_entropy(input, target), reduction)


def binary_cross_entropy_with_logits(input: Any, target: Any, reduction: str = "mean") -> Any:
    """-log sigmoid(input) where the target is 1, -log(1 - sigmoid(input)) where it is 0, in nats."""
    _same_shape("binary_cross_entropy_with_logits", input, target)
    return reduced(softplus(input) - input * target, reduction)


def nll_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """-input[target] of each row of log-probabilities: (n, classes), (n,) -> () or (n,)."""
    return reduced(ops.nll(input, target), reduction)


__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cross_entropy",
    "dropout",
    "embedding",
    "fold",
    "gelu",
    "group_norm",
    "interpolate",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "mse_loss",
    "nll_loss",
    "pixel_shuffle",
    "pixel_unshuffle",
    "relu",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
    "unfold",
]
