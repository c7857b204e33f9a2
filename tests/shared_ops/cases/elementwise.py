"""Elementwise ops."""

from cases.draw import Case, b, i, n, pos

CASES: dict[str, list[Case]] = {
    "add": [
        Case((n(2, 3), n(3))),
        Case((i(5, 2, 3), n(3))),
        Case((i(5, 3), 0.5)),
        Case((n(2, 1), n(1, 3))),
        Case((n(3), 2.5)),
        Case((n(), n(2))),
    ],
    "sub": [Case((n(3), i(9, 3))), Case((n(2, 3), n(2, 1))), Case((1, n(3)))],
    "mul": [Case((n(2, 3), i(9, 3))), Case((n(2, 3), n(1, 3))), Case((n(2), 3)), Case((n(0, 3), n(3)))],
    "div": [Case((n(2, 3), pos(3))), Case((1, pos(3))), Case((i(5, 3), i(5, 3) + 1))],
    "neg": [Case((n(3),))],
    "pow": [
        Case((n(3), 0)),
        Case((i(3, 3), 2)),
        Case((n(3), 2)),
        Case((pos(3), 0.5)),
        Case((pos(2, 3), n(3))),
        Case((2.0, n(3))),
    ],
    "abs": [Case((n(3),))],
    "sign": [Case((n(3),), smooth=())],
    "exp": [Case((n(2, 3),)), Case((i(3, 4),))],
    "log": [Case((pos(3),))],
    "sqrt": [Case((pos(3),))],
    "sin": [Case((n(3),))],
    "cos": [Case((n(3),))],
    "tanh": [Case((n(3),))],
    "sigmoid": [Case((n(3),))],
    "relu": [Case((n(2, 3),)), Case((i(5, 3) - 2,))],
    "leaky_relu": [Case((n(5),)), Case((n(5),), {"negative_slope": 0.2})],
    "softplus": [Case((n(5),))],
    "maximum": [Case((n(3), i(9, 3))), Case((n(2, 3), n(3))), Case((n(4), 0))],
    "minimum": [Case((n(3), i(9, 3))), Case((n(2, 3), n(3))), Case((n(4), 0.0))],
    "clamp": [
        Case((i(9, 3),), {"min": 2.5}),
        Case((n(5),), {"min": 0}),
        Case((n(5),), {"min": -0.5, "max": 0.5}),
        Case((n(5),), {"max": 0.25}),
    ],
    "where": [
        Case((b(3), 1.0, 0.0)),
        Case((b(3), n(3), i(9, 3))),
        Case((b(2, 3), n(3), n(2, 1))),
        Case((b(3), n(3), 0)),
    ],
    "eq": [Case((i(2, 5), i(2, 5)))],
    "ne": [Case((i(2, 5), 1))],
    "lt": [Case((n(3), n(2, 1)))],
    "le": [Case((n(3), 0))],
    "gt": [Case((n(3), n(3)))],
    "ge": [Case((n(3), n(3)))],
    "cast": [Case((n(3),), {"dtype": "float64"}), Case((i(3, 3),), {"dtype": "float32"})],
}

TORCH = {}
