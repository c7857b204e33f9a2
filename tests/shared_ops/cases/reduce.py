"""Reductions."""

from cases.draw import Case, far, i, n

CASES: dict[str, list[Case]] = {
    "sum": [
        Case((i(9, 4).astype("uint8"),)),
        Case((n(2, 3),)),
        Case((n(2, 3, 4),), {"axis": (0, -1)}),
        Case((n(2, 3),), {"axis": 1, "keepdim": True}),
    ],
    "mean": [Case((n(2, 3),)), Case((n(2, 3, 4),), {"axis": (0, 2)}), Case((i(9, 4),))],
    "amax": [Case((far(2, 3),)), Case((far(2, 3),), {"axis": 0}), Case((far(2, 3),), {"axis": 1, "keepdim": True})],
    "amin": [Case((far(2, 3),)), Case((far(2, 3, 2),), {"axis": (0, 2)})],
    "argmax": [Case((n(2, 3),)), Case((n(2, 3),), {"axis": -1}), Case((n(2, 3),), {"axis": 0, "keepdim": True})],
}

TORCH = {}
