"""The fast forms of softmax, cross-entropy and CTC on drawn shapes: what the plain kernels give, in the same bits
whatever the number of threads; and what PyTorch makes of infinities.
"""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_ops import ops
from shared_ops.bits import same_bits
from shared_ops.kernels import ctc as ctc_kernels
from shared_ops.kernels import loss as loss_kernels
from shared_ops.kernels import softmax as softmax_kernels
from shared_ops.op import REGISTRY
from shared_ops.spec import SpecError

CLOSE = {"rtol": 3e-5, "atol": 3e-6}
drawn = settings(max_examples=60, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 50)


def floats(rng, shape, scale=3.0):
    return (rng.normal(size=shape) * scale).astype("float32")


def reference(name, args, how):
    wide = [a.astype("float64") if getattr(a, "dtype", None) == np.float32 else a for a in args]
    return REGISTRY[name].kernel(np, *wide, **how)


def views(x, kind):
    """The same values with other strides."""
    if kind == "transposed":
        return np.ascontiguousarray(x.T).T
    return np.ascontiguousarray(x[::-1])[::-1] if kind == "reversed" else x


layouts = st.sampled_from(["dense", "transposed", "reversed"])


@drawn
@given(shape=st.lists(st.integers(1, 40), min_size=1, max_size=3), axis=st.integers(0, 2), seed=seeds, layout=layouts)
def test_softmax_on_drawn_shapes(shape, axis, seed, layout):
    rng, how = np.random.default_rng(seed), {"axis": axis % len(shape) - (seed % 2) * len(shape)}
    x, g = views(floats(rng, shape), layout), views(floats(rng, shape), layout)
    for name in ("softmax", "log_softmax"):
        out = softmax_kernels.KERNELS[name](x, **how)
        np.testing.assert_allclose(out, reference(name, [x], how), **CLOSE)
        back = softmax_kernels.KERNELS[f"{name}_back"](g, out, **how)
        want = reference(f"{name}_back", [g, out], how)
        np.testing.assert_allclose(back, want, rtol=3e-5, atol=3e-5)


@drawn
@given(
    n=st.integers(1, 20),
    c=sizes,
    rest=st.lists(st.integers(1, 20), max_size=2),
    seed=seeds,
    smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    weighted=st.booleans(),
    reduction=st.sampled_from(["none", "mean", "sum"]),
    ignored=st.sampled_from([None, -100, 0]),
)
def test_cross_entropy_on_drawn_shapes(n, c, rest, seed, smoothing, weighted, reduction, ignored):
    rng = np.random.default_rng(seed)
    x, labels = floats(rng, (n, c, *rest)), rng.integers(0, c, (n, *rest))
    if ignored == -100:
        labels[rng.random(labels.shape) < 0.3] = -100
    weight = [rng.uniform(0.5, 2, c).astype("float32")] if weighted else []
    how = {"ignore_index": ignored, "reduction": reduction, "label_smoothing": smoothing}
    with np.errstate(invalid="ignore"):  # the mean of no samples at all
        want = reference("softmax_cross_entropy", [x, labels, *weight], how)
    got = loss_kernels.softmax_cross_entropy(x, labels, *weight, **how)
    np.testing.assert_allclose(got, want, **CLOSE)
    g = floats(rng, np.shape(want))
    with np.errstate(divide="ignore", invalid="ignore"):
        want = reference("softmax_cross_entropy_back", [g, x, labels, *weight], how)
    got = loss_kernels.softmax_cross_entropy_back(g, x, labels, *weight, **how)
    np.testing.assert_allclose(got, want, **CLOSE)


@drawn
@given(
    t=st.integers(1, 12), n=st.integers(1, 4), c=st.integers(2, 6), s=st.integers(0, 6), seed=seeds, zero=st.booleans()
)
def test_ctc_on_drawn_shapes(t, n, c, s, seed, zero):
    rng = np.random.default_rng(seed)
    log_probs = ops.log_softmax(floats(rng, (t, n, c), 1.0))
    labels = rng.integers(0, c, (n, s)), rng.integers(0, t + 1, n), rng.integers(0, s + 1, n)
    how = {"blank": int(rng.integers(c)), "zero_infinity": zero}
    want, alpha = reference("ctc", [log_probs, *labels], how)
    got, ours = ctc_kernels.ctc(log_probs, *labels, **how)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours, alpha, rtol=1e-5, atol=1e-5)
    g = floats(rng, n)
    want = reference("ctc_back", [g, log_probs, *labels, alpha], how)
    np.testing.assert_allclose(ctc_kernels.ctc_back(g, log_probs, *labels, ours, **how), want, rtol=1e-4, atol=1e-5)


def test_the_number_of_threads_changes_no_bit():
    rng = np.random.default_rng(0)
    rows, planes, labels = floats(rng, (900, 65)), floats(rng, (7, 21, 33, 19)), rng.integers(0, 21, (7, 33, 19))
    log_probs, lengths = ops.log_softmax(floats(rng, (40, 9, 12))), (np.full(9, 40), np.full(9, 8))
    targets = rng.integers(1, 12, (9, 8))

    def everything():
        mean = {"reduction": "mean"}
        yield ops.softmax(rows)
        yield ops.log_softmax(planes, axis=1)
        yield ops.softmax_back(rows, rows)
        yield ops.log_softmax_back(planes, -abs(planes), axis=1)
        yield ops.softmax_cross_entropy(planes, labels, **mean)
        yield ops.softmax_cross_entropy_back(np.ones((), "float32"), planes, labels, **mean)
        loss, alpha = ops.ctc(log_probs, targets, *lengths)
        yield from (loss, alpha, ops.ctc_back(np.ones(9, "float32"), log_probs, targets, *lengths, alpha))

    most = numba.get_num_threads()
    many = list(everything())
    numba.set_num_threads(1)
    try:
        assert all(same_bits(a, b) for a, b in zip(many, everything(), strict=True))
    finally:
        numba.set_num_threads(most)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("width", [3, 40])
def test_infinities(axis, width):
    x = np.zeros((4, width), "float32")
    x[0], x[1, 1], x[2, 2], x[3, 0] = -np.inf, np.inf, np.nan, -np.inf
    x = np.ascontiguousarray(x) if axis else np.ascontiguousarray(x.T)
    for function, of_nothing in ((ops.softmax, 0), (ops.log_softmax, -np.inf)):
        out = function(x, axis=axis) if axis else function(x, axis=axis).T
        assert np.isnan(out[:3]).all()
        assert out[3, 0] == of_nothing
        assert np.isfinite(out[3, 1:]).all()


def test_great_numbers_do_not_overflow():
    x = np.array([[3e38, -3e38, 0], [1000, 999, -1000]], "float32")
    np.testing.assert_allclose(ops.softmax(x), [[1, 0, 0], [0.7310586, 0.26894143, 0]], rtol=1e-6)
    np.testing.assert_allclose(ops.log_softmax(x)[1], [-0.3132617, -1.3132617, -2000.3132617], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 4), (2, 4, 3)])
def test_labels_that_are_no_class_are_refused(dtype, shape):
    x, labels = np.zeros(shape, dtype), np.ones((shape[0], *shape[2:]), "int64")
    g = np.ones(labels.shape, dtype)
    for bad in (-1, 4, -100, 2**40):
        labels.flat[-1] = bad
        place = rf"\[{', '.join(str(n - 1) for n in labels.shape)}\]"
        for call in (
            lambda: ops.softmax_cross_entropy(x, labels),
            lambda: ops.softmax_cross_entropy(x, labels, np.ones(4, dtype), reduction="mean"),
            lambda: ops.softmax_cross_entropy_back(g, x, labels, ignore_index=7),
            lambda: ops.nll(x, labels),
            lambda: ops.nll_back(g, labels, num_classes=4),
        ):
            with pytest.raises(
                SpecError, match=rf"label at {place} is no class; it needs labels from 0 to 3; got {bad}$"
            ):
                call()
    labels.flat[-1] = -100
    assert ops.softmax_cross_entropy(x, labels, ignore_index=-100).flat[-1] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ctc_refuses_what_is_out_of_range(dtype):
    log_probs, one = np.zeros((3, 1, 4), dtype), np.array([1])
    for labels, words in (
        (([[1]], [4], [1]), r"input_lengths from 0 to 3; got 4 at \[0\]"),
        (([[1]], [3], [2]), r"target_lengths from 0 to 1; got 2 at \[0\]"),
        (([[1]], [-1], [1]), r"input_lengths from 0 to 3; got -1"),
        (([[4]], [3], [1]), r"labels from 0 to 3; got 4 at \[0, 0\]"),
        (([[-5]], [3], [1]), r"labels from 0 to 3; got -5"),
    ):
        arrays = [np.array(x) for x in labels]
        with pytest.raises(SpecError, match=words):
            ops.ctc(log_probs, *arrays)
        with pytest.raises(SpecError, match=words):
            ops.ctc_back(np.ones(1, dtype), log_probs, *arrays, np.zeros((3, 1, 3), dtype))
    assert np.isfinite(ops.ctc(log_probs, np.array([[9]]), 3 * one, 0 * one)[0]).all()  # beyond its length
