"""Attention: for each query the mean of the values, weighted by how its key fits (Vaswani et al. 2017, equation 1)."""

from __future__ import annotations

import math

import numpy as np

from shared_ops.linalg import matmul
from shared_ops.op import op
from shared_ops.reduce import sum as sum_of
from shared_ops.shape import sum_to, transpose
from shared_ops.spec import FLOAT32, HALVES, Spec, broadcast_shape, check, is_float, result_dtype


def _check_floats(name, **came):
    for what, x in came.items():
        fine = isinstance(x, Spec) and x.ndim >= 2 and is_float(x.dtype) and x.dtype.kind != "c"
        check(fine, f"{name} needs floats, (..., rows, columns)", **{what: x})


def _masked_shape(name, shape, mask):
    """The shape of masked scores: the mask may add batch axes, but no rows or columns."""
    if not isinstance(mask, Spec):
        return shape
    check(mask.dtype.kind == "b" or is_float(mask.dtype), f"{name} needs a mask of booleans or floats", mask=mask)
    out = broadcast_shape(shape, mask.shape)
    check(out[-2:] == shape[-2:], f"{name} needs a mask that broadcasts to the scores, {list(shape)}", mask=mask)
    return out


@op
def masked_softmax(xp, scores, mask, *, is_causal=False):
    """softmax over the last axis of what may take part: (..., l, s), (..., l, s) -> (..., l, s).

    A mask of booleans is True where a score takes part; of floats, or a number, it is added. With is_causal, row i has
    only columns 0 to i. A row in which nothing takes part is 0.
    """
    if hasattr(mask, "dtype") and mask.dtype.kind == "b":
        scores = xp.where(mask, scores, xp.asarray(-xp.inf, scores.dtype))
    elif hasattr(mask, "dtype") or mask != 0:
        scores = (scores + mask).astype(scores.dtype, copy=False)
    if is_causal:
        scores = xp.where(xp.tri(*scores.shape[-2:], dtype=bool), scores, xp.asarray(-xp.inf, scores.dtype))
    if scores.size == 0:
        return scores
    top = scores.max(axis=-1, keepdims=True)
    e = xp.exp(scores - xp.where(top == -xp.inf, xp.zeros_like(top), top))
    total = e.sum(axis=-1, keepdims=True)
    return e / xp.where(total == 0, xp.ones_like(total), total)


@masked_softmax.spec
def masked_softmax_spec(scores, mask, *, is_causal=False):
    _check_floats("masked_softmax", scores=scores)
    return Spec(_masked_shape("masked_softmax", scores.shape, mask), scores.dtype)


@masked_softmax.grad
def masked_softmax_grad(g, out, mask, wants):
    slope = _softmax_slope(g, out)
    return slope, (slope if wants[1] and is_float(np.dtype(mask.dtype)) else None)


def _softmax_slope(g, out):
    return out * (g - sum_of(g * out, axis=-1, keepdim=True))


def _scale(q, scale):
    return 1 / math.sqrt(q.shape[-1] or 1) if scale is None else scale


@op(outputs=("out", "weights"))
def attention(xp, q, k, v, mask, *, is_causal=False, scale=None):
    """softmax(q k^T * scale, masked) v, and the weights: (..., l, e), (..., s, e), (..., s, d) -> (..., l, d).

    The mask is as in masked_softmax, 0.0 for none; scale is 1 / sqrt(e) unless given.
    """
    scores = xp.matmul(q, k.swapaxes(-1, -2))
    scores *= _scale(q, scale)
    weights = masked_softmax.kernel(xp, scores, mask, is_causal=is_causal)
    return xp.matmul(weights, v), weights


@attention.spec
def attention_spec(q, k, v, mask, *, is_causal=False, scale=None):
    _check_floats("attention", q=q, k=k, v=v)
    check(q.shape[-1] == k.shape[-1], "attention needs queries as wide as keys", q=q, k=k)
    check(k.shape[-2] == v.shape[-2], "attention needs a value for each key", k=k, v=v)
    check(isinstance(is_causal, bool), "attention needs is_causal as True or False", is_causal=is_causal)
    check(scale is None or isinstance(scale, int | float), "attention needs scale as a number, or None", scale=scale)
    shape = (*broadcast_shape(q.shape[:-2], k.shape[:-2]), q.shape[-2], k.shape[-2])
    shape = _masked_shape("attention", shape, mask)
    dtype = result_dtype(q, k)
    out = (*broadcast_shape(shape[:-2], v.shape[:-2]), q.shape[-2], v.shape[-1])
    return Spec(out, result_dtype(q, k, v)), Spec(shape, FLOAT32 if dtype in HALVES else dtype)


@attention.grad
def attention_grad(g, q, k, v, mask, weights, is_causal, scale, wants):
    if wants[3]:  # rare: through the scores, step by step
        scores = matmul(q, transpose(k)) * _scale(q, scale)
        weights = masked_softmax(scores, mask, is_causal=is_causal)
        slope = _softmax_slope(matmul(g, transpose(v)), weights)
        return *_back(slope, weights, g, q, k, _scale(q, scale)), slope
    grads = attention_back(g, q, k, v, mask, weights, is_causal=is_causal, scale=scale)
    return *[grad if wanted else None for grad, wanted in zip(grads, wants[:3], strict=True)], None


def _back(slope, weights, g, q, k, scale):
    return matmul(slope, k) * scale, matmul(transpose(slope), q) * scale, matmul(transpose(weights), g)


@op(outputs=("dq", "dk", "dv"))
def attention_back(xp, g, q, k, v, mask, weights, *, is_causal=False, scale=None):
    """The gradients of attention from its output's g and its weights: those of q, k and v."""
    slope = xp.matmul(g, v.swapaxes(-1, -2))
    slope = weights * (slope - (slope * weights).sum(axis=-1, keepdims=True))
    slope *= _scale(q, scale)
    grads = xp.matmul(slope, k), xp.matmul(slope.swapaxes(-1, -2), q), xp.matmul(weights.swapaxes(-1, -2), g)
    return tuple(sum_to.kernel(xp, d, shape=x.shape) for d, x in zip(grads, (q, k, v), strict=True))


@attention_back.spec
def attention_back_spec(g, q, k, v, mask, weights, *, is_causal=False, scale=None):
    out, promised = attention_spec(q, k, v, mask, is_causal=is_causal, scale=scale)
    _check_floats("attention_back", g=g, weights=weights)
    check(g.shape == out.shape, "attention_back needs a gradient for each output", g=g, output=out)
    fits = weights.shape == promised.shape
    check(fits, "attention_back needs a weight for each pair of query and key", weights=weights, pairs=promised)
    dtype = result_dtype(g, q, k, v)
    return tuple(Spec(x.shape, dtype) for x in (q, k, v))


@attention_back.grad
def attention_back_grad(gs, g, q, k, v, mask, is_causal, scale, wants):
    """The weights count as made of q, k and mask, not as an input of their own."""
    scale = _scale(q, scale)
    weights = masked_softmax(matmul(q, transpose(k)) * scale, mask, is_causal=is_causal)
    toward = matmul(g, transpose(v))  # the gradient of the weights
    slope = _softmax_slope(toward, weights)  # of the scores
    u_q, u_k, u_v = gs
    to_slope = _total(
        None if u_q is None else matmul(u_q, transpose(k)) * scale,
        None if u_k is None else matmul(q, transpose(u_k)) * scale,
    )
    to_weights = None if u_v is None else matmul(g, transpose(u_v))
    to_g = None if u_v is None else matmul(weights, u_v)
    to_q = None if u_k is None else matmul(slope, u_k) * scale
    to_k = None if u_q is None else matmul(transpose(slope), u_q) * scale
    to_v = None
    if to_slope is not None:
        to_toward = _softmax_slope(to_slope, weights)
        mean, change = (sum_of(y * weights, axis=-1, keepdim=True) for y in (toward, to_slope))
        to_weights = _total(to_weights, to_slope * (toward - mean) - toward * change)
        to_g = _total(to_g, matmul(to_toward, v))
        to_v = matmul(transpose(to_toward), g)
    to_scores = _softmax_slope(to_weights, weights)
    to_q = _total(to_q, matmul(to_scores, k) * scale)
    to_k = _total(to_k, matmul(transpose(to_scores), q) * scale)
    return to_g, to_q, to_k, to_v, (to_scores if wants[4] else None), None


def _total(x, y):
    return y if x is None else x if y is None else x + y


def scaled_dot_product_attention(query, key, value, attn_mask=None, is_causal=False, scale=None):
    """Attention by PyTorch's names: (..., l, e), (..., s, e), (..., s, d) -> (..., l, d)."""
    both = attn_mask is not None and is_causal
    check(not both, "scaled_dot_product_attention takes attn_mask or is_causal, not both", is_causal=is_causal)
    mask = 0.0 if attn_mask is None else attn_mask
    return attention(query, key, value, mask, is_causal=is_causal, scale=scale)[0]
