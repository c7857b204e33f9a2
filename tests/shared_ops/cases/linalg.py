"""Linear algebra."""

from cases.draw import Case, i, n

CASES: dict[str, list[Case]] = {
    "matmul": [
        Case((n(2, 3), i(9, 3, 4))),
        Case((n(2, 3), n(3, 4))),
        Case((n(5, 2, 3), n(3, 4))),
        Case((n(2, 3), n(5, 3, 4))),
        Case((n(3), n(3))),
        Case((n(3), n(3, 4))),
        Case((n(2, 5, 3), n(3))),
        Case((n(3), n(5, 3, 4))),
    ],
    "linear": [Case((n(2, 3), n(4, 3), n(4))), Case((n(2, 5, 3), n(4, 3), n(4))), Case((n(3), n(4, 3), n(4)))],
}

TORCH = {}
