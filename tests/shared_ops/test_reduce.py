"""Edges of reductions, running values and orders: nothing at all, NaN, ties, zeros, and what is refused in words."""

import numpy as np
import pytest

import production as tf
import research
from research.tensor import Tensor
from shared_ops import ops
from shared_ops.op import REGISTRY
from shared_ops.spec import SpecError, spec_of

NAN, INF = np.nan, np.inf
EMPTY = np.zeros((0, 3), "float32")
WITH_NAN = np.array([[1, NAN, 3], [4, 0, 2], [NAN, 5, NAN]], "float32")


def gradient(function, values):
    x = Tensor(np.asarray(values, "float64"), requires_grad=True)
    function(x).sum().backward()
    return x.grad.numpy()


# nothing, and what is not a number -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "settings", "nothing"),
    [
        ("sum", {}, 0),
        ("prod", {}, 1),
        ("mean", {}, NAN),
        ("var", {}, NAN),
        ("std", {}, NAN),
        ("norm", {}, 0),
        ("any", {}, False),
        ("all", {}, True),
        ("count_nonzero", {}, 0),
        ("logsumexp", {"axis": 0}, -INF),
    ],
)
def test_of_nothing(name, settings, nothing):
    got = np.asarray(REGISTRY[name](EMPTY, **settings))
    np.testing.assert_array_equal(got, np.full((3,) if settings else (), nothing))
    np.testing.assert_array_equal(REGISTRY[name](EMPTY, axis=0), np.full(3, nothing))


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin", "max", "min", "median"])
def test_extremes_of_nothing_are_refused(name):
    with pytest.raises(SpecError, match=rf"{name} needs at least one value to choose from; got x: float32\[0, 3\]"):
        REGISTRY[name](Tensor(EMPTY), axis=0)
    places = REGISTRY[name](EMPTY.reshape(3, 0), axis=0)
    assert all(a.shape == (0,) for a in (places if isinstance(places, tuple) else (places,)))


def test_nan_comes_through():
    for op in (ops.sum, ops.mean, ops.prod, ops.amax, ops.amin, ops.var, ops.norm):
        np.testing.assert_array_equal(np.isnan(op(WITH_NAN, axis=1)), [True, False, True])
    np.testing.assert_array_equal(np.isnan(ops.logsumexp(WITH_NAN, axis=1)), [True, False, True])
    for op, at in ((ops.max, [1, 0, 0]), (ops.min, [1, 1, 0]), (ops.median, [1, 2, 0])):
        values, places = op(WITH_NAN, axis=1)
        np.testing.assert_array_equal(places, at)
        np.testing.assert_array_equal(values, WITH_NAN[[0, 1, 2], at])
    np.testing.assert_array_equal(ops.argmax(WITH_NAN, axis=1), [1, 0, 0])
    np.testing.assert_array_equal(ops.argmin(WITH_NAN, axis=1), [1, 1, 0])
    assert np.isnan(ops.median_of_all(WITH_NAN))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_the_greatest_in_orders(dtype):
    x = np.array([3, NAN, -INF, 1, NAN, INF, -0.0, 0.0], dtype)
    np.testing.assert_array_equal(ops.argsort(x), [2, 6, 7, 3, 0, 5, 1, 4])
    np.testing.assert_array_equal(ops.argsort(x, descending=True), [1, 4, 5, 0, 3, 6, 7, 2])
    np.testing.assert_array_equal(ops.topk(x, k=3)[1], [1, 4, 5])
    np.testing.assert_array_equal(ops.topk(x, k=3, largest=False)[1], [2, 6, 7])
    np.testing.assert_array_equal(ops.sort(x)[0], [-INF, 0, 0, 1, 3, INF, NAN, NAN])


def test_logsumexp_of_infinities():
    x = np.array([[-INF, -INF], [-INF, 1], [INF, 1], [1000, 1000]], "float32")
    np.testing.assert_allclose(ops.logsumexp(x, axis=1), [-INF, 1, INF, 1000 + np.log(2)], rtol=1e-6)


def test_too_few_values_for_a_variance():
    assert np.isnan(ops.var(np.ones(1)))
    assert ops.var(np.array([1.0, 3.0]), correction=2) == INF
    assert np.isnan(gradient(ops.var, [2.0])).all()


# gradients ------------------------------------------------------------------------------------------------------------
def test_ties():
    """Without an axis an extreme's gradient is shared evenly, with one it goes to the first, as in PyTorch."""
    ties = [2.0, 5.0, 5.0, 1.0]
    np.testing.assert_array_equal(gradient(ops.amax, ties), [0, 0.5, 0.5, 0])
    np.testing.assert_array_equal(gradient(lambda x: ops.max(x, axis=0)[0], ties), [0, 1, 0, 0])
    np.testing.assert_array_equal(gradient(ops.median_of_all, [5.0, 5.0, 7.0]), [0.5, 0.5, 0])
    np.testing.assert_array_equal(gradient(lambda x: ops.median(x, axis=0)[0], [5.0, 5.0, 7.0]), [1, 0, 0])
    np.testing.assert_array_equal(gradient(lambda x: ops.sort(x)[0] * [1.0, 2, 3, 4], ties), [2, 3, 4, 1])


def test_slope_of_a_length_is_0_at_0():
    for ord in (0.5, 1, 2, 3.0, INF, -INF, 0):
        np.testing.assert_array_equal(gradient(lambda x, ord=ord: ops.norm(x, ord=ord), [0.0, 0.0]), [0, 0])
    np.testing.assert_array_equal(gradient(ops.std, [4.0, 4.0, 4.0]), [0, 0, 0])


@pytest.mark.parametrize("name", ["prod", "cumprod"])
def test_products_with_zeros_to_second_order(name):
    torch = pytest.importorskip("torch")
    for values in ([2.0, 0.0, 3.0, -1.5], [0.0, 4.0, 0.0, 0.5], [0.0, 0.0, 0.0, 1.0]):
        ours = Tensor(np.array(values), requires_grad=True)
        theirs = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        weights = np.array([1.0, -2, 3, 5])
        found = []
        for x, w, function, grad in (
            (ours, Tensor(weights), lambda x: REGISTRY[name](x, axis=0), research.autograd.grad),
            (theirs, torch.tensor(weights), lambda x: getattr(torch, name)(x, 0), torch.autograd.grad),
        ):
            (first,) = grad((function(x) * w).sum(), [x], create_graph=True)
            (second,) = grad((first * w).sum(), [x])
            found.append([first.detach().numpy(), second.detach().numpy()])
        np.testing.assert_allclose(found[0], found[1])


# unique ---------------------------------------------------------------------------------------------------------------
def test_unique():
    x = np.array([[3, 1, 3], [1, 7, 3]])
    values, inverse, counts = ops.unique(Tensor(x), return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(values.numpy(), [1, 3, 7])
    np.testing.assert_array_equal(values.numpy()[inverse.numpy()], x)
    np.testing.assert_array_equal(counts.numpy(), [2, 3, 1])
    np.testing.assert_array_equal(ops.unique(np.array([2.5, NAN, 2.5, NAN])), [2.5, NAN, NAN])
    rows, inverse = ops.unique(np.array([[1, 2], [0, 1], [1, 2]]), return_inverse=True, dim=0)
    np.testing.assert_array_equal(rows, [[0, 1], [1, 2]])
    np.testing.assert_array_equal(inverse, [1, 0, 1])
    with tf.Graph().as_default() as graph, pytest.raises(SpecError, match="a graph cannot know beforehand"):
        ops.unique(graph.placeholder("float32", (3,)))


# what is refused ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("sum", {"axis": 5}, "sum needs axis between -2 and 1; got axis: 5"),
        ("mean", {"axis": (0, -2)}, r"mean needs each axis once; got axis: \[0, 0\]"),
        ("amax", {"axis": "rows"}, "amax needs whole numbers as axes; got axis: rows"),
        ("prod", {"axis": True}, "prod needs whole numbers as axes; got axis: True"),
        ("any", {"axis": 1.0}, "any needs whole numbers as axes; got axis: 1.0"),
        ("sum", {"keepdim": "yes"}, "sum needs keepdim to be True or False; got keepdim: yes"),
        ("argmax", {"axis": (0, 1)}, r"argmax works along one axis; got axis: \[0, 1\]"),
        ("max", {"axis": None}, "max works along one axis; got axis: None"),
        ("sort", {"axis": 2}, "sort needs axis between -2 and 1; got axis: 2"),
        ("sort", {"descending": 3}, "sort needs descending to be True or False; got descending: 3"),
        ("topk", {"k": 4}, r"topk needs k from 0 to the size of the axis; got k: 4, x: float32\[2, 3\], axis: -1"),
        ("topk", {"k": -1}, "topk needs k from 0"),
        ("cumsum", {"axis": None}, "cumsum works along one axis; got axis: None"),
        ("logsumexp", {"axis": None}, "logsumexp needs an axis; got axis: None"),
        ("norm", {"ord": "fro"}, "norm needs ord as a number; got ord: fro"),
        ("std", {"correction": None}, "std needs correction as a number; got correction: None"),
    ],
)
def test_refused_in_words(name, settings, words):
    with pytest.raises(SpecError, match=words):
        REGISTRY[name](Tensor(np.ones((2, 3), "float32")), **settings)


def test_refused_inputs():
    whole, number = spec_of(np.ones((2, 3), "int64")), spec_of(np.ones(()))
    for name, words in (("var", "needs floats"), ("std", "needs floats"), ("norm", "needs floats")):
        with pytest.raises(SpecError, match=words):
            REGISTRY[name].infer((whole,), {})
    for name in ("sort", "cumsum", "median", "max"):
        with pytest.raises(SpecError, match=f"{name} needs an axis to work along"):
            REGISTRY[name].infer((number,), {"axis": 0})
    for name in ("sum", "mean", "amax", "any", "norm", "count_nonzero", "argmax"):
        with pytest.raises(SpecError, match="it needs an array, not a Python number"):
            REGISTRY[name].infer((2.0,), {})
    with pytest.raises(SpecError, match="linear_scan needs a factor for each value"):
        REGISTRY["linear_scan"].infer((number, spec_of(np.ones(3))), {"axis": 0})


def test_an_unknown_size():
    """Every reduction, its gradient, and running products work where a size is not known beforehand."""
    with tf.Graph().as_default() as graph:
        x = graph.placeholder("float64", (None, 3))
        outs = [op(x, axis=0) for op in (ops.mean, ops.prod, ops.var, ops.std, ops.norm, ops.logsumexp, ops.cumprod)]
        grads = [tf.gradients(out.sum(), [x])[0] for out in outs]
        value = np.arange(1.0, 13).reshape(4, 3)
        found = tf.Session().run([outs, grads], {x: value})
    for op, out, grad in zip((ops.mean, ops.prod, ops.var, ops.std, ops.norm), *found, strict=False):
        np.testing.assert_allclose(out, op(value, axis=0))
        np.testing.assert_allclose(grad, gradient(lambda x, op=op: op(x, axis=0), value))
