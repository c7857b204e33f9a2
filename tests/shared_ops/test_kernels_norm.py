"""Fast normalising, dropout and attention: the plain kernels' results at any size, and the same bits on any threads."""

import math

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.tensor import Tensor
from shared_ops import ops
from shared_ops.bits import same_bits
from shared_ops.op import REGISTRY
from shared_ops.random import seeded
from shared_ops.spec import SpecError

few = settings(max_examples=25, deadline=None, derandomize=True, database=None)
sizes = st.integers(1, 40)


def draw(seed, *shape, mean=0.0):
    return (np.random.default_rng(seed).normal(size=shape) + mean).astype("float32")


def last(x):
    """The same images with their channels as neighbours in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


def both(name, *args, **attrs):
    """The fast form's outputs, each near what the plain kernel gives in float64."""
    got = REGISTRY[name]._find_fast()(*args, **attrs)
    assert got is not NotImplemented
    exact = [a.astype("float64") if getattr(a, "dtype", None) == np.float32 else a for a in args]
    want = REGISTRY[name].kernel(np, *exact, **attrs)
    got, want = (out if isinstance(out, tuple) else (out,) for out in (got, want))
    for have, expected in zip(got, want, strict=True):
        size = np.abs(expected).max(initial=1)
        assert have.shape == expected.shape
        assert have.dtype == (np.float32 if expected.dtype == np.float64 else expected.dtype)
        np.testing.assert_allclose(have, expected, rtol=2e-5, atol=1e-5 * size)
    return got


@few
@given(rows=sizes, width=sizes, ndim=st.integers(1, 2), number=st.booleans(), mean=st.sampled_from([0.0, 5.0]))
def test_layer_and_rms_norm(rows, width, ndim, number, mean):
    shared = (3, width)[-ndim:]
    x, g = draw(1, rows, 3, width, mean=mean), draw(2, rows, 3, width)
    weight, bias = (2.0, 0.5) if number else (draw(3, *shared), draw(4, *shared))
    _, center, rstd = both("layer_norm", x, weight, bias, normalized_ndim=ndim, eps=1e-3)
    both("layer_norm_back", g, x, weight, center, rstd, normalized_ndim=ndim)
    _, rstd = both("rms_norm", x, weight, normalized_ndim=ndim, eps=1e-3)
    both("rms_norm_back", g, x, weight, rstd, normalized_ndim=ndim)


@few
@given(n=st.integers(1, 5), c=sizes, size=st.lists(st.integers(1, 9), max_size=3), turned=st.booleans())
def test_batch_norm(n, c, size, turned):
    x, g = draw(1, n + 1, c, *size, mean=3.0), draw(2, n + 1, c, *size)
    x = last(x) if turned and size else x
    weight, bias = draw(3, c), draw(4, c)
    out, mean, var = both("batch_norm", x, weight, bias, eps=1e-3)
    dx, *_ = both("batch_norm_back", g, x, weight, mean, var, eps=1e-3)
    there = both("batch_norm_inference", x, weight, bias, mean, var)[0]
    if math.prod(size) > 1 and c > 1:
        assert out.strides == dx.strides == there.strides == x.strides


@few
@given(n=st.integers(1, 4), groups=st.integers(1, 5), each=st.integers(1, 5), size=sizes, turned=st.booleans())
def test_group_norm(n, groups, each, size, turned):
    x, g = draw(1, n, groups * each, size, 2, mean=2.0), draw(2, n, groups * each, size, 2)
    x = last(x) if turned else x
    weight, bias = draw(3, groups * each), draw(4, groups * each)
    out, mean, rstd = both("group_norm", x, weight, bias, num_groups=groups, eps=1e-3)
    both("group_norm_back", g, x, weight, mean, rstd, num_groups=groups)
    assert x.shape[1] == 1 or out.strides == x.strides


MASKS = ["none", "causal", "booleans", "nobody", "numbers", "each"]


@few
@given(heads=st.integers(1, 3), l=sizes, s=sizes, e=sizes, d=sizes, kind=st.sampled_from(MASKS))
def test_attention(heads, l, s, e, d, kind):
    q, k, v, g = draw(1, 2, heads, l, e), draw(2, 2, heads, s, e), draw(3, 2, heads, s, d), draw(4, 2, heads, l, d)
    booleans = draw(5, l, s) > 0
    booleans[-1] = False
    masks = {"booleans": booleans, "nobody": np.zeros((l, s), bool), "numbers": draw(6, l, s)}
    mask = masks.get(kind, draw(6, heads, l, s) if kind == "each" else 0.0)
    _, weights = both("attention", q, k, v, mask, is_causal=kind == "causal")
    both("attention_back", g, q, k, v, mask, weights, is_causal=kind == "causal")


@few
@given(rows=sizes, width=st.integers(1, 3000), p=st.sampled_from([0.1, 0.5, 0.999]))
def test_dropout(rows, width, p):
    x, state = draw(1, rows, width), seeded(7)
    _, mask, _ = both("dropout", x, state, p=p)
    both("masked_scale", x, mask, scale=1.25)
    assert abs(mask.mean() - (1 - p)) < 5 * math.sqrt(p * (1 - p) / mask.size) + 1 / mask.size


X, IMAGES = draw(1, 300, 257, mean=1.0), draw(2, 9, 24, 17, 19, mean=1.0)
QUERIES = draw(3, 3, 4, 70, 19)
FORWARD_AND_BACK = {
    "layer_norm": (X, 1.5, 0.5, {}),
    "rms_norm": (X, 1.5, {"eps": 1e-6}),
    "batch_norm": (IMAGES, 1.5, 0.5, {}),
    "batch_norm, channels last": (last(IMAGES), 1.5, 0.5, {}),
    "group_norm": (IMAGES, 1.5, 0.5, {"num_groups": 4}),
    "attention": (QUERIES, QUERIES, QUERIES, 0.0, {"is_causal": True}),
}


@pytest.mark.parametrize("case", FORWARD_AND_BACK)
def test_large_inputs_give_the_same_bits_on_any_number_of_threads(case):
    """Large enough for several blocks, whose sums are joined."""
    name, (*args, attrs) = case.partition(",")[0], FORWARD_AND_BACK[case]

    def run():
        out, *kept = both(name, *args, **attrs)
        shared = args if name == "attention" else args[:2]
        return out, *kept, *both(f"{name}_back", out * out, *shared, *kept, **attrs)

    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        one = run()
        numba.set_num_threads(min(2, before))
        two = run()
    finally:
        numba.set_num_threads(before)
    assert all(same_bits(a, b) for a, b in zip(one, two, strict=True))


# the plain functions ----------------------------------------------------------------------------------------------
def test_functions_agree_with_torch():
    torch = pytest.importorskip("torch")
    f, x = torch.nn.functional, draw(1, 2, 5, 4, 3)
    t = torch.from_numpy(x)
    for size in (1, 2, 3, 5, 8):
        want = f.local_response_norm(t, size, alpha=0.5, beta=0.6, k=2.0).numpy()
        np.testing.assert_allclose(ops.local_response_norm(x, size, 0.5, 0.6, 2.0), want, rtol=1e-5)
    np.testing.assert_allclose(ops.instance_norm(x), f.instance_norm(t).numpy(), rtol=1e-4, atol=1e-5)
    attended = f.scaled_dot_product_attention(t, t, t, is_causal=True).numpy()
    np.testing.assert_allclose(ops.scaled_dot_product_attention(x, x, x, is_causal=True), attended, rtol=1e-5)


def test_channels_are_dropped_whole():
    x = np.ones((50, 40, 3, 2), "float32")
    out, state = ops.dropout2d(x, seeded(3), 0.25)
    assert set(np.unique(out)) == {0, np.float32(1 / 0.75)}
    assert (out == out[:, :, :1, :1]).all()
    assert abs((out[:, :, 0, 0] > 0).mean() - 0.75) < 0.05
    assert state[1] == 1
    for function, shape in ((ops.dropout1d, (4, 3)), (ops.dropout1d, (2, 4, 3)), (ops.dropout3d, (2, 4, 3, 2, 2))):
        out, _ = function(np.ones(shape, "float32"), seeded(3))
        assert out.shape == shape


def test_alpha_dropout_keeps_mean_and_variance():
    x = draw(1, 1000, 1000)
    out, _ = ops.alpha_dropout(x, seeded(1), 0.3)
    assert abs(out.mean()) < 0.01
    assert abs(out.var() - 1) < 0.01
    assert (ops.alpha_dropout(x[:2], seeded(1), 1.0)[0] == 0).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: ops.layer_norm(Tensor(X), draw(1, 3), 0.0),
            r"layer_norm needs a number, or shape \[257\]; got weight",
        ),
        (lambda: ops.layer_norm(Tensor(X), 1.0, 0.0, normalized_ndim=3), "normalises over the last 1 to 2 axes; got"),
        (lambda: ops.rms_norm(Tensor(X), 1.0, eps=-1), "rms_norm needs eps as a number, not negative"),
        (lambda: ops.layer_norm(Tensor(np.arange(4)), 1.0, 0.0), "layer_norm needs floats; got x"),
        (lambda: ops.batch_norm(Tensor(X[:1]), 1.0, 0.0), "batch_norm needs more than one value a channel"),
        (lambda: ops.batch_norm(Tensor(X[0]), 1.0, 0.0), "batch_norm needs channels as the second axis"),
        (lambda: ops.group_norm(Tensor(X), 1.0, 0.0, num_groups=2), "group_norm needs groups of equal size"),
        (lambda: ops.dropout(Tensor(X), seeded(1), leading=3), "dropout needs leading between 0 and 2, or None"),
        (lambda: ops.dropout2d(Tensor(X), seeded(1)), "dropout2d needs images with 2 axes"),
        (lambda: ops.attention(Tensor(X), X[:, 1:], X, 0.0), "attention needs queries as wide as keys"),
        (lambda: ops.attention(Tensor(X), X, X[1:], 0.0), "attention needs a value for each key"),
        (lambda: ops.attention(Tensor(X), X, X, np.ones((300, 300), int)), "needs a mask of booleans or floats"),
        (lambda: ops.attention(Tensor(X), X, X, np.ones((2, 3), bool)), "shapes do not broadcast"),
    ],
)
def test_wrong_calls_teach(call, words):
    with pytest.raises(SpecError, match=words):
        call()
