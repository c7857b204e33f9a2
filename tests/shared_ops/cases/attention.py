"""Attention."""

import numpy as np

from cases.draw import Case, b, n


def weights(q, k):
    e = np.exp(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]))
    return e / e.sum(axis=-1, keepdims=True)


NOBODY = np.array([[True, True, False], [False, False, False]])
Q, K = n(2, 3, 4), n(2, 5, 4)
BACK = (0, 3)  # the weights count as those of q, k: their slopes are checked by the second order of attention

CASES: dict[str, list[Case]] = {
    "attention": [
        Case((n(2, 3, 4), n(2, 5, 4), n(2, 5, 3), 0.0)),
        Case((n(2, 2, 3, 4), n(2, 2, 3, 4), n(2, 2, 3, 4), 0.0), {"is_causal": True}),
        Case((n(2, 3, 4), n(2, 5, 4), n(2, 5, 3), b(2, 3, 5)), {"scale": 0.3}),
        Case((n(2, 3, 4), n(2, 5, 4), n(2, 5, 3), n(3, 5))),
        Case((n(2, 4), n(3, 4), n(3, 2), NOBODY)),
        Case((n(1, 3, 4), n(3, 5, 4), n(3, 5, 2), 0.0), {"is_causal": True}),
        Case((n(5, 2), n(3, 2), n(3, 2), n(2, 1, 5, 3))),
        Case((n(0, 3, 4), n(0, 5, 4), n(0, 5, 2), 0.0)),
        Case((n(3, 4), n(0, 4), n(0, 2), 0.0)),
        Case((n(2, 21, 5), n(2, 21, 5), n(2, 21, 19), 0.0), {"is_causal": True}),
    ],
    "attention_back": [
        Case((n(2, 3, 3), Q, K, n(2, 5, 3), 0.0, weights(Q, K)), {}, BACK),
        Case((n(2, 3, 3), Q, K, n(5, 3), 0.0, weights(Q, K)), {}, BACK),
    ],
    "masked_softmax": [
        Case((n(2, 3, 5), 0.0)),
        Case((n(3, 3), 0.0), {"is_causal": True}),
        Case((n(2, 2, 3), NOBODY)),
        Case((n(2, 3), n(2, 1, 3)), {"is_causal": True}),
        Case((n(2, 0), 0.0)),
    ],
}


def _attention(t, q, k, v, mask, *, is_causal=False, scale=None):
    mask = mask if isinstance(mask, t.Tensor) else None
    if mask is not None and mask.ndim > q.ndim:  # PyTorch does not add a mask's batch axes
        q, k, v = (x.expand(*mask.shape[:2], *x.shape[-2:]) for x in (q, k, v))
    return t.nn.functional.scaled_dot_product_attention(q, k, v, mask, is_causal=is_causal, scale=scale)


def _masked_softmax(t, scores, mask, *, is_causal=False):
    if isinstance(mask, t.Tensor):
        scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == t.bool else scores + mask
    if is_causal:
        scores = scores.masked_fill(~t.ones(scores.shape[-2:], dtype=t.bool).tril(), float("-inf"))
    empty = (scores == float("-inf")).all(-1, keepdim=True)
    return t.softmax(scores.masked_fill(empty, 0), -1) * ~empty


TORCH = {"attention": _attention, "attention_back": None, "masked_softmax": _masked_softmax}
