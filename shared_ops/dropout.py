"""Dropout: values set to 0 at random, the others made greater, so that the mean stays (Srivastava et al. 2014)."""

from __future__ import annotations

import math

import numpy as np

from shared_ops.elementwise import where
from shared_ops.op import op
from shared_ops.random import next_state, philox, state_spec
from shared_ops.spec import Spec, check, is_float

SELU_LOW = 1.7580993408473766  # minus the value that selu goes to at minus infinity: its scale times its alpha
BOOL = np.dtype(bool)


def drawn_bits(state, size):
    """Philox's bits as they come, on the host: a uint32 for each value."""
    return philox(state).bit_generator.random_raw((size + 1) // 2).astype("<u8", copy=False).view("<u4")[:size]


def threshold_of(p):
    """A value stays where its bits, as a whole number, are no less than this; at most 2**32, which none reaches."""
    return round(p * 2**32)


def _drawn_mask(state, shape, p):
    return (drawn_bits(state, math.prod(shape)) >= np.uint64(threshold_of(p))).reshape(shape)


def kept_scale(p):
    return 0.0 if p == 1 else 1 / (1 - p)


def mask_shape(x, leading):
    """A draw for each value, or one for each place along the leading axes."""
    return x.shape if leading is None else (*x.shape[:leading], *(1,) * (len(x.shape) - leading))


@op(outputs=("out", "mask", "next_state"))
def dropout(xp, x, state, *, p=0.5, leading=None):
    """Each value is 0 with probability p, else divided by 1 - p. Gives the mask and the generator's next state too.

    With `leading` so many leading axes are drawn for, and what lies behind them stays, or goes, together.
    """
    mask = xp.asarray(_drawn_mask(state, mask_shape(x, leading), p))
    return x * mask * kept_scale(p), mask, next_state(state)


@dropout.spec
def dropout_spec(x, state, *, p=0.5, leading=None):
    check(isinstance(p, int | float) and 0 <= p <= 1, "dropout needs a probability", p=p)
    check(isinstance(x, Spec) and is_float(x.dtype), "dropout needs floats", x=x)
    fine = leading is None or (isinstance(leading, int) and 0 <= leading <= x.ndim)
    check(fine, f"dropout needs leading between 0 and {x.ndim}, or None", leading=leading)
    return x, Spec(mask_shape(x, leading), BOOL), state_spec("dropout", state)


@dropout.grad
def dropout_grad(g, mask, p):
    return masked_scale(g, mask, scale=kept_scale(p)), None


@op
def masked_scale(xp, x, mask, *, scale):
    """x * mask * scale, the mask of booleans: dropout with a mask that is drawn already."""
    return x * mask * scale


@masked_scale.spec
def masked_scale_spec(x, mask, *, scale):
    check(isinstance(x, Spec) and is_float(x.dtype), "masked_scale needs floats", x=x)
    fine = isinstance(mask, Spec) and mask.dtype == BOOL and mask.ndim == x.ndim
    check(fine, "masked_scale needs a mask of booleans with x's axes", x=x, mask=mask)
    for n, m in zip(x.shape, mask.shape, strict=True):
        check(m in (1, n), "masked_scale needs a mask that broadcasts to x", x=x, mask=mask)
    check(isinstance(scale, int | float), "masked_scale needs a number", scale=scale)
    return x


@masked_scale.grad
def masked_scale_grad(g, mask, scale):
    return masked_scale(g, mask, scale=scale), None


# by PyTorch's names: (result, next state) each -----------------------------------------------------------------------
def dropout1d(x, state, p=0.5):
    """Whole channels dropped: (n, c, length) or (c, length)."""
    return _channel_dropout("dropout1d", 1, x, state, p)


def dropout2d(x, state, p=0.5):
    """Whole channels dropped: (n, c, h, w) or (c, h, w)."""
    return _channel_dropout("dropout2d", 2, x, state, p)


def dropout3d(x, state, p=0.5):
    """Whole channels dropped: (n, c, d, h, w) or (c, d, h, w)."""
    return _channel_dropout("dropout3d", 3, x, state, p)


def _channel_dropout(name, rank, x, state, p):
    ndim = len(x.shape)
    check(ndim in (rank + 1, rank + 2), f"{name} needs images with {rank} axes, channels before them", shape=x.shape)
    out, _, next_one = dropout(x, state, p=p, leading=ndim - rank)
    return out, next_one


def alpha_dropout(x, state, p=0.5, leading=None):
    """Dropout that keeps the mean and variance that selu gives (Klambauer et al. 2017): x, state -> x, state."""
    out, mask, next_one = dropout(x, state, p=p, leading=leading)
    if p == 1:
        return out, next_one
    a = 1 / math.sqrt((SELU_LOW * SELU_LOW * p + 1) * (1 - p))
    return where(mask, x, -SELU_LOW) * a + SELU_LOW * a * p, next_one
