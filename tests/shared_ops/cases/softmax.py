"""Softmax and its logarithm."""

from cases.draw import Case, b, i, n

ROWS = [
    Case((n(2, 3),)),
    Case((i(9, 2, 3),)),
    Case((b(3),)),
    Case((n(2, 3, 2),), {"axis": 1}),
    Case((n(2, 3, 9),), {"axis": -2}),
    Case((n(5, 2),), {"axis": 0}),
    Case((n(2, 19),)),
    Case((n(),)),
    Case((n(3, 0),)),
    Case((n(0, 3),)),
]
BACK_ROWS = [
    Case((n(2, 3), n(2, 3))),
    Case((n(2, 3, 9), n(2, 3, 9)), {"axis": 1}),
    Case((n(2, 17), n(2, 17)), {"axis": -1}),
    Case((n(), n())),
    Case((n(0, 3), n(0, 3))),
]

CASES: dict[str, list[Case]] = {
    "softmax": ROWS,
    "softmax_back": BACK_ROWS,
    "log_softmax": ROWS,
    "log_softmax_back": BACK_ROWS,
}


def _float(x):
    return x if x.is_floating_point() else x.float()


TORCH = {
    "softmax": lambda t, x, *, axis=-1: t.softmax(_float(x), axis),
    "softmax_back": lambda t, g, out, *, axis=-1: t._softmax_backward_data(g, out, axis, out.dtype),
    "log_softmax": lambda t, x, *, axis=-1: t.log_softmax(_float(x), axis),
    "log_softmax_back": lambda t, g, out, *, axis=-1: t._log_softmax_backward_data(g, out, axis, out.dtype),
}
