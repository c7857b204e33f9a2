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
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    cosine_embedding_loss,
    cosine_similarity,
    cross_entropy,
    ctc_loss,
    fold,
    gaussian_nll_loss,
    hinge_embedding_loss,
    huber_loss,
    interpolate,
    kl_div,
    l1_loss,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    margin_ranking_loss,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
    mse_loss,
    nll_loss,
    pairwise_distance,
    pixel_shuffle,
    pixel_unshuffle,
    poisson_nll_loss,
    relu,
    scaled_dot_product_attention,
    sigmoid,
    silu,
    smooth_l1_loss,
    soft_margin_loss,
    softplus,
    tanh,
    triplet_margin_loss,
    unfold,
)


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
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "embedding",
    "fold",
    "gaussian_nll_loss",
    "gelu",
    "group_norm",
    "hinge_embedding_loss",
    "huber_loss",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "mse_loss",
    "nll_loss",
    "pairwise_distance",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "relu",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softplus",
    "tanh",
    "triplet_margin_loss",
    "unfold",
]
