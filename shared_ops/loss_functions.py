"""Losses that are compositions of ops, with PyTorch's names and settings, and the ways to put many losses together.

They serve arrays, tensors and graph nodes alike. Logarithms are natural: losses of probabilities are in nats.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shared_ops.activation import logsigmoid
from shared_ops.elementwise import abs, add, clamp, div, eq, gt, maximum, minimum, mul, ne, sqrt, square, sub, where
from shared_ops.loss import bce, check_reduction, nll, softmax_cross_entropy
from shared_ops.reduce import amax, mean, sum
from shared_ops.shape import reshape, stop_gradient, unsqueeze
from shared_ops.softmax import log_softmax
from shared_ops.spec import axes_of, check, is_float, shape_of, spec_of
from shared_ops.transcendental import exp, log, pow


def reduced(losses: Any, reduction: str) -> Any:
    """One loss out of many: their mean, their sum, or all of them."""
    check_reduction(reduction)
    return losses if reduction == "none" else mean(losses) if reduction == "mean" else sum(losses)


def _same_shape(name: str, **came: Any) -> None:
    shapes = {what: shape_of(spec_of(x)) for what, x in came.items()}
    first, *others = shapes.values()
    check(all(s == first for s in others), f"{name} needs a target of the input's shape", **shapes)


def _weighted(losses: Any, weight: Any) -> Any:
    return losses if weight is None else mul(losses, weight)


# differences --------------------------------------------------------------------------------------------------------
def mse_loss(input, target, reduction="mean"):
    """(input - target)**2."""
    _same_shape("mse_loss", input=input, target=target)
    return reduced(square(sub(input, target)), reduction)


def l1_loss(input, target, reduction="mean"):
    """|input - target|."""
    _same_shape("l1_loss", input=input, target=target)
    return reduced(abs(sub(input, target)), reduction)


def huber_loss(input, target, reduction="mean", delta=1.0):
    """Half the square of the difference where it is below delta, beyond that a line of slope delta: Huber 1964."""
    _same_shape("huber_loss", input=input, target=target)
    check(isinstance(delta, int | float) and delta > 0, "huber_loss needs a positive delta", delta=delta)
    distance = abs(sub(input, target))
    near = minimum(distance, delta)
    return reduced(near * (distance - near * 0.5), reduction)


def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    """The Huber loss over beta: the absolute difference, but a parabola below beta."""
    check(isinstance(beta, int | float) and beta >= 0, "smooth_l1_loss needs a beta that is not negative", beta=beta)
    if beta == 0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta) * (1 / beta)


# of two classes -----------------------------------------------------------------------------------------------------
def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    """-log(input) where the target is 1, -log(1 - input) where it is 0; each logarithm is at least -100."""
    _same_shape("binary_cross_entropy", input=input, target=target)
    return reduced(_weighted(bce(input, target), weight), reduction)


def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    """Binary cross-entropy of sigmoid(input); pos_weight counts where the target is 1."""
    _same_shape("binary_cross_entropy_with_logits", input=input, target=target)
    log_p = logsigmoid(input)
    if pos_weight is not None:
        log_p = mul(add(mul(sub(pos_weight, 1), target), 1), log_p)
    return reduced(_weighted(sub(mul(sub(1, target), input), log_p), weight), reduction)


def soft_margin_loss(input, target, reduction="mean"):
    """log(1 + exp(-target * input)), for targets 1 and -1."""
    _same_shape("soft_margin_loss", input=input, target=target)
    return reduced(-logsigmoid(mul(input, target)), reduction)


# of many classes ----------------------------------------------------------------------------------------------------
def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-log softmax(input)[target]: (n, c, ...), (n, ...) int -> (); or the target is each class's probability.

    One sample alone is (c,), with () or (c,). See softmax_cross_entropy for weight, ignore_index and label_smoothing.
    """
    if is_float(np.dtype(target.dtype)):
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    alone = len(input.shape) == 1
    if alone:
        input, target = unsqueeze(input, 0), reshape(target, shape=(1,))
    weights = () if weight is None else (weight,)
    how = {"ignore_index": ignore_index, "reduction": reduction, "label_smoothing": label_smoothing}
    losses = softmax_cross_entropy(input, target, *weights, **how)
    return reshape(losses, shape=()) if alone and reduction == "none" else losses


def _soft_cross_entropy(input, target, weight, reduction, label_smoothing):
    _same_shape("cross_entropy of probabilities", input=input, target=target)
    check_reduction(reduction)
    fine = isinstance(label_smoothing, int | float) and 0 <= label_smoothing <= 1
    check(fine, "cross_entropy needs label_smoothing from 0 to 1", label_smoothing=label_smoothing)
    ndim = len(input.shape)
    axis = min(ndim - 1, 1)
    if label_smoothing:
        target = target * (1 - label_smoothing) + div(label_smoothing, input.shape[axis])
    terms = mul(log_softmax(input, axis=axis), target)
    if weight is not None:
        terms = mul(terms, reshape(weight, shape=(-1, *[1] * (ndim - axis - 1))))
    return reduced(-sum(terms, axis=axis), reduction)


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    """-input[target] of log-probabilities: (n, c, ...), (n, ...) int -> (). One sample alone is (c,), with ()."""
    alone = len(input.shape) == 1
    if alone:
        input, target = unsqueeze(input, 0), reshape(target, shape=(1,))
    weights = () if weight is None else (weight,)
    losses = nll(input, target, *weights, ignore_index=ignore_index, reduction=reduction)
    return reshape(losses, shape=()) if alone and reduction == "none" else losses


def kl_div(input, target, reduction="mean", log_target=False):
    """target * (log(target) - input), for log-probabilities as input: Kullback & Leibler 1951.

    The mean is over all values; `batchmean`, the sum over the first size, is the divergence itself.
    """
    words = ("mean", "sum", "none", "batchmean")
    check(reduction in words, "kl_div's reduction is 'mean', 'batchmean', 'sum' or 'none'", reduction=reduction)
    _same_shape("kl_div", input=input, target=target)
    if log_target:
        losses = mul(exp(target), sub(target, input))
    else:  # 0 log 0 is 0
        losses = sub(mul(target, log(where(eq(target, 0), 1, target))), mul(target, input))
    if reduction == "batchmean":
        check(len(input.shape) > 0, "kl_div's batchmean needs a batch", input=spec_of(input))
        return div(sum(losses), input.shape[0])
    return reduced(losses, reduction)


# counts and measurements --------------------------------------------------------------------------------------------
def poisson_nll_loss(input, target, log_input=True, full=False, eps=1e-8, reduction="mean"):
    """exp(input) - target * input, the input being the logarithm of what is expected; without log_input, that itself.

    With `full` the part that depends on the target alone is added, by Stirling's formula, where the target is above 1.
    """
    _same_shape("poisson_nll_loss", input=input, target=target)
    losses = sub(exp(input), mul(target, input)) if log_input else sub(input, mul(target, log(add(input, eps))))
    if full:
        many = gt(target, 1)
        count = where(many, target, 1)
        stirling = sub(mul(count, log(count)), count) + mul(log(mul(count, 2 * math.pi)), 0.5)
        losses = losses + where(many, stirling, 0)
    return reduced(losses, reduction)


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """(log(var) + (input - target)**2 / var) / 2, for a variance that is at least eps; `full` adds log(2 pi) / 2.

    The variance is a number, has input's shape, or lacks its last axis. Its gradient passes the limit.
    """
    _same_shape("gaussian_nll_loss", input=input, target=target)
    shapes = [shape_of(spec_of(x)) for x in (input, var)]
    if shapes[1] == shapes[0][:-1] and len(shapes[0]) > 0 and shapes[1] != shapes[0]:
        var = unsqueeze(var, -1) if hasattr(var, "shape") else var
    var = maximum(var, eps) if not hasattr(var, "shape") else var + stop_gradient(maximum(var, eps) - var)
    losses = mul(add(log(var), div(square(sub(input, target)), var)), 0.5)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


# margins ------------------------------------------------------------------------------------------------------------
def hinge_embedding_loss(input, target, margin=1.0, reduction="mean"):
    """The input, a distance, where the target is 1; how much it lacks to the margin where that is -1."""
    apart = where(ne(target, 1), clamp(sub(margin, input), min=0), 0)
    return reduced(apart + where(ne(target, -1), input, 0), reduction)


def margin_ranking_loss(input1, input2, target, margin=0.0, reduction="mean"):
    """max(0, margin - target * (input1 - input2)): with target 1 the first is to be the greater, with -1 the lesser."""
    return reduced(clamp(sub(margin, mul(target, sub(input1, input2))), min=0), reduction)


def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction="mean"):
    """1 - cosine of rows where the target is 1, max(0, cosine - margin) where it is -1: (n, d), (n, d), (n,) -> ().

    One pair alone is (d,), (d,), ().
    """
    eps = 1e-12  # PyTorch's, added to squares
    squares = [add(sum(square(x), axis=-1), eps) for x in (input1, input2)]
    cosine = div(sum(mul(input1, input2), axis=-1), sqrt(mul(*squares)))
    shapes = shape_of(spec_of(target)), tuple(cosine.shape)
    check(
        shapes[0] == shapes[1], "cosine_embedding_loss needs a target for each pair", target=shapes[0], pairs=shapes[1]
    )
    apart = where(eq(target, -1), clamp(cosine - margin, min=0), 0)
    return reduced(where(eq(target, 1), 1 - cosine, 0) + apart, reduction)


def _norm(x, p, axis, keepdim=False):
    """(sum of |x|**p)**(1 / p) along an axis; its slope at 0 is 0."""
    if p == math.inf:
        return amax(abs(x), axis=axis, keepdim=keepdim)
    if p == 1:
        return sum(abs(x), axis=axis, keepdim=keepdim)
    powers = sum(square(x) if p == 2 else pow(abs(x), p), axis=axis, keepdim=keepdim)
    none = eq(powers, 0)
    safe = where(none, 1, powers)
    return where(none, 0, sqrt(safe) if p == 2 else pow(safe, 1 / p))


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The p-norm of x1 - x2 + eps along the last axis: (..., d), (..., d) -> (...)."""
    check(isinstance(p, int | float) and p > 0, "pairwise_distance needs a positive p", p=p)
    return _norm(add(sub(x1, x2), eps), p, -1, keepdim)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """The cosine of the angle between vectors along an axis; a length below eps counts as eps."""
    ndim = max(len(x.shape) for x in (x1, x2))
    (axis,) = axes_of(dim, ndim, "cosine_similarity")
    lengths = [maximum(_norm(x, 2, axis - ndim, keepdim=True), eps) for x in (x1, x2)]
    return sum(mul(div(x1, lengths[0]), div(x2, lengths[1])), axis=axis)


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
    """max(0, margin + distance to the positive - distance to the negative): (n, d) three times -> ().

    With `swap` the negative is measured from the positive, where that is nearer: Balntas et al. 2016.
    """
    check(margin > 0, "triplet_margin_loss needs a positive margin", margin=margin)
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(clamp(near - far + margin, min=0), reduction)
