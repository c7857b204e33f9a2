"""floor_div and remainder by float64, and by fmod where that does not do: the bits that NumPy's fmod gives."""

import numpy as np
import pytest

from shared_ops import ops

PAIRS = {"floor_div": np.floor_divide, "remainder": np.remainder}
SPECIAL = np.array([0, -0.0, 1, -1, 1.5, -7, 1e-45, -1e-45, 2**27, 3e38, -3e38, np.inf, -np.inf, np.nan], np.float32)


def draw(kind: str, size: int = 100_003) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    if kind == "every pair of special numbers":
        return np.repeat(SPECIAL, SPECIAL.size), np.tile(SPECIAL, SPECIAL.size)
    if kind == "any bits":
        return tuple(rng.integers(0, 2**32, (2, size), dtype=np.uint32).view(np.float32))
    x, y = rng.standard_normal((2, size), np.float32)
    if kind == "multiples":  # the quotient lies on a whole number, or just beside it
        return (np.round(x * 2**20).astype(np.float64) * y).astype(np.float32), y
    scale = {"small quotients": 9, "quotients about the limit": 2.0**27, "large quotients": 1e20}[kind]
    return x * np.float32(scale), y


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(
    "kind",
    [
        "small quotients",
        "quotients about the limit",
        "large quotients",
        "multiples",
        "any bits",
        "every pair of special numbers",
    ],
)
def test_bits_are_those_of_fmod(name, kind):
    x, y = draw(kind)
    with np.errstate(all="ignore"):
        expected = PAIRS[name](x, y)
    got = getattr(ops, name)(x, y)
    assert np.array_equal(got, expected, equal_nan=True)
    numbers = ~np.isnan(expected)
    assert np.array_equal(np.signbit(got[numbers]), np.signbit(expected[numbers]))


@pytest.mark.parametrize("name", PAIRS)
def test_one_unusual_number_leaves_the_others_alone(name):
    x, y = draw("small quotients")
    usual = getattr(ops, name)(x, y)
    x[40_000] = np.inf
    with_one = getattr(ops, name)(x, y)
    assert np.isnan(with_one[40_000])
    assert np.array_equal(np.delete(with_one, 40_000), np.delete(usual, 40_000))
