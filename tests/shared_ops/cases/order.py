"""Running sums and products, and orders."""

import numpy as np

from cases.draw import Case, far, i, n

CASES: dict[str, list[Case]] = {
    "cumsum": [Case((n(3, 4),), {"axis": 1}), Case((n(3, 4),), {"axis": -2}), Case((i(5, 4),), {"axis": 0})],
    "cumprod": [
        Case((n(3, 4),), {"axis": 1}),
        Case((np.array([[1.5, 0.0, -2.0], [0.0, 3.0, 0.0]]),), {"axis": -1}),
        Case((n(3, 2),), {"axis": 0}),
        Case((i(5, 4),), {"axis": 0}),
    ],
    "sort": [Case((far(3, 4),)), Case((far(3, 4),), {"axis": 0, "descending": True}), Case((i(3, 6),))],
    "argsort": [Case((far(3, 4),)), Case((i(3, 6),), {"axis": 0, "descending": True})],
    "topk": [Case((far(3, 5),), {"k": 2}), Case((far(4, 3),), {"k": 3, "axis": 0, "largest": False})],
    "median": [Case((far(3, 4),), {"axis": 1}), Case((far(3, 5),), {"axis": 0, "keepdim": True})],
}

TORCH = {
    "cumsum": lambda t, x, *, axis: t.cumsum(x, axis),
    "cumprod": lambda t, x, *, axis: t.cumprod(x, axis),
    "sort": lambda t, x, *, axis=-1, descending=False: tuple(t.sort(x, dim=axis, descending=descending, stable=True)),
    "argsort": lambda t, x, *, axis=-1, descending=False: t.argsort(x, dim=axis, descending=descending, stable=True),
    "topk": lambda t, x, *, k, axis=-1, largest=True: tuple(t.topk(x, k, axis, largest)),
    "median": lambda t, x, *, axis, keepdim=False: tuple(t.median(x, axis, keepdim)),
}
