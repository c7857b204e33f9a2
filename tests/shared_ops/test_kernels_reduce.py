"""Sums over any axes of float32 arrays: near float64's, and with the same bits at any number of threads."""

import itertools

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_ops import ops
from shared_ops.bits import same_bits
from shared_ops.kernels.reduce import ACROSS, BLOCK, ROWS

DRAW = np.random.default_rng(6)
SHAPES = [(3 * BLOCK + 5,), (5, BLOCK + 1), (2 * ROWS + 3, 17), (ROWS + 1, ACROSS + 9), (6, 7, 90), (4, 1, 33, 40)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_choice_of_axes(shape):
    x = DRAW.normal(size=shape).astype("float32")
    for count in range(1, len(shape) + 1):
        for axes in itertools.combinations(range(len(shape)), count):
            exact = x.astype("float64").sum(axes)
            most = np.abs(x).sum(axes, dtype="float64") * 3e-7 + 1e-30
            for keepdim in (False, True):
                got = ops.sum(x, axis=axes, keepdim=keepdim)
                assert got.shape == x.sum(axes, keepdims=keepdim).shape
                assert (np.abs(got.reshape(exact.shape) - exact) <= most).all()
            np.testing.assert_allclose(ops.mean(x, axis=axes), x.astype("float64").mean(axes), rtol=1e-4, atol=1e-6)
            target = tuple(1 if i in axes else n for i, n in enumerate(shape))
            assert same_bits(ops.sum_to(x, shape=target), ops.sum(x, axis=axes, keepdim=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_threads_do_not_change_bits(shape):
    x = DRAW.normal(size=shape).astype("float32")
    found = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        found.append([np.asarray(ops.sum(x, axis=a)) for a in (None, 0, -1)])
    assert all(same_bits(a, b) for a, b in zip(*found, strict=True))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.data())
def test_drawn_shapes_axes_and_strides(sizes, data):
    x = DRAW.normal(size=sizes).astype("float32")
    x = x[tuple(slice(None, None, data.draw(st.sampled_from([1, -1, 2]))) for _ in sizes)]
    x = x.transpose(data.draw(st.permutations(range(len(sizes)))))
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(sizes) - 1), min_size=1))))
    np.testing.assert_allclose(ops.sum(x, axis=axes), x.astype("float64").sum(axes), rtol=1e-4, atol=1e-4)


def test_nan_and_infinity_pass():
    x = np.ones((50, 100), "float32")
    x[3, 4], x[5, 6] = np.nan, np.inf
    rows = ops.sum(x, axis=1)
    assert np.isnan(rows[3])
    assert rows[5] == np.inf
    assert np.isfinite(np.delete(rows, [3, 5])).all()
