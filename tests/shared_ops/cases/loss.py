"""Losses."""

import numpy as np

from cases.draw import Case, i, n, pos

LABELS, IMAGES = np.array([0, 3, 1]), np.array([[0, 3, 1, 1, 2], [2, 2, 0, -7, 3]])
MEAN, SUM = {"reduction": "mean"}, {"reduction": "sum"}
IGNORING = {"ignore_index": 3, "reduction": "mean"}
SMOOTH = {"label_smoothing": 0.2, **IGNORING}


def p(*shape):
    """Probabilities, none near 0 or 1."""
    return np.asarray(pos(*shape) / 2.5)


CASES: dict[str, list[Case]] = {
    "softmax_cross_entropy": [
        Case((n(3, 4), LABELS)),
        Case((n(3, 4), LABELS), MEAN),
        Case((n(3, 4), LABELS, pos(4)), {"ignore_index": 1}, (0,)),
        Case((n(3, 4), LABELS, pos(4)), SMOOTH, (0,)),
        Case((n(3, 4), LABELS), {"label_smoothing": 0.1, **SUM}),
        Case((n(2, 4, 5), IMAGES), {"ignore_index": -7}),
        Case((n(2, 4, 5), IMAGES, pos(4)), {"ignore_index": -7, "label_smoothing": 1.0, **MEAN}, (0,)),
        Case((n(2, 19), np.array([18, 3], "int32")), {"label_smoothing": 0.3}),
        Case((n(3, 1, 2, 2), i(1, 3, 2, 2)), SUM),
        Case((i(9, 3, 4), LABELS)),
        Case((n(0, 4), i(4, 0))),
        Case((n(0, 4), i(4, 0)), SUM),
    ],
    "softmax_cross_entropy_back": [
        Case((n(3), n(3, 4), LABELS)),
        Case((n(), n(3, 4), LABELS, pos(4)), SMOOTH, (0, 1)),
        Case((n(), n(3, 4), LABELS), {"label_smoothing": 0.1, **SUM}),
        Case((n(2, 5), n(2, 4, 5), IMAGES), {"ignore_index": -7, "label_smoothing": 0.1}),
        Case((n(0), n(0, 4), i(4, 0))),
    ],
    "nll": [
        Case((n(3, 4), LABELS)),
        Case((n(3, 4), LABELS, pos(4)), IGNORING, (0,)),
        Case((n(2, 4, 5), IMAGES), {"ignore_index": -7, **SUM}),
        Case((n(0, 4), i(4, 0))),
    ],
    "nll_back": [
        Case((n(3), LABELS), {"num_classes": 4}),
        Case((n(), LABELS, pos(4)), {"num_classes": 4, **IGNORING}, (0,)),
        Case((n(), IMAGES), {"num_classes": 4, "ignore_index": -7, **SUM}),
    ],
    "bce": [
        Case((p(2, 3), p(2, 3))),
        Case((p(2, 3), i(2, 2, 3))),
        Case((p(), p())),
        Case((p(0), p(0))),
    ],
}


def _labelled(function):
    """PyTorch's loss of labels; its ignored label is a number always, and is never found where ours is None."""

    def twin(t, x, labels, weight=None, *, ignore_index=None, reduction="none", **smoothing):
        x, ignore_index = x if x.is_floating_point() else x.float(), -100 if ignore_index is None else ignore_index
        weight, labels = None if weight is None else weight.to(x), labels.long()
        loss = getattr(t.nn.functional, function)
        return loss(x, labels, weight, ignore_index=ignore_index, reduction=reduction, **smoothing)

    return twin


TORCH = {
    "softmax_cross_entropy": _labelled("cross_entropy"),
    "softmax_cross_entropy_back": None,
    "nll": _labelled("nll_loss"),
    "nll_back": None,
    "bce": lambda t, p, target: t.nn.functional.binary_cross_entropy(p, target.to(p), reduction="none"),
}
