"""Powers, exponentials, logarithms, trigonometric and hyperbolic functions, and the error function."""

import numpy as np

from cases.draw import Case, i, n, pos


def inside(*shape):
    """Values between -0.85 and 0.85, for functions that end at -1 and 1."""
    return np.asarray(np.tanh(n(*shape)) * 0.85)


def of_one(draw):
    """The rows of a function of one value: matrices, no axis, no values, integers, strides."""
    return [
        Case((draw(2, 3),)),
        Case((draw(),)),
        Case((draw(0, 3),)),
        Case((i(2, 4),)),
        Case((draw(4, 3).T[::-1, ::2],)),
    ]


CASES: dict[str, list[Case]] = {
    "pow": [
        Case((n(3), 0)),
        Case((i(3, 3), 2)),
        Case((i(3, 3), i(3, 2, 1))),
        Case((n(3), 2)),
        Case((n(3), -1)),
        Case((n(3), 3)),
        Case((pos(3), 0.5)),
        Case((pos(2, 3), n(3))),
        Case((2.0, n(3))),
        Case((2, n(3))),
        Case((pos(), n())),
        Case((n(0), 2.5)),
        Case((np.zeros(3), pos(3)), smooth=(1,)),
    ],
    **{name: of_one(n) for name in ("exp", "exp2", "expm1", "sin", "cos", "atan", "sinh", "cosh", "tanh")},
    **{name: [*of_one(n), Case((n(20) * 3,))] for name in ("erf", "erfc")},
    **{name: of_one(inside) for name in ("asin", "acos", "tan")},
    **{name: of_one(pos)[:3] for name in ("log", "log2", "log10")},
    "log1p": of_one(pos),
    "atan2": [
        Case((n(2, 3), n(3))),
        Case((n(3), 2.0)),
        Case((-1, n(3))),
        Case((n(), n(2, 1))),
        Case((i(5, 3), i(5, 3) + 1)),
        Case((n(0), n(0))),
    ],
}
CASES["log"].append(Case((i(5, 4) + 1,)))

TORCH = {
    "pow": lambda t, x, y: t.pow(x, y),
    "atan2": lambda t, y, x: t.atan2(t.as_tensor(y), t.as_tensor(x)),
    **{name: lambda t, x, name=name: getattr(t, name)(x) for name in CASES if name not in ("pow", "atan2")},
}
