"""Connectionist temporal classification."""

import numpy as np

from cases.draw import Case, n

SHAPE = (6, 3, 4)  # times, samples, classes
TARGETS, LENGTHS = np.array([[1, 2, 3], [2, 2, 0], [3, 1, 1]]), (np.array([6, 5, 6]), np.array([3, 2, 0]))
SHORT = np.array([6, 2, 3]), np.array([1, 2, 3])  # the second and the third have no path


def log_p(*shape):
    x = n(*shape)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def alpha(log_probs, targets, input_lengths, target_lengths, **how):
    from shared_ops.ctc import ctc

    return ctc(log_probs, targets, input_lengths, target_lengths, **how)[1]


P = log_p(*SHAPE)

CASES: dict[str, list[Case]] = {
    "ctc": [
        Case((P, TARGETS, *LENGTHS)),
        Case((log_p(*SHAPE), TARGETS.astype("int32"), *SHORT), {"zero_infinity": True}),
        Case((log_p(*SHAPE), TARGETS - 1 + (TARGETS == 0), *LENGTHS), {"blank": 3}),
        Case((log_p(4, 2, 3), np.zeros((2, 0), "int64"), np.array([4, 0]), np.array([0, 0]))),
        Case((log_p(3, 1, 2), np.array([[1]]), np.array([3]), np.array([1]))),
    ],
    "ctc_back": [
        Case((n(3), P, TARGETS, *LENGTHS, alpha(P, TARGETS, *LENGTHS)), {}, (0,)),
        Case((n(3), P, TARGETS, *SHORT, alpha(P, TARGETS, *SHORT)), {"zero_infinity": True}, (0,)),
    ],
    "ctc_curvature": [Case((n(*SHAPE), n(3), P, TARGETS, *LENGTHS))],
}


def _ctc(t, log_probs, targets, input_lengths, target_lengths, **how):
    """PyTorch adds exp(log_probs) to its gradient, which vanishes in log_softmax; here it is taken away again."""
    loss = t.nn.functional.ctc_loss(log_probs, targets, input_lengths, target_lengths, reduction="none", **how)
    counts = (t.arange(len(log_probs))[:, None] < input_lengths) & (loss.detach() > 0)
    extra = (log_probs.exp() * counts[..., None]).sum((0, 2))
    return loss - (extra - extra.detach())


TORCH = {"ctc": _ctc, "ctc_back": None, "ctc_curvature": None}
