"""Elementwise ops: arithmetic, choosing, comparing, casting."""

import operator

from cases.draw import Case, b, far, i, n, pos

VIEWS = Case((n(4, 3).T[::-1], n(8)[::-2]))  # strides of every kind

CASES: dict[str, list[Case]] = {
    "add": [
        Case((n(2, 3), n(3))),
        Case((i(5, 2, 3), n(3))),
        Case((i(5, 3), 0.5)),
        Case((i(5, 3), i(5, 2, 1))),
        Case((n(2, 1), n(1, 3))),
        Case((n(3), 2.5)),
        Case((n(), n(2))),
        Case((n(), n())),
        Case((b(3), b(3))),
        Case((b(3), 2)),
        VIEWS,
    ],
    "sub": [
        Case((n(3), i(9, 3))),
        Case((n(2, 3), n(2, 1))),
        Case((1, n(3))),
        Case((n(), 2)),
        Case((i(5, 3), i(5, 3))),
        VIEWS,
    ],
    "mul": [
        Case((n(2, 3), i(9, 3))),
        Case((n(2, 3), n(1, 3))),
        Case((n(2), 3)),
        Case((n(0, 3), n(3))),
        Case((b(3), n(3))),
        Case((n(), n())),
        VIEWS,
    ],
    "div": [
        Case((n(2, 3), pos(3))),
        Case((1, pos(3))),
        Case((i(5, 3), i(5, 3) + 1)),
        Case((n(3), 4)),
        Case((b(3), i(5, 2, 1) + 1)),
        Case((n(0), n(0))),
    ],
    "neg": [Case((n(3),)), Case((i(5, 2, 3),)), Case((n(),)), Case((n(0, 2),))],
    "abs": [Case((n(3),)), Case((i(9, 2, 3) - 4,)), Case((n(),))],
    "sign": [Case((n(3),)), Case((i(3, 4) - 1,)), Case((n(0),))],
    "square": [Case((n(2, 3),)), Case((i(9, 4) - 4,)), Case((n(),))],
    "reciprocal": [Case((n(2, 3),)), Case((i(5, 3) + 1,)), Case((n(),))],
    "sqrt": [Case((pos(3),)), Case((i(9, 2, 3) + 1,)), Case((pos(),))],
    "rsqrt": [Case((pos(2, 3),)), Case((i(5, 3) + 1,)), Case((pos(0),))],
    "maximum": [
        Case((n(3), i(9, 3))),
        Case((n(2, 3), n(3))),
        Case((n(4), 0)),
        Case((b(3), b(3))),
        Case((i(5, 3), 2)),
        Case((n(), n())),
    ],
    "minimum": [
        Case((n(3), i(9, 3))),
        Case((n(2, 3), n(3))),
        Case((n(4), 0.0)),
        Case((i(5, 3), 2)),
        Case((n(0, 3), n(3))),
    ],
    "clamp": [
        Case((i(9, 3),), {"min": 2.5}),
        Case((i(9, 3),), {"min": 2, "max": 5}),
        Case((n(5),), {"min": 0}),
        Case((far(5),), {"min": -0.5, "max": 0.5}),
        Case((far(5),), {"max": 0.25}),
        Case((far(5),), {"min": 0.5, "max": -0.5}),
        Case((n(),), {"max": 0}),
    ],
    "where": [
        Case((b(3), 1.0, 0.0)),
        Case((b(3), n(3), i(9, 3))),
        Case((b(2, 3), n(3), n(2, 1))),
        Case((b(3), n(3), 0)),
        Case((True, n(3), n(2, 1))),
        Case((b(2, 1), i(5, 3), i(5, 3))),
        Case((b(), n(), n())),
    ],
    "lerp": [
        Case((n(2, 3), n(3), 0.3)),
        Case((n(3), n(3), 0.7)),
        Case((n(2, 3), n(3), pos(2, 1) / 3)),
        Case((n(3), n(3), pos(3) / 2 + 0.5)),
        Case((n(), n(), 1.0)),
        Case((n(0), n(0), 0.5)),
    ],
    "eq": [Case((i(2, 5), i(2, 5))), Case((i(2, 2, 3), 1.0)), Case((b(3), b(2, 1)))],
    "ne": [Case((i(2, 5), 1)), Case((n(2, 3), i(2, 3)))],
    "lt": [Case((n(3), n(2, 1))), Case((i(5, 3), 2.5))],
    "le": [Case((n(3), 0)), Case((b(3), b(3)))],
    "gt": [Case((n(3), n(3))), Case((0, n(3))), Case((n(), n(0)))],
    "ge": [Case((n(3), n(3))), Case((i(5, 3), i(5, 2, 1)))],
    "cast": [
        Case((n(3),), {"dtype": "float64"}),
        Case((i(3, 3),), {"dtype": "float32"}),
        Case((n(2, 3),), {"dtype": "int64"}, smooth=()),
        Case((i(3, 4),), {"dtype": "bool"}),
        Case((n(),), {"dtype": "float64"}),
    ],
}


def _two(function):
    """A function of two tensors, for a tensor and a number too."""
    return lambda t, x, y: function(t)(t.as_tensor(x), t.as_tensor(y))


def _lerp(t, x, end, weight):
    """torch.lerp itself wants one dtype for all."""
    return t.lerp(*t.broadcast_tensors(x, end), weight if isinstance(weight, float) else weight.expand_as(x + weight))


TORCH = {
    "add": lambda t, x, y: x + y,
    "sub": lambda t, x, y: x - y,
    "mul": lambda t, x, y: x * y,
    "div": lambda t, x, y: x / y,
    "neg": lambda t, x: -x,
    "abs": lambda t, x: t.abs(x),
    "sign": lambda t, x: t.sign(x),
    "square": lambda t, x: t.square(x),
    "reciprocal": lambda t, x: t.reciprocal(x),
    "sqrt": lambda t, x: t.sqrt(x),
    "rsqrt": lambda t, x: t.rsqrt(x),
    "maximum": _two(lambda t: t.maximum),
    "minimum": _two(lambda t: t.minimum),
    "clamp": lambda t, x, *, min=None, max=None: t.clamp(x, min, max),
    "where": lambda t, c, x, y: t.where(t.as_tensor(c), x, y),
    "lerp": _lerp,
    "eq": lambda t, x, y: operator.eq(x, y),
    "ne": lambda t, x, y: operator.ne(x, y),
    "lt": lambda t, x, y: operator.lt(x, y),
    "le": lambda t, x, y: operator.le(x, y),
    "gt": lambda t, x, y: operator.gt(x, y),
    "ge": lambda t, x, y: operator.ge(x, y),
    "cast": lambda t, x, *, dtype: x.to(getattr(t, dtype)),
}
