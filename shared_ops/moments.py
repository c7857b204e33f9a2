"""Reductions that measure: products, variances, norms, and sums of exponentials."""

from __future__ import annotations

import math

import numpy as np

from shared_ops.arrange import flip
from shared_ops.cumulative import product_before
from shared_ops.dim import Dim
from shared_ops.elementwise import abs, div, eq, no_slope, sign, where
from shared_ops.op import op
from shared_ops.reduce import axes_along, check_some, count_of, grown, mean, reduced_spec, spread, sum
from shared_ops.shape import permute, reshape
from shared_ops.spec import check, float_dtype, is_float, one_array, reduced_shape, spec_of
from shared_ops.transcendental import exp, pow


@op
def prod(xp, x, *, axis=None, keepdim=False):
    """Product over the axes; booleans and integers give int64."""
    return xp.prod(x, axis=axis, keepdims=keepdim, dtype=grown(x))


@prod.spec
def prod_spec(x, *, axis=None, keepdim=False):
    return reduced_spec("prod", x, axis, keepdim, grown(one_array(x)))


@prod.grad
def prod_grad(g, x, x_spec, axis, keepdim):
    """Each value's slope is the product of all others: of those before it and those after it, so zeros do no harm."""
    axes = axes_along("prod", x_spec, axis)
    kept = tuple(a for a in range(x_spec.ndim) if a not in axes)
    order = (*kept, *axes)
    last = reshape(permute(x, dims=order), shape=(*(x_spec.shape[a] for a in kept), count_of(x_spec, axis)))
    others = product_before(last, -1) * flip(product_before(flip(last, axis=(-1,)), -1), axis=(-1,))
    others = reshape(others, shape=tuple(x_spec.shape[a] for a in order))
    back = tuple(order.index(a) for a in range(x_spec.ndim))
    return spread(g, x_spec, axis, keepdim) * permute(others, dims=back)


def _degrees(x_spec, axis, correction):
    """What a sum of squares is divided by; 0 where there are too few values, so that the result is NaN or infinite."""
    count = count_of(x_spec, axis)
    left = count - correction
    return left if isinstance(left, Dim) or left > 0 else 0


def _over(x, degrees):
    """x / degrees; NaN where there are none."""
    return div(x, degrees) if isinstance(degrees, Dim) else x * (1 / degrees if degrees else math.nan)


def _spec_of_spread(name, x, axis, keepdim, correction=1):
    check(is_float(one_array(x).dtype), f"{name} needs floats", x=x)
    number = isinstance(correction, int | float) and not isinstance(correction, bool)
    check(number, f"{name} needs correction as a number", correction=correction)
    return reduced_spec(name, x, axis, keepdim, x.dtype)


@op
def var(xp, x, *, axis=None, correction=1, keepdim=False):
    """Variance over the axes: the mean squared distance to the mean, divided by the count less `correction`."""
    with np.errstate(all="ignore"):
        away = x - mean.kernel(xp, x, axis=axis, keepdim=True)
        total = xp.sum(xp.square(away), axis=axis, keepdims=keepdim, dtype=x.dtype)
        return xp.divide(total, xp.asarray(_degrees(spec_of(x), axis, correction), x.dtype))


@var.spec
def var_spec(x, *, axis=None, correction=1, keepdim=False):
    return _spec_of_spread("var", x, axis, keepdim, correction)


@var.grad
def var_grad(g, x, x_spec, axis, correction, keepdim):
    away = x - mean(x, axis=axis, keepdim=True)
    return _over(spread(g, x_spec, axis, keepdim) * (away * 2), _degrees(x_spec, axis, correction))


@op
def std(xp, x, *, axis=None, correction=1, keepdim=False):
    """Standard deviation over the axes: the square root of `var`."""
    return xp.sqrt(var.kernel(xp, x, axis=axis, correction=correction, keepdim=keepdim))


@std.spec
def std_spec(x, *, axis=None, correction=1, keepdim=False):
    return _spec_of_spread("std", x, axis, keepdim, correction)


@std.grad
def std_grad(g, x, out, x_spec, axis, correction, keepdim):
    """0 where the deviation is 0, as in PyTorch."""
    away = x - mean(x, axis=axis, keepdim=True)
    slope = where(eq(out, 0), 0, div(g, where(eq(out, 0), 1, out)))
    return _over(spread(slope, x_spec, axis, keepdim) * away, _degrees(x_spec, axis, correction))


@op
def norm(xp, x, *, ord=2.0, axis=None, keepdim=False):
    """The p-norm over the axes, (sum |x|**ord)**(1/ord); `inf` and `-inf` give extremes, 0 the count of non-zeros."""
    size, how = xp.absolute(x), {"axis": axis, "keepdims": keepdim}
    if ord == math.inf:
        return xp.amax(size, **how)
    if ord == -math.inf:
        return xp.amin(size, **how)
    if ord == 0:
        return xp.sum(size != 0, **how, dtype=x.dtype)
    if ord == 1:
        return xp.sum(size, **how, dtype=x.dtype)
    if ord == 2:
        return xp.sqrt(xp.sum(xp.square(size), **how, dtype=x.dtype))
    with np.errstate(divide="ignore", over="ignore"):  # a negative power of 0 is infinite
        return xp.power(xp.sum(xp.power(size, x.dtype.type(ord)), **how, dtype=x.dtype), x.dtype.type(1 / ord))


@norm.spec
def norm_spec(x, *, ord=2.0, axis=None, keepdim=False):
    number = isinstance(ord, int | float) and not isinstance(ord, bool) and not math.isnan(ord)
    check(number, "norm needs ord as a number", ord=ord)
    if math.isinf(ord):
        check_some("norm of infinite order", x, axis)
    return _spec_of_spread("norm", x, axis, keepdim)


@norm.grad
def norm_grad(g, x, out, x_spec, ord, axis, keepdim):
    """0 where the norm is 0, as in PyTorch; extremes share it evenly."""
    g, whole = spread(g, x_spec, axis, keepdim), spread(out, x_spec, axis, keepdim)
    if ord == 0:
        return no_slope(g)
    if ord == 1:
        return g * sign(x)
    if math.isinf(ord):
        at = where(eq(abs(x), whole), sign(x), 0 * x)
        count = sum(abs(at), axis=axis, keepdim=True)
        return g * div(at, where(eq(count, 0), 1, count))
    safe = where(eq(whole, 0), 1, whole)
    if ord == 2:
        return where(eq(whole, 0), 0, g * div(x, safe))
    size = where(eq(x, 0), 1, abs(x))
    slope = where(eq(x, 0), 0, sign(x) * pow(div(size, safe), float(ord - 1)))
    return where(eq(whole, 0), 0, g * slope)


@op
def logsumexp(xp, x, *, axis, keepdim=False):
    """log(sum(exp(x))) over the axes, in nats, without overflow; nothing, or nothing but -inf, gives -inf."""
    x = xp.asarray(x, float_dtype(spec_of(x)))
    top = xp.asarray(0, x.dtype)
    if x.size:
        highest = xp.amax(x, axis=axis, keepdims=True)
        top = xp.where(xp.isfinite(highest), highest, top)
    with np.errstate(divide="ignore"):
        out = xp.log(xp.sum(xp.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdim else xp.reshape(out, reduced_shape(x.shape, axes_along("logsumexp", spec_of(x), axis), False))


@logsumexp.spec
def logsumexp_spec(x, *, axis, keepdim=False):
    check(axis is not None, "logsumexp needs an axis", axis=axis)
    return reduced_spec("logsumexp", x, axis, keepdim, float_dtype(one_array(x)))


@logsumexp.grad
def logsumexp_grad(g, x, out, x_spec, axis, keepdim):
    return spread(g, x_spec, axis, keepdim) * exp(x - spread(out, x_spec, axis, keepdim))
