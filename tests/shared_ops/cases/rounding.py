"""Rounding, and division that gives whole numbers."""

import numpy as np

from cases.draw import Case, i, n, pos

HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])  # steps, and half way between the even numbers
BETWEEN = n(2, 3) * 3


def rows(smooth):
    values = [Case((BETWEEN,)), Case((HALVES,), smooth=smooth), Case((i(9, 4) - 4,)), Case((np.array(1.25),))]
    return [*values, Case((n(0, 3),)), Case((BETWEEN.T[::-1],))]


CASES: dict[str, list[Case]] = {
    "floor": rows(None),
    "ceil": rows(None),
    "trunc": rows(None),
    "frac": rows(None),
    "round": rows(()),
    **{
        name: [
            Case((n(2, 3) * 9, pos(3))),
            Case((n(2, 3) * 9, -pos(3))),
            Case((i(9, 2, 3) - 4, i(3, 3) + 1)),
            Case((i(9, 2, 3) - 4, -3)),
            Case((n(4) * 9, 2.5)),
            Case((7.3, pos(4))),
            Case((n(4) * 9, i(3, 4) + 1)),
            Case((np.array(7.3), np.array(-2.0))),
            Case((n(0), 2.0)),
        ]
        for name in ("floor_div", "remainder")
    },
}


def _tensors(t, x, y):
    return (t.tensor(x, dtype=y.dtype), y) if isinstance(x, float) else (x, y)


TORCH = {
    **{name: lambda t, x, name=name: getattr(t, name)(x) for name in ("floor", "ceil", "trunc", "round")},
    "frac": lambda t, x: t.frac(x) if x.is_floating_point() else x * 0,
    "floor_div": lambda t, x, y: t.div(*_tensors(t, x, y), rounding_mode="floor"),
    "remainder": lambda t, x, y: t.remainder(*_tensors(t, x, y)),
}
