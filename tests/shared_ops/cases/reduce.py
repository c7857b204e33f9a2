"""Reductions."""

from cases.draw import Case, b, far, i, n

ONE, KEPT = {"axis": 1}, {"axis": 0, "keepdim": True}
EXTREMES = [
    Case((far(2, 3),)),
    Case((far(2, 3),), {"axis": 0}),
    Case((far(2, 3),), {"axis": 1, "keepdim": True}),
    Case((far(2, 3, 2),), {"axis": (0, 2)}),
    Case((i(9, 2, 3),), {"axis": -1}),
    Case((n(0, 3),), {"axis": 1}),
    Case((n(),)),
]
PLACES = [
    Case((n(2, 3),)),
    Case((n(2, 3),), {"axis": -1}),
    Case((n(2, 3),), KEPT),
    Case((n(2, 3, 4),), {"axis": 1}),
    Case((i(9, 2, 3),)),
    Case((n(),)),
]
CHOSEN = [
    Case((far(2, 3),), ONE),
    Case((far(2, 3, 2),), {"axis": -2, "keepdim": True}),
    Case((i(9, 2, 3),), ONE),
    Case((far(4, 3),), {"axis": 0}),
    Case((n(0, 3),), ONE),
]

CASES: dict[str, list[Case]] = {
    "sum": [
        Case((i(9, 4).astype("uint8"),)),
        Case((n(2, 3),)),
        Case((n(),)),
        Case((n(0, 3),), {"axis": 0}),
        Case((n(2, 3, 4),), {"axis": (0, -1)}),
        Case((n(2, 3),), {"axis": 1, "keepdim": True}),
        Case((b(2, 3),), {"axis": -1}),
        Case((n(),), {"axis": 0}),
        Case((n(0, 3),), {"axis": 1, "keepdim": True}),
    ],
    "mean": [
        Case((n(2, 3),)),
        Case((n(2, 3, 4),), {"axis": (0, 2)}),
        Case((i(9, 4),)),
        Case((n(3, 5),), KEPT),
        Case((n(),), {"axis": -1}),
        Case((n(0, 3),), {"axis": 1}),
    ],
    "amax": EXTREMES,
    "amin": EXTREMES,
    "argmax": PLACES,
    "argmin": PLACES,
    "max": CHOSEN,
    "min": CHOSEN,
    "any": [Case((b(2, 3),)), Case((i(2, 2, 3),), ONE), Case((n(0, 2),), KEPT)],
    "all": [Case((b(2, 3),)), Case((i(2, 2, 3),), ONE), Case((n(0, 2),), KEPT)],
    "count_nonzero": [Case((i(2, 2, 3),)), Case((n(2, 3, 2),), {"axis": (0, 2)}), Case((b(2, 3),), {"axis": 0})],
}


def _axes(t, x, axis):
    return tuple(range(x.ndim)) if axis is None else axis


def _of_extreme(name):
    return lambda t, x, *, axis, keepdim=False: tuple(getattr(t, name)(x, axis, keepdim))


def _every(name):
    def twin(t, x, *, axis=None, keepdim=False):
        return getattr(t, name)(x) if axis is None else getattr(t, name)(x, axis, keepdim)

    return twin


TORCH = {
    "sum": lambda t, x, *, axis=None, keepdim=False: t.sum(x, axis, keepdim),
    "mean": lambda t, x, *, axis=None, keepdim=False: t.mean(x if x.is_floating_point() else x.float(), axis, keepdim),
    "amax": lambda t, x, *, axis=None, keepdim=False: t.amax(x, _axes(t, x, axis), keepdim),
    "amin": lambda t, x, *, axis=None, keepdim=False: t.amin(x, _axes(t, x, axis), keepdim),
    "argmax": lambda t, x, *, axis=None, keepdim=False: t.argmax(x, axis, keepdim),
    "argmin": lambda t, x, *, axis=None, keepdim=False: t.argmin(x, axis, keepdim),
    "max": _of_extreme("max"),
    "min": _of_extreme("min"),
    "any": _every("any"),
    "all": _every("all"),
    "count_nonzero": lambda t, x, *, axis=None, keepdim=False: t.count_nonzero(x, axis),
}
