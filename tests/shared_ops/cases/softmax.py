"""Softmax and its logarithm."""

from cases.draw import Case, i, n

CASES: dict[str, list[Case]] = {
    "softmax": [Case((i(9, 2, 3),)), Case((n(2, 3),)), Case((n(2, 3, 2),), {"axis": 1})],
    "log_softmax": [Case((n(2, 3),)), Case((n(2, 3),), {"axis": 0})],
}

TORCH = {
    "softmax": lambda t, x, *, axis=-1: t.softmax(x if x.is_floating_point() else x.float(), axis),
    "log_softmax": lambda t, x, *, axis=-1: t.log_softmax(x, axis),
}
