"""Losses: PyTorch's results and gradients for every setting, one function for arrays, tensors and graph nodes."""

import math

import numpy as np
import pytest

import production as tf
import research
from research.tensor import Tensor
from shared_ops import ops
from shared_ops.spec import SpecError

rng = np.random.default_rng(7)
REDUCTIONS = ("mean", "sum", "none")


def n(*shape):
    return rng.normal(size=shape)


def p(*shape):
    return rng.uniform(0.05, 0.95, size=shape)


def signs(*shape):
    return rng.choice([-1, 1], size=shape)


def label(classes, *shape):
    return rng.integers(0, classes, size=shape)


X, Y = n(4, 5), n(4, 5)
FAR = X + np.where(n(4, 5) > 0, 3.0, -3.0)
PAIRS = n(6, 3), n(6, 3), signs(6)
PLANES, PLANE_LABELS = n(2, 3, 4, 5), label(3, 2, 4, 5)
SOME = label(5, 4)
SOME[1] = -100
SHARES = p(4, 5) / 3
CLASS_WEIGHT = p(5) + 0.5

# function, what it is called with, its settings
ROWS = [
    ("mse_loss", (X, Y), {}),
    ("l1_loss", (X, Y), {}),
    ("huber_loss", (X, FAR), {}),
    ("huber_loss", (X, FAR), {"delta": 2.5}),
    ("smooth_l1_loss", (X, FAR), {}),
    ("smooth_l1_loss", (X, FAR), {"beta": 0.3}),
    ("smooth_l1_loss", (X, FAR), {"beta": 0.0}),
    ("binary_cross_entropy", (p(4, 5), p(4, 5)), {}),
    ("binary_cross_entropy", (p(4, 5), p(4, 5)), {"weight": p(5)}),
    ("binary_cross_entropy_with_logits", (X * 9, p(4, 5)), {}),
    ("binary_cross_entropy_with_logits", (X, p(4, 5)), {"weight": p(1, 5), "pos_weight": p(5) + 1}),
    ("soft_margin_loss", (X, signs(4, 5)), {}),
    ("cross_entropy", (X, label(5, 4)), {}),
    ("cross_entropy", (X, SOME), {"weight": CLASS_WEIGHT, "label_smoothing": 0.2}),
    ("cross_entropy", (X, label(5, 4)), {"ignore_index": 2, "label_smoothing": 0.1}),
    ("cross_entropy", (PLANES, PLANE_LABELS), {"weight": p(3)}),
    ("cross_entropy", (n(5), label(5)), {}),
    ("cross_entropy", (X, SHARES), {}),
    ("cross_entropy", (X, SHARES), {"weight": CLASS_WEIGHT, "label_smoothing": 0.3}),
    ("cross_entropy", (PLANES, p(2, 3, 4, 5)), {"weight": p(3)}),
    ("cross_entropy", (n(5), p(5)), {"label_smoothing": 0.3}),
    ("nll_loss", (X, SOME), {}),
    ("nll_loss", (X, label(5, 4)), {"weight": CLASS_WEIGHT, "ignore_index": 1}),
    ("nll_loss", (PLANES, PLANE_LABELS), {}),
    ("nll_loss", (n(5), label(5)), {}),
    ("kl_div", (np.log(p(4, 5)), p(4, 5)), {}),
    ("kl_div", (np.log(p(4, 5)), np.log(p(4, 5))), {"log_target": True}),
    ("poisson_nll_loss", (X, p(4, 5) * 4), {}),
    ("poisson_nll_loss", (p(4, 5), p(4, 5) * 4), {"log_input": False, "full": True, "eps": 1e-3}),
    ("gaussian_nll_loss", (X, Y, p(4, 5)), {}),
    ("gaussian_nll_loss", (X, Y, p(4)), {"full": True}),
    ("gaussian_nll_loss", (X, Y, p(4, 1) * 0.2), {"eps": 0.1}),
    ("hinge_embedding_loss", (X, signs(4, 5)), {"margin": 0.5}),
    ("margin_ranking_loss", (n(6), n(6), signs(6)), {"margin": 0.3}),
    ("cosine_embedding_loss", PAIRS, {}),
    ("cosine_embedding_loss", PAIRS, {"margin": 0.2}),
    ("cosine_embedding_loss", (n(3), n(3), np.array(1)), {}),
    ("triplet_margin_loss", (n(6, 3), n(6, 3), n(6, 3)), {}),
    ("triplet_margin_loss", (n(6, 3), n(6, 3), n(6, 3)), {"p": 3.0, "margin": 2.0, "swap": True}),
    ("triplet_margin_loss", (n(6, 3), n(6, 3), n(6, 3)), {"p": 1.0, "eps": 1e-3}),
    ("ctc_loss", (np.log(p(7, 2, 4)), np.array([[1, 2, 3], [2, 2, 9]]), np.array([7, 6]), np.array([3, 2])), {}),
]
REDUCED = [(name, args, {**how, "reduction": r}) for name, args, how in ROWS for r in REDUCTIONS]
REDUCED.append(("kl_div", (np.log(p(4, 5)), p(4, 5)), {"reduction": "batchmean"}))
OTHERS = [
    ("pairwise_distance", (X, Y), {}),
    ("pairwise_distance", (X, Y), {"p": 1.0, "keepdim": True}),
    ("pairwise_distance", (X, Y), {"p": math.inf}),
    ("cosine_similarity", (X, Y), {}),
    ("cosine_similarity", (PLANES, n(2, 3, 4, 5)), {"dim": 2}),
    ("cosine_similarity", (X, n(5)), {"dim": -1}),
]
EVERY = REDUCED + OTHERS
IDS = [f"{name}-{i}" for i, (name, *_) in enumerate(EVERY)]


def is_float(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def tensors(args, how, make):
    """The arrays among the arguments and settings as tensors; those that are arguments and floats want gradients."""
    args = [make(a, is_float(a)) for a in args]
    return args, {k: make(v, False) if isinstance(v, np.ndarray) else v for k, v in how.items()}


def slopes(out, leaves, weights):
    """Gradients of a number that is made of all values of the output."""
    (out * weights).sum().backward()
    return [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")
@pytest.mark.parametrize(("name", "args", "how"), EVERY, ids=IDS)
def test_agrees_with_torch(name, args, how):
    torch = pytest.importorskip("torch")
    ours, our_how = tensors(args, how, lambda a, wants: Tensor(np.asarray(a), requires_grad=wants))
    theirs, their_how = tensors(args, how, lambda a, wants: torch.tensor(a, requires_grad=wants))
    if name == "ctc_loss":  # PyTorch's gradient is right only behind log_softmax
        ours_in, theirs_in = [ours[0].log_softmax(2), *ours[1:]], [theirs[0].log_softmax(2), *theirs[1:]]
    else:
        ours_in, theirs_in = ours, theirs
    out = getattr(research.nn.functional, name)(*ours_in, **our_how)
    expected = getattr(torch.nn.functional, name)(*theirs_in, **their_how)
    assert out.shape == tuple(expected.shape)
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-7, atol=1e-9)
    weights = np.random.default_rng(0).normal(size=out.shape)
    leaves = [(a, b) for a, b in zip(ours, theirs, strict=True) if b.requires_grad]
    got = slopes(out, [a for a, _ in leaves], Tensor(np.asarray(weights)))
    for a, b in zip(got, slopes(expected, [b for _, b in leaves], torch.tensor(weights)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("name", "args", "how"), EVERY, ids=IDS)
def test_arrays_tensors_and_nodes_alike(name, args, how):
    function = getattr(ops, name)
    of_arrays = np.asarray(function(*args, **how))
    ours, our_how = tensors(args, how, lambda a, _: Tensor(np.asarray(a)))
    np.testing.assert_array_equal(function(*ours, **our_how).numpy(), of_arrays)
    with tf.Graph().as_default() as graph:
        batch = [args[0].ndim > 1 and a.ndim > 0 and name not in ("ctc_loss", "cosine_similarity") for a in args]
        nodes = [
            graph.placeholder(a.dtype, ("batch" if b and a.shape[0] == args[0].shape[0] else a.shape[0], *a.shape[1:]))
            if a.ndim
            else graph.placeholder(a.dtype, ())
            for a, b in zip(args, batch, strict=True)
        ]
        out = function(*nodes, **how)
        got = tf.Session().run(out, dict(zip(nodes, args, strict=True)))
    np.testing.assert_array_equal(got, of_arrays)


def test_edges_of_probabilities():
    """At 0 and 1 the logarithm stops at -100 and the slope at 1e12, as in PyTorch."""
    x = Tensor(np.array([0.0, 1.0, 0.0, 1.0]), requires_grad=True)
    losses = ops.binary_cross_entropy(x, Tensor(np.array([1.0, 0.0, 0.0, 1.0])), reduction="none")
    np.testing.assert_array_equal(losses.detach().numpy(), [100, 100, 0, 0])
    losses.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [-1e12, 1e12, 0, 0])


def test_logits_of_any_size_are_fine():
    x = Tensor(np.array([1e4, -1e4, 1e4, -1e4]), requires_grad=True)
    losses = ops.binary_cross_entropy_with_logits(x, Tensor(np.array([1.0, 0.0, 0.0, 1.0])), reduction="none")
    np.testing.assert_array_equal(losses.detach().numpy(), [0, 0, 1e4, 1e4])
    losses.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0, 0, 1, -1])


def test_no_share_of_a_class_costs_nothing():
    target = Tensor(np.array([0.0, 1.0]), requires_grad=True)
    loss = ops.kl_div(Tensor(np.log([0.25, 0.75])), target, reduction="sum")
    loss.backward()
    np.testing.assert_allclose(loss.item(), -math.log(0.75))
    assert np.isfinite(target.grad.numpy()).all()


def test_equal_vectors_have_a_slope():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    ops.pairwise_distance(x, np.ones((2, 3)), eps=0.0).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.zeros((2, 3)))


def test_huber_of_infinity():
    x = Tensor(np.array([np.inf, -np.inf, 0.0]), requires_grad=True)
    ops.huber_loss(x, Tensor(np.zeros(3)), reduction="sum", delta=2.0).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, -2, 0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.mse_loss(X, X[:2]), r"mse_loss needs a target of the input's shape; got input: \[4, 5\], target"),
        (lambda: ops.l1_loss(X, Y, reduction="max"), r"a reduction is 'mean', 'sum' or 'none'; got reduction: max"),
        (lambda: ops.binary_cross_entropy(X + 9, Y), r"bce needs probabilities from 0 to 1; got"),
        (lambda: ops.huber_loss(X, Y, delta=0), r"huber_loss needs a positive delta; got delta: 0"),
        (lambda: ops.smooth_l1_loss(X, Y, beta=-1), r"smooth_l1_loss needs a beta that is not negative"),
        (lambda: ops.kl_div(X, Y, reduction="all"), r"kl_div's reduction is 'mean', 'batchmean', 'sum' or 'none'"),
        (lambda: ops.cosine_embedding_loss(X, Y, np.ones(3)), r"needs a target for each pair; got target: \[3\]"),
        (lambda: ops.triplet_margin_loss(X, X, Y, margin=0), r"triplet_margin_loss needs a positive margin"),
        (lambda: ops.pairwise_distance(X, Y, p=0), r"pairwise_distance needs a positive p"),
        (lambda: ops.cross_entropy(X, SHARES[:2]), r"cross_entropy of probabilities needs a target"),
        (
            lambda: ops.cross_entropy(Tensor(X), Tensor(SOME), weight=Tensor(X)),
            r"needs a float as weight of each class",
        ),
        (lambda: ops.cross_entropy(Tensor(X), Tensor(SOME), label_smoothing=2), r"needs label_smoothing from 0 to 1"),
        (lambda: ops.cross_entropy(Tensor(X), Tensor(SOME), ignore_index=0.5), r"needs ignore_index as a whole number"),
        (lambda: ops.nll_loss(Tensor(X), Tensor(SOME[:2])), r"nll needs one label per row"),
        (lambda: ops.softmax(Tensor(X), axis=(0, 1)), r"softmax works along one axis"),
        (lambda: ops.ctc_loss(*[Tensor(x) for x in (X, X, SOME, SOME)]), r"ctc needs log-probabilities \(t, n, c\)"),
    ],
)
def test_wrong_calls_teach(call, words):
    with pytest.raises(SpecError, match=words):
        call()
