"""Running sums and products, and orders."""

import itertools

import numpy as np

from cases.draw import Case, b, far, i, n

FIRST, LAST = {"axis": 0}, {"axis": -1}
WITH_ZEROS = np.array([[1.5, 0.0, -2.0, 1.2], [0.0, 3.0, 0.0, -0.7]])

CASES: dict[str, list[Case]] = {
    "cumsum": [
        Case((n(3, 4),), {"axis": 1}),
        Case((n(3, 4),), {"axis": -2}),
        Case((i(5, 4),), FIRST),
        Case((b(2, 3),), LAST),
        Case((n(2, 0),), LAST),
        Case((n(2, 3, 2),), {"axis": 1}),
    ],
    "cumprod": [
        Case((n(3, 4),), {"axis": 1}),
        Case((WITH_ZEROS,), LAST),
        Case((n(3, 2),), FIRST),
        Case((i(5, 4),), FIRST),
        Case((n(2, 0),), LAST),
        Case((WITH_ZEROS.reshape(2, 2, 2),), {"axis": 1}),
    ],
    "linear_scan": [
        Case((n(3, 4), n(3, 4)), LAST),
        Case((WITH_ZEROS, n(2, 4)), {"axis": 1, "reverse": True}),
        Case((n(3, 2), n(3, 2)), FIRST),
        Case((n(2, 3, 2), n(2, 3, 2)), {"axis": -2, "reverse": True}),
        Case((n(2, 0), n(2, 0)), LAST),
    ],
    "sort": [
        Case((far(3, 4),)),
        Case((far(3, 4),), {"axis": 0, "descending": True}),
        Case((i(3, 6),)),
        Case((b(4, 3),), {"axis": -2, "descending": True}),
        Case((n(2, 0),)),
        Case((far(2, 3, 2),), {"axis": 1}),
    ],
    "argsort": [Case((far(3, 4),)), Case((i(3, 6),), {"axis": 0, "descending": True}), Case((n(0, 2),), {"axis": 1})],
    "topk": [
        Case((far(3, 5),), {"k": 2}),
        Case((far(4, 3),), {"k": 3, "axis": 0, "largest": False}),
        Case((i(9, 5, 2).argsort(0),), {"k": 2, "axis": 0}),
        Case((far(2, 3),), {"k": 0}),
        Case((far(2, 3),), {"k": 3, "axis": -1, "sorted": True}),
    ],
    "median": [
        Case((far(3, 4),), {"axis": 1}),
        Case((far(3, 5),), {"axis": 0, "keepdim": True}),
        Case((i(9, 5).argsort(),), FIRST),
        Case((far(2, 3, 4),), {"axis": -2}),
        Case((n(0, 3),), LAST),
    ],
    "median_of_all": [Case((far(3, 5),)), Case((far(2, 3),)), Case((n(),)), Case((i(9, 4),))],
}


def _scan(t, decay, x, *, axis, reverse=False):
    """A step at a time."""
    factors, values = list(decay.unbind(axis)), list(x.unbind(axis))
    places = list(range(len(values)))[:: -1 if reverse else 1]
    for before, k in itertools.pairwise(places):
        values[k] = values[k] + factors[k] * values[before]
    return t.stack(values, axis) if values else x + 0 * decay


TORCH = {
    "cumsum": lambda t, x, *, axis: t.cumsum(x, axis),
    "cumprod": lambda t, x, *, axis: t.cumprod(x, axis),
    "linear_scan": _scan,
    "sort": lambda t, x, *, axis=-1, descending=False: tuple(t.sort(x, dim=axis, descending=descending, stable=True)),
    "argsort": lambda t, x, *, axis=-1, descending=False: t.argsort(x, dim=axis, descending=descending, stable=True),
    "topk": lambda t, x, *, k, axis=-1, largest=True, sorted=True: tuple(t.topk(x, k, axis, largest, sorted)),
    "median": lambda t, x, *, axis, keepdim=False: tuple(t.median(x, axis, keepdim)),
    "median_of_all": lambda t, x: t.median(x),
}
