"""Random numbers."""

from cases.draw import STATE, Case

CASES: dict[str, list[Case]] = {
    "random_normal": [Case((STATE,), {"shape": (2, 3), "mean": 1.0, "stddev": 2.0})],
    "random_uniform": [Case((STATE,), {"shape": (4,), "low": -1.0, "high": 1.0, "dtype": "float64"})],
    "random_permutation": [Case((STATE,), {"n": 7})],
}

TORCH = {}
