"""Dropout."""

from cases.draw import STATE, Case, b, n

CASES: dict[str, list[Case]] = {
    "dropout": [
        Case((n(4, 3), STATE), {"p": 0.4}),
        Case((n(4, 3), STATE), {"p": 1.0}),
        Case((n(4, 3), STATE), {"p": 0}),
        Case((n(3, 4, 5), STATE), {"leading": 2}),
        Case((n(0, 4), STATE)),
        Case((n(), STATE)),
        Case((n(7, 33), STATE)),
    ],
    "masked_scale": [
        Case((n(4, 3), b(4, 3)), {"scale": 1.25}),
        Case((n(3, 2, 5), b(3, 2, 1)), {"scale": 2.0}),
        Case((n(0, 3), b(0, 3)), {"scale": 2.0}),
    ],
}

TORCH = {
    "dropout": None,  # the draws differ
    "masked_scale": lambda t, x, mask, *, scale: x * mask * scale,
}
