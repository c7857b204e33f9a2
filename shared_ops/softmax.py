"""Softmax and its logarithm along an axis; their gradients are ops too, of one pass each.

A value without axes counts as one along an axis, as in PyTorch. A row of -inf alone, or with +inf, gives NaN.
"""

from __future__ import annotations

from shared_ops.elementwise import floats
from shared_ops.op import op
from shared_ops.reduce import sum
from shared_ops.spec import Spec, axes_of, check, float_dtype, one_array
from shared_ops.transcendental import exp


def _along(name):
    def rule(x, *, axis=-1):
        check(isinstance(axis, int), f"{name} works along one axis", axis=axis)
        axes_of(axis, max(one_array(x).ndim, 1), name)
        return Spec(x.shape, float_dtype(x))

    return rule


def _back_along(name):
    def rule(g, out, *, axis=-1):
        check(one_array(g).shape == one_array(out).shape, f"{name} needs a gradient for each value", g=g, out=out)
        return Spec(_along(name)(out, axis=axis).shape, float_dtype(g, out))

    return rule


def _total(x, axis):
    """The sum along the axis, which stays."""
    return sum(x, axis=axis if x.shape else None, keepdim=True)


def _sums(x, axis):
    """The same of an array."""
    return x.sum(axis=axis if x.shape else None, keepdims=True)


def _shifted(xp, x, axis):
    """x less its greatest value, which makes the greatest exponent 0: exp cannot overflow."""
    return x - x.max(axis=axis, keepdims=True) if x.size and x.ndim else x - x


@op(spec=_along("softmax"))
def softmax(xp, x, *, axis=-1):
    """Shares that are positive and sum to 1 along an axis: exp(x) / sum(exp(x))."""
    (x,) = floats(xp, x)
    e = xp.exp(_shifted(xp, x, axis))
    return e / _sums(e, axis)


@softmax.grad
def softmax_grad(g, out, axis):
    return softmax_back(g, out, axis=axis)


@op(spec=_back_along("softmax_back"))
def softmax_back(xp, g, out, *, axis=-1):
    """The gradient of softmax's input, from its output and that one's g."""
    g, out = floats(xp, g, out)
    return out * (g - _sums(g * out, axis))


@softmax_back.grad
def softmax_back_grad(u, g, out, axis, wants):
    to_g = softmax_back(u, out, axis=axis)
    return to_g, (u * (g - _total(g * out, axis)) - g * _total(u * out, axis) if wants[1] else None)


@op(spec=_along("log_softmax"))
def log_softmax(xp, x, *, axis=-1):
    """The logarithm of softmax, in nats."""
    (x,) = floats(xp, x)
    z = _shifted(xp, x, axis)
    return z - xp.log(_sums(xp.exp(z), axis)) if z.size else z


@log_softmax.grad
def log_softmax_grad(g, out, axis):
    return log_softmax_back(g, out, axis=axis)


@op(spec=_back_along("log_softmax_back"))
def log_softmax_back(xp, g, out, *, axis=-1):
    """The gradient of log_softmax's input, from its output and that one's g."""
    g, out = floats(xp, g, out)
    return g - xp.exp(out) * _sums(g, axis)


@log_softmax_back.grad
def log_softmax_back_grad(u, g, out, axis, wants):
    shares = exp(out)
    to_g = u - _total(u * shares, axis)
    return to_g, (-(u * shares) * _total(g, axis) if wants[1] else None)
