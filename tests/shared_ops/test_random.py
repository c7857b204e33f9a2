"""Random numbers: their distributions, that no two draws are alike, and that every way to draw gives the same ones."""

import math
from statistics import NormalDist

import numba
import numpy as np
import pytest

from shared_ops import ops
from shared_ops.bits import same_bits
from shared_ops.op import REGISTRY
from shared_ops.random import next_state, normal_quantile, plain_words, seeded, words
from shared_ops.spec import SpecError, spec_of

MANY = 200_000
STATE = seeded(2**63 + 5)


def draw(op, *args, state=STATE, **settings):
    out, _ = op(*args, state, **settings)
    return out.astype("float64")


def distance(numbers, cdf):
    """Kolmogorov and Smirnov's: the greatest distance from the distribution's own cumulative function."""
    x = np.sort(numbers)
    want = np.vectorize(cdf)(x)
    steps = np.arange(x.size + 1) / x.size
    return max(np.abs(want - steps[:-1]).max(), np.abs(steps[1:] - want).max())


FAR = 1.95 / math.sqrt(MANY)  # farther with probability 0.001


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform(dtype):
    x = draw(ops.random_uniform, shape=(MANY,), low=-1.0, high=3.0, dtype=dtype)
    assert distance(x, lambda v: (v + 1) / 4) < FAR
    assert x.min() >= -1
    assert x.max() < 3
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 0.01


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal(dtype):
    x = draw(ops.random_normal, shape=(MANY,), mean=2.0, stddev=0.5, dtype=dtype)
    assert distance(x, NormalDist(2, 0.5).cdf) < FAR
    assert x.mean() == pytest.approx(2, abs=0.005)
    assert x.std() == pytest.approx(0.5, abs=0.005)
    for lag in (1, MANY // 4, MANY // 2):  # those of one pair lie a quarter apart
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 0.01


@pytest.mark.parametrize(("low", "high"), [(-2, 2), (-0.5, 3), (1, 2), (4, 9), (-9, -4)])
def test_truncated_normal(low, high):
    x = draw(ops.random_truncated_normal, shape=(MANY,), low=low, high=high, dtype="float64")
    a, b = NormalDist().cdf(low), NormalDist().cdf(high)
    if low > 0:
        a, b = NormalDist().cdf(-high), NormalDist().cdf(-low)
        x = -x
    assert distance(x, lambda v: (NormalDist().cdf(v) - a) / (b - a)) < FAR
    assert abs(x).min() >= min(abs(low), abs(high)) or low < 0 < high


def test_the_normal_quantile_is_the_librarys():
    p = np.array([1e-300, 1e-20, 1e-12, 1e-5, 0.01, 0.075, 0.3, 0.5, 0.7, 0.925, 0.999, 1 - 1e-12])
    np.testing.assert_allclose(normal_quantile(p), [NormalDist().inv_cdf(v) for v in p], rtol=1e-14)


def test_bernoulli():
    p = np.repeat(np.array([0, 0.25, 0.5, 1], "float32"), MANY // 4)
    x = draw(ops.random_bernoulli, p).reshape(4, -1)
    np.testing.assert_allclose(x.mean(1), [0, 0.25, 0.5, 1], atol=0.01)
    assert set(np.unique(x)) == {0, 1}
    assert draw(ops.random_bernoulli, 0.3, shape=(MANY,)).mean() == pytest.approx(0.3, abs=0.005)


@pytest.mark.parametrize(("low", "high"), [(0, 10), (-3, 4), (5, 6), (0, 2**33), (-(2**63), 2**63)])
def test_randint(low, high):
    x, _ = ops.random_randint(STATE, low=low, high=high, shape=(MANY,))
    assert x.dtype == np.int64
    assert x.min() >= low
    assert x.max() < high
    shares = np.histogram(x.astype(float), bins=min(high - low, 10), range=(float(low), float(high)))[0] / MANY
    np.testing.assert_allclose(shares, 1 / len(shares), atol=0.005)


def test_permutation():
    x, _ = ops.random_permutation(STATE, n=1000)
    assert sorted(x.tolist()) == list(range(1000))
    assert abs(np.corrcoef(x, np.arange(1000))[0, 1]) < 0.1


# the same numbers -----------------------------------------------------------------------------------------------------
def test_philox_is_the_papers():
    """The test vectors of Random123, by Salmon et al."""
    assert plain_words(np.array([0, 0], "uint64"), 4)[:, 0].tolist() == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 1001, 400_001])
def test_fast_words_are_the_plain_ones_at_any_number_of_threads(count):
    state = np.array([2**64 - 3, 2**40 + 1], "uint64")
    threads = numba.get_num_threads()
    try:
        for number in {1, threads}:
            numba.set_num_threads(number)
            assert same_bits(words(state, count), plain_words(state, count))
            for op in (ops.random_uniform, ops.random_randint):
                settings = {"low": -5, "high": 9, "shape": (count,)}
                assert same_bits(op(state, **settings)[0], op.kernel(np, state, **settings)[0])
            first = ops.random_normal(state, shape=(count,))[0]
            np.testing.assert_allclose(first, ops.random_normal.kernel(np, state, shape=(count,))[0], atol=1e-6)
    finally:
        numba.set_num_threads(threads)


def test_draws_differ_and_repeat():
    one, state = ops.random_normal(STATE, shape=(100,))
    two, _ = ops.random_normal(state, shape=(100,))
    other, _ = ops.random_normal(seeded(7), shape=(100,))
    assert not np.isin(two, one).any()
    assert not np.isin(other, one).any()
    assert same_bits(ops.random_normal(STATE, shape=(100,))[0], one)
    assert state.tolist() == next_state(STATE).tolist() == [2**63 + 5, 1]


def test_rounding_does_not_reach_the_upper_bound():
    """1 + (1 - 2**-24) is 2 in float32."""
    assert draw(ops.random_uniform, shape=(30_000_000,), low=1.0, high=2.0).max() < 2


@pytest.mark.parametrize(
    ("name", "args", "settings", "words_of_error"),
    [
        ("random_normal", [np.zeros(2)], {"shape": (2,)}, r"random_normal needs a generator state, uint64\[2\]; got"),
        ("random_normal", [STATE], {"shape": (-1,)}, "shape as sizes, none below 0; got shape: "),
        ("random_normal", [STATE], {"shape": (2,), "stddev": -1}, "stddev at least 0; got stddev: -1"),
        ("random_normal", [STATE], {"shape": (2,), "dtype": "int64"}, "gives floats; got dtype: int64"),
        ("random_uniform", [STATE], {"shape": 3}, "shape as sizes"),
        ("random_uniform", [STATE], {"shape": (3,), "low": 2, "high": 1}, "low at most high; got low: 2, high: 1"),
        ("random_truncated_normal", [STATE], {"shape": (3,), "low": 2, "high": 2}, "low below high"),
        ("random_truncated_normal", [STATE], {"shape": (3,), "low": 50, "high": 51}, "within 35 stddev"),
        ("random_bernoulli", [0.5, STATE], {}, "a shape for a number p, and none for an array"),
        ("random_bernoulli", [np.ones(3, int), STATE], {}, "probabilities as floats"),
        ("random_randint", [STATE], {"low": 3, "high": 3, "shape": (1,)}, "low below high; got low: 3, high: 3"),
        ("random_randint", [STATE], {"low": 0, "high": 300, "shape": (1,), "dtype": "uint8"}, "a dtype that holds its"),
        ("random_permutation", [STATE], {"n": -1}, "n as a whole number, not below 0"),
    ],
)
def test_wrong_draws_are_refused_in_words(name, args, settings, words_of_error):
    op = REGISTRY[name]
    with pytest.raises(SpecError, match=words_of_error):
        op.infer(tuple(map(spec_of, args)), settings)


def test_a_probability_above_one_is_refused_in_words():
    with pytest.raises(SpecError, match="probabilities from 0 to 1"):
        ops.random_bernoulli(np.array([0.5, 1.5]), STATE)
    with pytest.raises(SpecError, match="probabilities from 0 to 1"):
        ops.random_bernoulli(float("nan"), STATE, shape=(1,))
