"""Normalising, and losses."""

import numpy as np

from cases.draw import STATE, Case, i, n

CASES: dict[str, list[Case]] = {
    "softmax": [Case((i(9, 2, 3),)), Case((n(2, 3),)), Case((n(2, 3, 2),), {"axis": 1})],
    "log_softmax": [Case((n(2, 3),)), Case((n(2, 3),), {"axis": 0})],
    "dropout": [Case((n(4, 3), STATE), {"p": 0.4}), Case((n(4, 3), STATE), {"p": 1.0})],
    "softmax_cross_entropy": [Case((n(3, 4), np.array([0, 3, 1]))), Case((n(0, 4), i(4, 0)))],
    "nll": [Case((n(3, 4), np.array([0, 3, 1])))],
}

TORCH = {}
