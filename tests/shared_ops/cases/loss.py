"""Losses."""

import numpy as np

from cases.draw import Case, i, n

CASES: dict[str, list[Case]] = {
    "softmax_cross_entropy": [Case((n(3, 4), np.array([0, 3, 1]))), Case((n(0, 4), i(4, 0)))],
    "nll": [Case((n(3, 4), np.array([0, 3, 1])))],
}

TORCH = {
    "softmax_cross_entropy": lambda t, x, labels: t.nn.functional.cross_entropy(x, labels, reduction="none"),
    "nll": lambda t, x, labels: t.nn.functional.nll_loss(x, labels, reduction="none"),
}
