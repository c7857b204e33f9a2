"""Products, variances, norms, sums of exponentials."""

import numpy as np

from cases.draw import Case, b, far, i, n, pos

KEPT = {"axis": (0, -1), "keepdim": True}
WITH_ZEROS = np.array([[1.5, 0.0, -2.0, 0.7], [0.0, 3.0, 0.0, 1.1], [0.4, 2.0, 1.3, -0.6]])
SPREADS = [
    Case((n(3, 4),)),
    Case((n(3, 4, 2),), KEPT),
    Case((n(3, 4),), {"axis": 1, "correction": 0}),
    Case((n(2, 3, 4),), {"axis": (0, 2), "correction": 2}),
    Case((n(3, 4),), {"axis": -2}),
]

CASES: dict[str, list[Case]] = {
    "prod": [
        Case((n(2, 3),)),
        Case((WITH_ZEROS,), {"axis": 1}),
        Case((n(2, 3, 2),), KEPT),
        Case((i(4, 3),)),
        Case((n(0, 2),), {"axis": 0}),
        Case((n(0, 2),), {"axis": 1}),
        Case((n(),)),
        Case((b(3, 2),), {"axis": -1}),
    ],
    "var": SPREADS,
    "std": SPREADS,
    "norm": [
        Case((n(3, 4),)),
        Case((n(3, 4),), {"axis": 1, "keepdim": True}),
        Case((n(3, 4),), {"ord": 1, "axis": 0}),
        Case((far(3, 4),), {"ord": float("inf"), "axis": 1}),
        Case((far(3, 4),), {"ord": float("-inf")}),
        Case((n(3, 4),), {"ord": 3.0, "axis": (0, 1)}),
        Case((pos(3, 4),), {"ord": 0.5, "axis": 1}),
        Case((n(3, 4),), {"ord": 0}),
        Case((pos(3, 4),), {"ord": -1, "axis": -1}),
        Case((n(),)),
        Case((n(2, 0),), {"axis": 1}),
    ],
    "logsumexp": [
        Case((n(3, 4),), {"axis": 1}),
        Case((n(3, 4, 2),), KEPT),
        Case((i(5, 3, 4),), {"axis": -1}),
        Case((n(3, 4),), {"axis": 0}),
        Case((n(),), {"axis": 0}),
        Case((n(0, 2),), {"axis": 1}),
    ],
}


def _prod(t, x, *, axis=None, keepdim=False):
    if isinstance(axis, tuple):
        for a in axis:
            x = t.prod(x, a, True)
        return x
    return t.prod(x) if axis is None else t.prod(x, axis, keepdim)


def _spread_of(name):
    return lambda t, x, *, axis=None, correction=1, keepdim=False: getattr(t, name)(
        x, dim=axis, correction=correction, keepdim=keepdim
    )


TORCH = {
    "prod": _prod,
    "var": _spread_of("var"),
    "std": _spread_of("std"),
    "norm": lambda t, x, *, ord=2.0, axis=None, keepdim=False: t.linalg.vector_norm(x, ord, axis, keepdim),
    "logsumexp": lambda t, x, *, axis, keepdim=False: t.logsumexp(x, axis, keepdim),
}
