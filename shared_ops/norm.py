"""Normalising ops: softmax over an axis, dropout over everything."""

from __future__ import annotations

from shared_ops.elementwise import floats
from shared_ops.op import op
from shared_ops.random import next_state, philox, state_spec
from shared_ops.reduce import sum
from shared_ops.spec import Spec, axes_of, check, float_dtype, is_float
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


@op(outputs=("out", "mask", "next_state"))
def dropout(xp, x, state, *, p=0.5):
    """Each value is 0 with probability p, else divided by 1 - p. Gives the mask and the generator's next state too."""
    keep = xp.asarray(philox(state).random(x.shape) >= p)
    mask = keep.astype(x.dtype) * (0.0 if p == 1 else 1 / (1 - p))
    return x * mask, mask, next_state(state)


@dropout.spec
def dropout_spec(x, state, *, p=0.5):
    check(0 <= p <= 1, "dropout needs a probability", p=p)
    check(is_float(x.dtype), "dropout needs floats", x=x)
    return x, x, state_spec("dropout", state)


@dropout.grad
def dropout_grad(g, mask):
    return g * mask, None
