"""Shapes, arrangements, triangles and diagonals."""

from cases.draw import Case, b, i, n

CASES: dict[str, list[Case]] = {
    "reshape": [
        Case((n(2, 6),), {"shape": (3, -1)}),
        Case((n(1),), {"shape": ()}),
        Case((n(),), {"shape": (1, 1)}),
        Case((n(0, 3),), {"shape": (3, 0)}),
        Case((i(9, 2, 3),), {"shape": (-1,)}),
    ],
    "permute": [
        Case((n(2, 3, 4),), {"dims": (2, 0, 1)}),
        Case((n(2, 3),), {"dims": (-1, 0)}),
        Case((n(),), {"dims": ()}),
        Case((b(0, 3),), {"dims": (1, 0)}),
    ],
    "expand": [
        Case((n(2, 1),), {"shape": (4, 2, 3)}),
        Case((n(3),), {"shape": (2, -1)}),
        Case((n(),), {"shape": (2,)}),
        Case((n(1, 3),), {"shape": (0, 3)}),
    ],
    "sum_to": [
        Case((n(4, 2, 3),), {"shape": (2, 1)}),
        Case((n(2, 3),), {"shape": (2, 3)}),
        Case((n(2, 3),), {"shape": ()}),
        Case((n(0, 3),), {"shape": (1, 3)}),
    ],
    "cat": [
        Case((n(2, 3), i(9, 1, 3))),
        Case((n(2, 3), n(1, 3))),
        Case((n(2, 3), n(2, 1), n(2, 2)), {"axis": -1}),
        Case((n(0, 3), n(2, 3))),
        Case((b(2), i(5, 2))),
        Case((n(2, 3),), {"axis": 1}),
    ],
    "stop_gradient": [Case((n(2, 3),)), Case((n(),))],
    "flip": [
        Case((n(2, 3),), {"axis": 0}),
        Case((n(2, 3, 2),), {"axis": (0, -1)}),
        Case((i(5, 3),), {"axis": (0,)}),
        Case((n(2, 3),), {"axis": ()}),
        Case((n(0, 2),), {"axis": 1}),
    ],
    "roll": [
        Case((n(5),), {"shifts": 2, "axis": 0}),
        Case((n(2, 3, 4),), {"shifts": (1, -2), "axis": (0, -1)}),
        Case((n(2, 3),), {"shifts": 4}),
        Case((n(3, 2),), {"shifts": (1, 1), "axis": (0, 0)}),
        Case((i(5, 3),), {"shifts": (-7,), "axis": (0,)}),
        Case((n(0, 2),), {"shifts": 1, "axis": 0}),
        Case((n(),), {"shifts": 3}),
    ],
    "constant_pad": [
        Case((n(2, 3),), {"pad": (1, 2)}),
        Case((n(2, 3, 2),), {"pad": (0, 1, 2, 0), "value": 1.5}),
        Case((n(4, 5),), {"pad": (-1, 2, 1, -2)}),
        Case((n(3),), {"pad": (-1, -2)}),
        Case((i(9, 2, 2),), {"pad": (1, 1, 1, 1), "value": 7}),
        Case((b(3),), {"pad": (1, 0), "value": True}),
        Case((n(2, 0),), {"pad": (1, 1)}),
        Case((n(),), {"pad": ()}),
    ],
    "tril": [
        Case((n(3, 4),)),
        Case((n(2, 3, 3),), {"diagonal": -1}),
        Case((n(4, 2),), {"diagonal": 1}),
        Case((i(9, 3, 3),), {"diagonal": 9}),
        Case((n(0, 3),)),
    ],
    "triu": [
        Case((n(3, 4),)),
        Case((n(2, 3, 3),), {"diagonal": 1}),
        Case((n(4, 2),), {"diagonal": -2}),
        Case((b(3, 3),), {"diagonal": -9}),
        Case((n(2, 0, 3),)),
    ],
    "diagonal": [
        Case((n(3, 4),)),
        Case((n(2, 3, 4),), {"offset": 1, "dim1": -2, "dim2": -1}),
        Case((n(4, 2, 3),), {"offset": -1, "dim1": 2, "dim2": 0}),
        Case((i(9, 3, 3),), {"offset": 3}),
        Case((n(2, 2),), {"offset": -5}),
        Case((n(0, 3),)),
    ],
    "diagonal_put": [
        Case((n(3),), {"shape": (3, 4)}),
        Case((n(2, 3),), {"shape": (2, 3, 4), "offset": 1, "dim1": -2, "dim2": -1}),
        Case((n(2, 2),), {"shape": (4, 2, 3), "offset": -1, "dim1": 2, "dim2": 0}),
        Case((n(0),), {"shape": (2, 2), "offset": 2}),
    ],
}


def _cat(t, *xs, axis=0):
    return t.cat(xs, axis)


def _roll(t, x, *, shifts, axis=None):
    return t.roll(x, shifts, axis)


def _diagonal_put(t, x, *, shape, offset=0, dim1=0, dim2=1):
    return t.diagonal_scatter(t.zeros(shape, dtype=x.dtype), x, offset, dim1, dim2)


TORCH = {
    "reshape": lambda t, x, *, shape: x.reshape(shape),
    "permute": lambda t, x, *, dims: x.permute(dims),
    "expand": lambda t, x, *, shape: x.expand(shape),
    "sum_to": lambda t, x, *, shape: x.sum_to_size(shape),
    "cat": _cat,
    "stop_gradient": None,  # PyTorch's detach gives what has no gradient at all
    "flip": lambda t, x, *, axis: t.flip(x, axis if isinstance(axis, tuple) else (axis,)),
    "roll": _roll,
    "constant_pad": lambda t, x, *, pad, value=0: t.nn.functional.pad(x, pad, value=value),
    "tril": lambda t, x, *, diagonal=0: t.tril(x, diagonal),
    "triu": lambda t, x, *, diagonal=0: t.triu(x, diagonal),
    "diagonal": lambda t, x, *, offset=0, dim1=0, dim2=1: t.diagonal(x, offset, dim1, dim2),
    "diagonal_put": _diagonal_put,
}
