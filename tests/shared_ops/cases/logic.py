"""Truth and bits, and which numbers are none."""

import numpy as np

from cases.draw import Case, b, i, n

BITS = [
    Case((i(9, 2, 3) - 4, i(9, 3))),
    Case((i(9, 3), 5)),
    Case((b(3), b(2, 1))),
    Case((b(3), True)),
    Case((i(9, 3), b(3))),
    Case((i(9), i(9))),
    Case((i(9, 0, 3), i(9, 3))),
]
SHIFTS = [
    Case((i(99, 2, 3) - 50, i(5, 3))),
    Case((i(9, 3).astype("int32"), 2)),
    Case((1, i(9, 3))),
    Case((i(9), i(9))),
    Case((i(9, 0), 1)),
    Case((i(99, 3) - 50, np.array([63, 64, 70]))),
]
ODD = np.array([[0.0, -0.0, 1.0], [np.nan, np.inf, -np.inf]])
TRUTH = [Case((ODD, b(3))), Case((i(2, 2, 3), n(3))), Case((b(3), 1)), Case((b(), b(0, 2)))]
ODDITIES = [Case((ODD,)), Case((i(3, 4),)), Case((b(3),)), Case((n(0),))]

CASES: dict[str, list[Case]] = {
    **dict.fromkeys(("logical_and", "logical_or", "logical_xor"), TRUTH),
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor"), BITS),
    **dict.fromkeys(("logical_not", "isnan", "isinf"), ODDITIES),
    "isfinite": [Case((ODD.T[::-1],)), Case((i(3, 4),)), Case((np.array(np.inf),))],
    "bitwise_not": [Case((i(9, 2, 3) - 4,)), Case((b(3),)), Case((i(9),))],
    "left_shift": SHIFTS,
    "right_shift": SHIFTS,
}


def _twin(name):
    if name in ("left_shift", "right_shift"):
        return lambda t, x, y: getattr(t, f"bitwise_{name}")(x, y)
    if name.startswith("logical_") and name != "logical_not":
        return lambda t, x, y: getattr(t, name)(x, t.as_tensor(y))
    return lambda t, *xs: getattr(t, name)(*xs)


TORCH = {name: _twin(name) for name in CASES}
