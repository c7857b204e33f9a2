"""Softmax and its logarithm along an axis."""

from __future__ import annotations

from shared_ops.elementwise import floats
from shared_ops.op import op
from shared_ops.reduce import sum
from shared_ops.spec import Spec, axes_of, float_dtype
from shared_ops.transcendental import exp


def _along(x, *, axis=-1):
    axes_of(axis, x.ndim, "softmax")
    return Spec(x.shape, float_dtype(x))


@op(spec=_along)
def softmax(xp, x, *, axis=-1):
    """Shares that are positive and sum to 1 along an axis."""
    (x,) = floats(xp, x)
    e = xp.exp(x - x.max(axis=axis, keepdims=True))  # the greatest exponent is 0: exp cannot overflow
    return e / e.sum(axis=axis, keepdims=True)


@softmax.grad
def softmax_grad(g, out, axis):
    return out * (g - sum(g * out, axis=axis, keepdim=True))


@op(spec=_along)
def log_softmax(xp, x, *, axis=-1):
    """The logarithm of softmax, in nats."""
    (x,) = floats(xp, x)
    z = x - x.max(axis=axis, keepdims=True)
    return z - xp.log(xp.exp(z).sum(axis=axis, keepdims=True))


@log_softmax.grad
def log_softmax_grad(g, out, axis):
    return g - exp(out) * sum(g, axis=axis, keepdim=True)
