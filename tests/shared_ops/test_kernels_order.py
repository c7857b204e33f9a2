"""Variances, norms, running sums, extremes and orders of arrays large enough for every way their kernels take."""

import numpy as np
import pytest

from shared_ops import ops
from shared_ops.op import REGISTRY

DRAW = np.random.default_rng(9)
SHAPES = [(70_000,), (300, 700), (40_000, 3), (3, 1500, 33), (2, 40, 30, 50)]
AXES = [0, -1, 1]
REDUCTIONS = ["prod", "amax", "amin", "var", "std", "norm", "logsumexp"]
ALONG = ["max", "min", "argmax", "argmin", "cumsum", "cumprod", "sort", "argsort", "topk"]


def drawn(shape):
    """Near one, so that products stay in range; with values that occur twice."""
    return np.round(1 + DRAW.normal(size=shape) * 0.01, 4).astype("float32")


def same(name, x, **settings):
    """The op on float32 and its plain kernel on float64 agree."""
    op = REGISTRY[name]
    got, exact = op(x, **settings), op.kernel(np, x.astype("float64"), **{**op.attrs, **settings})
    got, exact = (tuple(a) if isinstance(a, tuple | list) else (a,) for a in (got, exact))
    assert len(got) == len(exact)
    for one, other in zip(got, exact, strict=True):
        assert one.shape == np.shape(other)
        if one.dtype.kind == "i":
            np.testing.assert_array_equal(one, other)
        else:
            assert one.dtype == np.float32
            np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, shape):
    x = drawn(shape)
    for axis in AXES[: 1 + len(shape)]:
        if axis < len(shape):
            same(name, x, axis=axis)
            same(name, x, axis=axis, keepdim=True)
    if len(shape) > 2:
        same(name, x, axis=(0, 2))
        same(name, x, axis=(1, 2))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ALONG)
def test_along_an_axis(name, shape):
    x = drawn(shape)
    for axis in AXES:
        if axis < len(shape):
            same(name, x, axis=axis, **({"k": 3} if name == "topk" else {}))


@pytest.mark.parametrize("name", ["amax", "amin", "var", "norm", "logsumexp", "max", "argmin", "sort", "cumsum"])
def test_nan_infinity_and_both_zeros(name):
    x = drawn((300, 700))
    x[0, 5], x[1, 7], x[2, 9], x[3, 11], x[3, 12] = np.nan, np.inf, -np.inf, 0.0, -0.0
    x[4, 13:15] = np.inf, np.nan
    for axis in (0, 1):
        with np.errstate(all="ignore"):
            same(name, x, axis=axis)


@pytest.mark.parametrize("descending", [False, True])
def test_equal_values_keep_their_order(descending):
    x = DRAW.integers(0, 5, (4, 50_000)).astype("float32")
    places = ops.argsort(x, descending=descending)
    exact = np.argsort(-x if descending else x, axis=-1, kind="stable")
    np.testing.assert_array_equal(places, exact)


def test_large_offset_leaves_the_variance_alone():
    x = (1e4 + DRAW.normal(size=(300, 700))).astype("float32")
    np.testing.assert_allclose(ops.var(x, axis=1), x.astype("float64").var(1, ddof=1), rtol=1e-4)
    np.testing.assert_allclose(ops.var(x, axis=0), x.astype("float64").var(0, ddof=1), rtol=1e-4)
