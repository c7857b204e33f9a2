"""Batch normalisation: each channel brought to mean 0 and variance 1 over the batch (Ioffe & Szegedy 2015)."""

from __future__ import annotations

import math

from shared_ops.dim import Dim
from shared_ops.elementwise import rsqrt
from shared_ops.norm import (
    check_back,
    check_channels,
    check_eps,
    check_floats,
    normalised,
    projected_away,
    second_order,
    statistic,
)
from shared_ops.op import op
from shared_ops.reduce import sum as sum_of
from shared_ops.shape import reshape, sum_to
from shared_ops.spec import Spec, check


def _others(x):
    """All axes but the channels'."""
    return (0, *range(2, len(x.shape)))


def _on_channels(v, x):
    """One value a channel, (c,), as (1, c, 1, …), for an array's kernel; a number stays."""
    return v.reshape(1, -1, *(1,) * (x.ndim - 2)) if hasattr(v, "dtype") else v


def _channelwise(v, x):
    """The same, by an op, for a gradient rule."""
    ones = (1,) * (len(x.shape) - 2)
    return reshape(v, shape=(1, x.shape[1], *ones)) if hasattr(v, "dtype") else v


@op(outputs=("out", "mean", "var"))
def batch_norm(xp, x, weight, bias, *, eps=1e-5):
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel: (n, c, *size), (c,), (c,) -> (n, c, *size).

    Gives the batch's mean and variance too, (c,): the variance divided by the number of values.
    """
    h, mean, var = normalised(xp, x, _others(x), eps)
    out = h * _on_channels(weight, x) + _on_channels(bias, x)
    return out.astype(x.dtype, copy=False), mean.reshape(-1), var.reshape(-1)


@batch_norm.spec
def batch_norm_spec(x, weight, bias, *, eps=1e-5):
    check_channels("batch_norm", x, weight=weight, bias=bias)
    check_eps("batch_norm", eps)
    count = _count(x)
    check(isinstance(count, Dim) or count > 1, "batch_norm needs more than one value a channel", x=x)
    return x, statistic(x, x.shape[1:2]), statistic(x, x.shape[1:2])


def _count(x):
    """How many values a channel has."""
    return math.prod(x.shape[a] for a in _others(x))


@batch_norm.grad
def batch_norm_grad(g, x, weight, mean, var, eps, wants):
    grads = batch_norm_back(g, x, weight, mean, var, eps=eps)
    return tuple(grad if wanted else None for grad, wanted in zip(grads, wants, strict=True))


@op(outputs=("dx", "dweight", "dbias"))
def batch_norm_back(xp, g, x, weight, mean, var, *, eps=1e-5):
    """The gradients of batch_norm from its output's g and its statistics: those of x, weight and bias."""
    r, others = 1 / xp.sqrt(_on_channels(var, x) + eps), _others(x)
    h = (x - _on_channels(mean, x)) * r
    dx = r * _on_channels(weight, x) * projected_away(xp, g, h, others)
    return dx.astype(x.dtype, copy=False), (g * h).sum(axis=others), g.sum(axis=others)


@batch_norm_back.spec
def batch_norm_back_spec(g, x, weight, mean, var, *, eps=1e-5):
    check_channels("batch_norm_back", x, weight=weight, mean=mean, var=var)
    check_back("batch_norm_back", g, x, mean=mean, var=var)
    return x, statistic(x, x.shape[1:2]), statistic(x, x.shape[1:2])


@batch_norm_back.grad
def batch_norm_back_grad(gs, g, x, weight, eps):
    """The mean and the variance count as x's, not as inputs of their own."""
    u, *shared = gs
    views = [None if v is None else _channelwise(v, x) for v in shared]
    to_g, to_x, to_weight = second_order((u, *views), g, x, _channelwise(weight, x), _others(x), eps)
    if to_weight is not None:
        ones = (1,) * (len(x.shape) - 2)
        to_weight = reshape(sum_to(to_weight, shape=(1, x.shape[1], *ones)), shape=(x.shape[1],))
    return to_g, to_x, to_weight, None, None


@op
def batch_norm_inference(xp, x, weight, bias, mean, var, *, eps=1e-5):
    """batch_norm with a mean and a variance that are given: (n, c, *size), (c,) four times -> (n, c, *size)."""
    scale = weight / xp.sqrt(var + eps)
    out = x * _on_channels(scale, x) + _on_channels(bias - mean * scale, x)
    return out.astype(x.dtype, copy=False)


@batch_norm_inference.spec
def batch_norm_inference_spec(x, weight, bias, mean, var, *, eps=1e-5):
    check_channels("batch_norm_inference", x, weight=weight, bias=bias, mean=mean, var=var)
    check_floats("batch_norm_inference", mean=mean, var=var)
    check_eps("batch_norm_inference", eps)
    return x


@batch_norm_inference.grad
def batch_norm_inference_grad(g, x, weight, mean, var, eps, wants):
    r = rsqrt(var + eps)
    others = _others(x)
    dx = g * _channelwise(weight * r, x) if wants[0] else None
    dweight = dbias = dmean = dvar = None
    if wants[1] or wants[4]:
        dweight = sum_of(g * (x - _channelwise(mean, x)), axis=others) * r
        dvar = dweight * weight * (r * r * -0.5)
    if wants[2] or wants[3]:
        dbias = sum_of(g, axis=others)
        dmean = -dbias * weight * r
    return dx, *[d if wanted else None for d, wanted in zip((dweight, dbias, dmean, dvar), wants[1:], strict=True)]


@op(outputs=("running_mean", "running_var"))
def batch_norm_running(xp, running_mean, running_var, mean, var, x, momentum):
    """The running statistics after a batch x: the way to its mean, and to its unbiased variance, walked by a share.

    (c,), (c,), (c,), (c,), (n, c, *size), number -> (c,), (c,). Of x only the number of values counts.
    """
    n = _count(x)
    unbiased = var * (n / (n - 1))
    moved = [(1 - momentum) * old + momentum * new for old, new in ((running_mean, mean), (running_var, unbiased))]
    return moved[0].astype(running_mean.dtype, copy=False), moved[1].astype(running_var.dtype, copy=False)


@batch_norm_running.spec
def batch_norm_running_spec(running_mean, running_var, mean, var, x, momentum):
    statistics = {"running_mean": running_mean, "running_var": running_var, "mean": mean, "var": var}
    check_channels("batch_norm_running", x, **statistics)
    check_floats("batch_norm_running", **statistics)
    count = _count(x)
    check(isinstance(count, Dim) or count > 1, "batch_norm_running needs more than one value a channel", x=x)
    single = not isinstance(momentum, Spec) or momentum.shape == ()
    check(single, "batch_norm_running needs momentum as one number", momentum=momentum)
    return running_mean, running_var
