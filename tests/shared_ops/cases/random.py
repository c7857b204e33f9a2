"""Random numbers; PyTorch's are others. `test_random.py` looks at their distributions."""

from cases.draw import STATE, Case, b

CASES: dict[str, list[Case]] = {
    "random_normal": [
        Case((STATE,), {"shape": (2, 3), "mean": 1.0, "stddev": 2.0}),
        Case((STATE,), {"shape": (5,), "dtype": "float64"}),
        Case((STATE,), {"shape": ()}),
        Case((STATE,), {"shape": (0, 2)}),
        Case((STATE,), {"shape": (3,), "dtype": "float16"}),
    ],
    "random_uniform": [
        Case((STATE,), {"shape": (4,), "low": -1.0, "high": 1.0, "dtype": "float64"}),
        Case((STATE,), {"shape": (2, 3), "low": -1, "high": 5}),
        Case((STATE,), {"shape": ()}),
        Case((STATE,), {"shape": (0,)}),
    ],
    "random_truncated_normal": [
        Case((STATE,), {"shape": (2, 3)}),
        Case((STATE,), {"shape": (3,), "mean": 1.0, "stddev": 0.5, "low": 2.0, "high": 9.0, "dtype": "float64"}),
    ],
    "random_bernoulli": [
        Case((0.3, STATE), {"shape": (2, 3)}, smooth=()),
        Case((b(2, 3) * 0.5, STATE), smooth=()),
        Case((1, STATE), {"shape": (), "dtype": "bool"}, smooth=()),
    ],
    "random_randint": [
        Case((STATE,), {"low": 0, "high": 10, "shape": (2, 3)}),
        Case((STATE,), {"low": -(2**63), "high": 2**63, "shape": (3,)}),
        Case((STATE,), {"low": 250, "high": 256, "shape": (), "dtype": "uint8"}),
        Case((STATE,), {"low": 0, "high": 1, "shape": (0, 3)}),
    ],
    "random_permutation": [Case((STATE,), {"n": 7}), Case((STATE,), {"n": 0})],
}

TORCH = dict.fromkeys(CASES)
