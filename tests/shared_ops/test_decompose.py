"""Solving and decomposing: PyTorch's results and gradients of every output; words for matrices that do not do."""

import numpy as np
import pytest

import research
from research.tensor import Tensor
from shared_ops import ops
from shared_ops.spec import SpecError

SHAPES = [(1, 1), (3, 3), (2, 4, 4), (2, 1, 5, 5), (0, 3, 3)]
RECTANGLES = [(3, 3), (5, 2), (2, 5), (2, 4, 3), (2, 3, 4), (1, 4), (4, 1)]
TOLERANCE = {"float32": {"rtol": 2e-3, "atol": 2e-4}, "float64": {"rtol": 1e-8, "atol": 1e-9}}


def drawn(shape, seed):
    """Matrices with singular values 1, 1.5, 2 …: far from singular, and from each other."""
    u, s, vh = np.linalg.svd(np.random.default_rng(seed).normal(size=shape), full_matrices=False)
    return u * (1 + 0.5 * np.arange(s.shape[-1])[::-1]) @ vh


def definite(shape, seed):
    x = drawn(shape, seed)
    return x @ np.swapaxes(x, -1, -2)


def symmetric(shape, seed):
    x = drawn(shape, seed)
    return x + np.swapaxes(x, -1, -2)


def results(out):
    return tuple(out) if isinstance(out, tuple | list) or hasattr(out, "_fields") else (out,)


SQUARE = {
    "inverse": (ops.inverse, lambda t, x: t.linalg.inv(x), drawn),
    "det": (ops.det, lambda t, x: t.linalg.det(x), drawn),
    "slogdet": (ops.slogdet, lambda t, x: t.linalg.slogdet(x), drawn),
    "cholesky": (ops.cholesky, lambda t, x: t.linalg.cholesky(x), definite),
    "upper cholesky": (lambda x: ops.cholesky(x, upper=True), lambda t, x: t.linalg.cholesky(x, upper=True), definite),
    "eigh": (ops.eigh, lambda t, x: t.linalg.eigh(x), symmetric),
}
ANY = {
    "qr": (ops.qr, lambda t, x: t.linalg.qr(x), drawn),
    "svd": (ops.svd, lambda t, x: t.linalg.svd(x, full_matrices=False), drawn),
}
ROWS = [(name, *row, shape) for name, row in SQUARE.items() for shape in SHAPES]
ROWS += [(name, *row, shape) for name, row in ANY.items() for shape in RECTANGLES]


VECTORS = {"eigh": {1: -2}, "svd": {0: -2, 2: -1}}  # outputs with vectors along an axis, whose signs are free


def turned(name, got, want, torch):
    """PyTorch's outputs with the signs that ours have."""
    if name not in VECTORS:
        return want
    at, axis = next(iter(VECTORS[name].items()))
    signs = np.sign((got[at].detach().numpy() * want[at].detach().numpy()).sum(axis))
    return tuple(
        w * torch.tensor(np.expand_dims(signs, VECTORS[name][k])) if k in VECTORS[name] else w
        for k, w in enumerate(want)
    )


def agree(ours, theirs, arrays, dtype, seed, name=""):
    """Both functions on the same arrays: results, and the gradients of a weighted sum of all of them."""
    torch = pytest.importorskip("torch")
    arrays = [a.astype(dtype) for a in arrays]
    own, other = [Tensor(a, requires_grad=True) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    rng = np.random.default_rng(seed)
    got, want = results(ours(*own)), results(theirs(torch, *other))
    want = turned(name, got, want, torch)
    own_sum, other_sum = 0, 0
    for a, b in zip(got, want, strict=True):
        assert a.shape == tuple(b.shape)
        assert a.dtype == dtype
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **TOLERANCE[dtype])
        weights = rng.normal(size=a.shape).astype(dtype)
        own_sum, other_sum = own_sum + (a * weights).sum(), other_sum + (b * torch.tensor(weights)).sum()
    own_sum.backward()
    other_sum.backward()
    for a, b in zip(own, other, strict=True):
        want_grad = b.grad.numpy()
        scale = max(1.0, float(np.abs(want_grad).max(initial=0)))
        np.testing.assert_allclose(a.grad.numpy() / scale, want_grad / scale, **TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "ours", "theirs", "draw", "shape"), ROWS)
def test_agrees_with_torch(name, ours, theirs, draw, shape, dtype):
    for seed in range(5):
        agree(ours, theirs, [draw(shape, seed)], dtype, seed, name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("a", "b"), [((3, 3), (3,)), ((3, 3), (3, 2)), ((4, 3, 3), (4, 3)), ((4, 3, 3), (3, 2)), ((2, 2), (5, 2, 3))]
)
def test_solve_agrees_with_torch(a, b, dtype):
    rng = np.random.default_rng(1)
    agree(ops.solve, lambda t, x, y: t.linalg.solve(x, y), [drawn(a, 0), rng.normal(size=b)], dtype, 0)


def test_one_output_alone_has_its_gradient():
    """The other outputs' gradients do not come then."""
    torch = pytest.importorskip("torch")
    for name, shapes in [("qr", RECTANGLES), ("svd", RECTANGLES), ("eigh", [(3, 3), (2, 4, 4)])]:
        for shape in shapes:
            x = (symmetric if name == "eigh" else drawn)(shape, 3)
            for k in range(3 if name == "svd" else 2):
                own, other = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
                settings = {"full_matrices": False} if name == "svd" else {}
                got, want = getattr(ops, name)(own), getattr(torch.linalg, name)(other, **settings)
                got, want = got[k], turned(name, got, want, torch)[k]
                weights = np.random.default_rng(0).normal(size=got.shape)
                (got * weights).sum().backward()
                (want * torch.tensor(weights)).sum().backward()
                np.testing.assert_allclose(own.grad.numpy(), other.grad.numpy(), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "k", "shape"), [("svd", 1, (4, 3)), ("svd", 2, (3, 4)), ("eigh", 1, (3, 3)), ("qr", 1, (2, 3))]
)
def test_second_order_of_the_later_outputs(name, k, shape):
    """Along a direction, by finite differences; the first outputs stand in `cases`."""
    x, d = drawn(shape, 0), np.random.default_rng(1).normal(size=shape)
    weights = np.random.default_rng(2).normal(size=getattr(ops, name)(x)[k].shape)

    def slope(x):
        leaf = Tensor(x, requires_grad=True)
        value = (getattr(ops, name)(leaf)[k] * weights).sum()
        (g,) = research.autograd.grad(value, [leaf], create_graph=True)
        return leaf, (g * d).sum()

    leaf, first = slope(x)
    (second,) = research.autograd.grad(first, [leaf])
    h = 1e-6
    want = (slope(x + h * d)[1].item() - slope(x - h * d)[1].item()) / (2 * h)
    np.testing.assert_allclose((second.numpy() * d).sum(), want, rtol=1e-6)


def test_the_determinant_of_a_singular_matrix_has_a_slope():
    x = np.array([[1.0, 2.0], [2.0, 4.0]])
    leaf = Tensor(x, requires_grad=True)
    value = ops.det(leaf)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(leaf.grad.numpy(), [[4, -2], [-2, 1]], atol=1e-12)
    sign, size = ops.slogdet(np.zeros((2, 2), "float32"))
    assert (sign, size) == (0, -np.inf)


def test_a_symmetric_matrix_is_what_counts():
    x = definite((3, 3), 0)
    skewed = x + np.array([[0, 1, 2], [-1, 0, 3], [-2, -3, 0]])
    np.testing.assert_allclose(ops.cholesky(skewed), ops.cholesky(x), atol=1e-12)
    np.testing.assert_allclose(ops.eigh(skewed)[0], ops.eigh(x)[0], atol=1e-12)


def batch_with(bad):
    return np.stack([np.stack([np.eye(2), 2 * np.eye(2)]), np.stack([np.eye(2), np.asarray(bad, float)])])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.inverse(batch_with([[1, 2], [2, 4]])), r"inverse needs invertible .* got matrix \[1, 1\] of the"),
        (lambda: ops.inverse(np.zeros((2, 2))), "inverse needs invertible matrices; got one that is not"),
        (lambda: ops.solve(batch_with(np.zeros((2, 2))), np.ones((2, 2, 1))), r"solve needs .* got matrix \[1, 1\]"),
        (lambda: ops.cholesky(batch_with(-np.eye(2))), r"cholesky needs positive definite .* got matrix \[1, 1\]"),
        (lambda: ops.svd(np.full((3, 3), np.nan)), "svd needs finite matrices; got one that is not"),
        (lambda: ops.inverse(Tensor(np.ones((2, 3)))), "inverse needs square matrices; got input: float64"),
        (lambda: ops.det(Tensor(np.ones(3))), "det needs a matrix of floats, or a batch of them"),
        (lambda: ops.cholesky(Tensor(np.ones((2, 2), int))), "cholesky needs a matrix of floats"),
        (lambda: ops.solve(Tensor(np.ones((2, 2))), np.ones(3)), "solve needs b to have as many rows as a"),
        (lambda: ops.solve(Tensor(np.ones((2, 2))), 1.0), "solve needs vectors or matrices of floats"),
        (lambda: ops.svd(Tensor(np.ones((2, 2)), True), full_matrices=True)[1].sum().backward(), "full_matrices=False"),
    ],
)
def test_words_for_what_does_not_do(call, words):
    with pytest.raises(SpecError, match=words):
        call()
