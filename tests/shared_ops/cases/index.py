"""Indexing."""

import numpy as np

from cases.draw import Case, i, n

CASES: dict[str, list[Case]] = {
    "getitem": [
        Case((n(4, 3),), {"index": (slice(1, None, 2),)}),
        Case((n(4, 3, 2),), {"index": (-1, Ellipsis, None, 0)}),
        Case((n(4, 3),), {"index": (slice(None, None, -1), slice(0, 2))}),
    ],
    "put": [Case((n(2, 3),), {"shape": (4, 3), "index": (slice(1, 3),)})],
    "take": [Case((n(4, 3), i(4, 2, 2))), Case((n(4, 3), np.array([0, 0, -1]))), Case((n(4, 3), i(4, 5), i(3, 5)))],
    "take_add": [Case((n(5, 3), i(4, 5)), {"shape": (4, 3)})],
    "one_hot": [Case((i(4, 2, 3),), {"num_classes": 4}), Case((i(4, 3),), {"num_classes": 5, "dtype": "float32"})],
}

TORCH = {}
