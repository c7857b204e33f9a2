"""Normalising ops: values of a group brought to mean 0 and variance 1, then scaled and shifted.

Each gives the group's statistics too, for its gradient is a big computation of its own, `…_back`, which needs them.
weight and bias may be Python numbers, 1.0 and 0.0 for a layer without them. The output has x's dtype; statistics of
half floats are float32.
"""

from __future__ import annotations

import functools
import math
import operator

import numpy as np

from shared_ops.dim import Dim
from shared_ops.elementwise import mul, rsqrt
from shared_ops.op import op
from shared_ops.pool import avg_pool
from shared_ops.reduce import mean as mean_of
from shared_ops.shape import getitem, reshape, sum_to
from shared_ops.spec import FLOAT32, HALVES, Spec, check, is_float
from shared_ops.transcendental import pow


# what they share --------------------------------------------------------------------------------------------------
def _mean(xp, x, axes):
    return x.sum(axis=axes, keepdims=True) / max(1, math.prod(x.shape[a] for a in axes))


def normalised(xp, x, axes, eps):
    """x with mean 0 and variance 1 along the axes; the mean and the variance."""
    mean = _mean(xp, x, axes)
    far = x - mean
    var = _mean(xp, far * far, axes)
    return far / xp.sqrt(var + eps), mean, var


def projected_away(xp, a, h, axes, centred=True):
    """a without what moves along h, and, if centred, without its mean: the slope of normalising, but for the scale."""
    out = a - h * _mean(xp, a * h, axes)
    return out - _mean(xp, a, axes) if centred else out


def second_order(gs, g, x, weight, axes, eps, centred=True):
    """The gradients of `…_back` for g, x and weight, all of which broadcast.

    With h the normalised x, r its scale, a = g * weight and P the projection above, `…_back` gives r P(a), sum(g h)
    and sum(g). The statistics are x's, so they are computed anew, and have slopes of their own.
    """
    u, v, t = gs
    far = x - mean_of(x, axis=axes, keepdim=True) if centred else x
    r = rsqrt(mean_of(far * far, axis=axes, keepdim=True) + eps)
    h = far * r

    def along(y):
        return mean_of(y, axis=axes, keepdim=True)

    def projected(y):
        out = y - h * along(y * h)
        return out - along(y) if centred else out

    to_g, to_x, to_weight = [], [], None
    if u is not None:
        a, pu = g * weight, projected(u)
        pa = projected(a)
        to_g.append(pu * r * weight)
        to_weight = g * pu * r
        to_x.append(-(r * r) * (h * along(u * pa) + along(a * h) * pu + along(u * h) * pa))
    if v is not None:
        to_g.append(h * v)
        to_x.append(r * projected(g * v))
    if t is not None:
        to_g.append(t + g * 0)
    return _total(to_g), _total(to_x), to_weight


def _total(terms):
    return functools.reduce(operator.add, terms) if terms else None


def statistic(x, shape):
    return Spec(tuple(shape), FLOAT32 if x.dtype in HALVES else x.dtype)


def check_floats(name, **came):
    for what, x in came.items():
        check(isinstance(x, Spec) and is_float(x.dtype) and x.dtype.kind != "c", f"{name} needs floats", **{what: x})


def check_affine(name, shape, **came):
    """Raise SpecError unless each is a number, or floats of this shape."""
    for what, x in came.items():
        if isinstance(x, Spec):
            check_floats(name, **{what: x})
            check(x.shape == tuple(shape), f"{name} needs a number, or shape {list(shape)}", **{what: x})


def check_eps(name, eps):
    check(isinstance(eps, int | float) and eps >= 0, f"{name} needs eps as a number, not negative", eps=eps)


def check_back(name, g, x, **statistics):
    check_floats(name, g=g, x=x, **statistics)
    check(g.shape == x.shape, f"{name} needs a gradient for each value", g=g, x=x)


# over the last axes -----------------------------------------------------------------------------------------------
def _last(x, normalized_ndim):
    return tuple(range(len(x.shape) - normalized_ndim, len(x.shape)))


def _leading(x, normalized_ndim):
    return tuple(range(len(x.shape) - normalized_ndim))


def _statistic_of_last(x, normalized_ndim):
    return statistic(x, (*x.shape[: x.ndim - normalized_ndim], *(1,) * normalized_ndim))


def _check_last(name, x, normalized_ndim, **affine):
    check_floats(name, x=x)
    fine = isinstance(normalized_ndim, int) and 1 <= normalized_ndim <= x.ndim
    check(fine, f"{name} normalises over the last 1 to {x.ndim} axes", normalized_ndim=normalized_ndim)
    check_affine(name, x.shape[x.ndim - normalized_ndim :], **affine)


@op(outputs=("out", "mean", "rstd"))
def layer_norm(xp, x, weight, bias, *, normalized_ndim=1, eps=1e-5):
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axes: (..., c), (c,), (c,) -> (..., c).

    Gives the mean and 1 / sqrt(var + eps) too, (..., 1).
    """
    h, mean, var = normalised(xp, x, _last(x, normalized_ndim), eps)
    return (h * weight + bias).astype(x.dtype, copy=False), mean, 1 / xp.sqrt(var + eps)


@layer_norm.spec
def layer_norm_spec(x, weight, bias, *, normalized_ndim=1, eps=1e-5):
    _check_last("layer_norm", x, normalized_ndim, weight=weight, bias=bias)
    check_eps("layer_norm", eps)
    return x, _statistic_of_last(x, normalized_ndim), _statistic_of_last(x, normalized_ndim)


@layer_norm.grad
def layer_norm_grad(g, x, weight, mean, rstd, normalized_ndim, eps, wants):
    grads = layer_norm_back(g, x, weight, mean, rstd, normalized_ndim=normalized_ndim, eps=eps)
    return tuple(grad if wanted else None for grad, wanted in zip(grads, wants, strict=True))


@op(outputs=("dx", "dweight", "dbias"))
def layer_norm_back(xp, g, x, weight, mean, rstd, *, normalized_ndim=1, eps=1e-5):
    """The gradients of layer_norm from its output's g and its statistics: those of x, weight and bias."""
    h = (x - mean) * rstd
    dx = rstd * projected_away(xp, g * weight, h, _last(x, normalized_ndim))
    leading = _leading(x, normalized_ndim)
    return dx.astype(x.dtype, copy=False), (g * h).sum(axis=leading), g.sum(axis=leading)


@layer_norm_back.spec
def layer_norm_back_spec(g, x, weight, mean, rstd, *, normalized_ndim=1, eps=1e-5):
    _check_last("layer_norm_back", x, normalized_ndim, weight=weight)
    check_back("layer_norm_back", g, x, mean=mean, rstd=rstd)
    fits = mean.shape == rstd.shape == _statistic_of_last(x, normalized_ndim).shape
    check(fits, "layer_norm_back needs a mean and a scale for each group", x=x, mean=mean, rstd=rstd)
    shared = statistic(x, x.shape[x.ndim - normalized_ndim :])
    return x, shared, shared


@layer_norm_back.grad
def layer_norm_back_grad(gs, g, x, weight, normalized_ndim, eps):
    """The mean and the scale count as x's, not as inputs of their own."""
    return *second_order(gs, g, x, weight, _last(x, normalized_ndim), eps), None, None


def _rms_eps(x, eps):
    """PyTorch's default: the distance from 1 to the next float, of the floats that are computed with."""
    dtype = np.dtype(x.dtype)
    return float(np.finfo(FLOAT32 if dtype in HALVES else dtype).eps) if eps is None else eps


@op(outputs=("out", "rstd"))
def rms_norm(xp, x, weight, *, normalized_ndim=1, eps=None):
    """x / sqrt(mean of squares + eps) * weight over the last axes: (..., c), (c,) -> (..., c).

    Gives 1 / sqrt(mean of squares + eps) too, (..., 1). Zhang & Sennrich 2019, equation 4.
    """
    rstd = 1 / xp.sqrt(_mean(xp, x * x, _last(x, normalized_ndim)) + _rms_eps(x, eps))
    return (x * rstd * weight).astype(x.dtype, copy=False), rstd


@rms_norm.spec
def rms_norm_spec(x, weight, *, normalized_ndim=1, eps=None):
    _check_last("rms_norm", x, normalized_ndim, weight=weight)
    check_eps("rms_norm", 0 if eps is None else eps)
    return x, _statistic_of_last(x, normalized_ndim)


@rms_norm.grad
def rms_norm_grad(g, x, weight, rstd, normalized_ndim, eps, wants):
    dx, dweight = rms_norm_back(g, x, weight, rstd, normalized_ndim=normalized_ndim, eps=eps)
    return (dx if wants[0] else None), (dweight if wants[1] else None)


@op(outputs=("dx", "dweight"))
def rms_norm_back(xp, g, x, weight, rstd, *, normalized_ndim=1, eps=None):
    """The gradients of rms_norm from its output's g and its scale: those of x and weight."""
    h = x * rstd
    dx = rstd * projected_away(xp, g * weight, h, _last(x, normalized_ndim), centred=False)
    return dx.astype(x.dtype, copy=False), (g * h).sum(axis=_leading(x, normalized_ndim))


@rms_norm_back.spec
def rms_norm_back_spec(g, x, weight, rstd, *, normalized_ndim=1, eps=None):
    _check_last("rms_norm_back", x, normalized_ndim, weight=weight)
    check_back("rms_norm_back", g, x, rstd=rstd)
    fits = rstd.shape == _statistic_of_last(x, normalized_ndim).shape
    check(fits, "rms_norm_back needs a scale for each group", x=x, rstd=rstd)
    return x, statistic(x, x.shape[x.ndim - normalized_ndim :])


@rms_norm_back.grad
def rms_norm_back_grad(gs, g, x, weight, normalized_ndim, eps):
    """The scale counts as x's, not as an input of its own."""
    axes = _last(x, normalized_ndim)
    return *second_order((*gs, None), g, x, weight, axes, _rms_eps(x, eps), centred=False), None


# over groups of channels ------------------------------------------------------------------------------------------
def check_channels(name, x, **affine):
    check_floats(name, x=x)
    check(x.ndim >= 2, f"{name} needs channels as the second axis, (n, c, *size)", x=x)
    check_affine(name, x.shape[1:2], **affine)


def check_groups(name, x, num_groups):
    fine = isinstance(num_groups, int) and num_groups > 0 and not isinstance(x.shape[1], Dim)
    check(fine and x.shape[1] % num_groups == 0, f"{name} needs groups of equal size", x=x, num_groups=num_groups)


def _grouped(x, num_groups):
    n, c, *size = x.shape
    return n, num_groups, c // num_groups, math.prod(size)


def _of_group(v, num_groups):
    """One value a channel, (c,), as (1, groups, c / groups, 1); a number stays."""
    return v.reshape(1, num_groups, -1, 1) if hasattr(v, "dtype") else v


@op(outputs=("out", "mean", "rstd"))
def group_norm(xp, x, weight, bias, *, num_groups, eps=1e-5):
    """Each sample's groups of channels with mean 0 and variance 1: (n, c, *size), (c,), (c,) -> (n, c, *size).

    Then each channel by its weight, plus its bias. Gives the mean and 1 / sqrt(var + eps) too, (n, groups).
    """
    h, mean, var = normalised(xp, x.reshape(_grouped(x, num_groups)), (2, 3), eps)
    out = h * _of_group(weight, num_groups) + _of_group(bias, num_groups)
    rstd = 1 / xp.sqrt(var + eps)
    return out.reshape(x.shape).astype(x.dtype, copy=False), mean[:, :, 0, 0], rstd[:, :, 0, 0]


@group_norm.spec
def group_norm_spec(x, weight, bias, *, num_groups, eps=1e-5):
    check_channels("group_norm", x, weight=weight, bias=bias)
    check_groups("group_norm", x, num_groups)
    check_eps("group_norm", eps)
    return x, statistic(x, (x.shape[0], num_groups)), statistic(x, (x.shape[0], num_groups))


@group_norm.grad
def group_norm_grad(g, x, weight, mean, rstd, num_groups, eps, wants):
    grads = group_norm_back(g, x, weight, mean, rstd, num_groups=num_groups, eps=eps)
    return tuple(grad if wanted else None for grad, wanted in zip(grads, wants, strict=True))


@op(outputs=("dx", "dweight", "dbias"))
def group_norm_back(xp, g, x, weight, mean, rstd, *, num_groups, eps=1e-5):
    """The gradients of group_norm from its output's g and its statistics: those of x, weight and bias."""
    shape, c = _grouped(x, num_groups), x.shape[1]
    r, g = rstd[:, :, None, None], g.reshape(shape)
    h = (x.reshape(shape) - mean[:, :, None, None]) * r
    dx = r * projected_away(xp, g * _of_group(weight, num_groups), h, (2, 3))
    dx = dx.reshape(x.shape).astype(x.dtype, copy=False)
    return dx, (g * h).sum(axis=(0, 3)).reshape(c), g.sum(axis=(0, 3)).reshape(c)


@group_norm_back.spec
def group_norm_back_spec(g, x, weight, mean, rstd, *, num_groups, eps=1e-5):
    check_channels("group_norm_back", x, weight=weight)
    check_groups("group_norm_back", x, num_groups)
    check_back("group_norm_back", g, x, mean=mean, rstd=rstd)
    fits = mean.shape == rstd.shape == (x.shape[0], num_groups)
    check(fits, "group_norm_back needs a mean and a scale for each group", x=x, mean=mean, rstd=rstd)
    return x, statistic(x, x.shape[1:2]), statistic(x, x.shape[1:2])


@group_norm_back.grad
def group_norm_back_grad(gs, g, x, weight, num_groups, eps):
    """The mean and the scale count as x's, not as inputs of their own."""
    shape, each = _grouped(x, num_groups), (1, num_groups, x.shape[1] // num_groups, 1)
    u, *shared = gs
    views = [None if v is None else reshape(v, shape=each) for v in shared]
    weight = reshape(weight, shape=each) if hasattr(weight, "dtype") else weight
    u = None if u is None else reshape(u, shape=shape)
    groups = reshape(g, shape=shape), reshape(x, shape=shape)
    to_g, to_x, to_weight = second_order((u, *views), *groups, weight, (2, 3), eps)
    to_g, to_x = (None if to is None else reshape(to, shape=tuple(x.shape)) for to in (to_g, to_x))
    to_weight = None if to_weight is None else reshape(sum_to(to_weight, shape=each), shape=(x.shape[1],))
    return to_g, to_x, to_weight, None, None


def instance_norm(x, weight=1.0, bias=0.0, *, eps=1e-5):
    """Each sample's channels with mean 0 and variance 1 over the image: (n, c, *size), (c,), (c,) -> (n, c, *size)."""
    check(len(x.shape) >= 3, "instance_norm needs images (n, c, *size)", shape=x.shape)
    values = math.prod(x.shape[2:])
    check(isinstance(values, Dim) or values > 1, "instance_norm needs more than one value a channel", shape=x.shape)
    return group_norm(x, weight, bias, num_groups=x.shape[1], eps=eps)[0]


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    """x / (k + alpha * mean of squares of `size` neighbouring channels) ** beta: (n, c, *size) -> (n, c, *size).

    Missing neighbours count as 0. Krizhevsky et al. 2012, section 3.3, with PyTorch's mean for their sum.
    """
    check(len(x.shape) >= 3, "local_response_norm needs images (n, c, *size)", shape=x.shape)
    check(isinstance(size, int) and size > 0, "local_response_norm needs a positive size", size=size)
    n, c, *image = x.shape
    planes = reshape(mul(x, x), shape=(n, 1, c, math.prod(image)))
    how = {"kernel_size": (size, 1), "stride": (1, 1), "padding": (size // 2, 0), "ceil_mode": False}
    means = avg_pool(planes, **how, count_include_pad=True, divisor_override=None)
    means = getitem(means, index=(slice(None), slice(None), slice(0, c)))  # an even size has one window more
    return x * pow(reshape(means, shape=tuple(x.shape)) * alpha + k, -beta)
