"""The vectorised float32 functions against float64, over their whole range and at its ends."""

import math

import numpy as np
import pytest
from numba import njit

from shared_ops.kernels import scalar

ENDS = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-40, -1e-40, 1e-30, -1e-30, 3e38, -3e38], "float32")
REFERENCE = {
    "expf": (np.exp, (-103, 89), 2),
    "exp2f": (np.exp2, (-125, 129), 2),
    "expm1f": (np.expm1, (-20, 89), 5),
    "logf": (np.log, (1e-38, 1e3), 2),
    "log1pf": (np.log1p, (-0.999, 10), 4),
    "tanhf": (np.tanh, (-10, 10), 7),
    "sigmoidf": (lambda x: 1 / (1 + np.exp(-x)), (-80, 80), 4),
    "erfcf": (np.vectorize(math.erfc), (-5, 9), 12),
    "erff": (np.vectorize(math.erf), (-5, 5), 6),
}


def values_of(name, x):
    function = getattr(scalar, name)

    @njit(error_model="numpy")
    def each(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    out = np.empty_like(x)
    each(x, out)
    return out


@pytest.mark.parametrize("name", REFERENCE)
def test_error_in_units_of_the_last_place(name):
    reference, (low, high), most = REFERENCE[name]
    x = np.random.default_rng(0).uniform(low, high, 40_000).astype("float32")
    x = np.concatenate([x, x[np.abs(x) < 2] * np.float32(1e-3), ENDS])
    with np.errstate(all="ignore"):
        exact = np.asarray(reference(x.astype("float64")))
        rounded = exact.astype("float32")
    got = values_of(name, x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(rounded))
    np.testing.assert_array_equal(got[np.isinf(rounded)], rounded[np.isinf(rounded)])
    normal = np.isfinite(rounded) & (np.abs(rounded) > 1e-37)
    error = np.abs(got[normal].astype("float64") - exact[normal]) / np.spacing(np.abs(rounded[normal]))
    assert error.max() <= most
    np.testing.assert_allclose(got[np.abs(exact) < 1e-37], exact[np.abs(exact) < 1e-37], atol=2e-38)


@pytest.mark.parametrize("name", REFERENCE)
def test_a_value_has_the_same_bits_wherever_it_stands(name):
    x = np.random.default_rng(1).uniform(0.1, 3, 200).astype("float32")
    whole = values_of(name, x)
    for start in (1, 3, 17):
        assert whole[start:].tobytes() == values_of(name, x[start:].copy()).tobytes()
    assert whole[5:6].tobytes() == values_of(name, x[5:6].copy()).tobytes()
