"""Optimiser updates: their gradient is nobody's."""

from cases.draw import Case, n, pos

CASES: dict[str, list[Case]] = {
    "sgd": [Case((n(3), n(3), 0.1)), Case((n(3), n(3), 0.1), {"weight_decay": 0.2})],
    "sgd_momentum": [
        Case((n(3), n(3), n(3), 0.1), {"momentum": 0.9}),
        Case((n(3), n(3), n(3), 0.1), {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ],
    "adam": [Case((n(3), n(3), n(3), pos(3), 3, 0.1)), Case((n(3), n(3), n(3), pos(3), 1, 0.1), {"weight_decay": 0.1})],
}

TORCH = {}
