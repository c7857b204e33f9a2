"""Shapes."""

from cases.draw import Case, i, n

CASES: dict[str, list[Case]] = {
    "reshape": [Case((n(2, 6),), {"shape": (3, -1)}), Case((n(1),), {"shape": ()})],
    "permute": [Case((n(2, 3, 4),), {"dims": (2, 0, 1)}), Case((n(2, 3),), {"dims": (-1, 0)})],
    "expand": [Case((n(2, 1),), {"shape": (4, 2, 3)}), Case((n(3),), {"shape": (2, -1)})],
    "sum_to": [Case((n(4, 2, 3),), {"shape": (2, 1)}), Case((n(2, 3),), {"shape": (2, 3)})],
    "cat": [Case((n(2, 3), i(9, 1, 3))), Case((n(2, 3), n(1, 3))), Case((n(2, 3), n(2, 1), n(2, 2)), {"axis": -1})],
    "stop_gradient": [Case((n(2, 3),))],
}

TORCH = {}
