"""Products: by PyTorch's names, and what einsum can and refuses."""

import numpy as np
import pytest

from research.tensor import Tensor
from shared_ops import ops
from shared_ops.dim import Dim
from shared_ops.einsum import terms_of
from shared_ops.op import REGISTRY
from shared_ops.spec import Spec, SpecError

rng = np.random.default_rng(0)


def n(*shape):
    return rng.normal(size=shape)


@pytest.mark.parametrize(
    ("name", "shapes", "settings"),
    [
        ("dot", [(3,), (3,)], {}),
        ("outer", [(3,), (4,)], {}),
        ("mv", [(2, 3), (3,)], {}),
        ("mm", [(2, 3), (3, 4)], {}),
        ("bmm", [(5, 2, 3), (5, 3, 4)], {}),
        ("addmm", [(4,), (2, 3), (3, 4)], {}),
        ("addmm", [(2, 4), (2, 3), (3, 4)], {"beta": 0.5, "alpha": 2}),
        ("addmm", [(2, 4), (2, 3), (3, 4)], {"beta": 0}),
    ],
)
def test_products_by_name_are_pytorchs(name, shapes, settings):
    torch = pytest.importorskip("torch")
    arrays = [n(*shape) for shape in shapes]
    own, other = [Tensor(a, requires_grad=True) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    got, want = getattr(ops, name)(*own, **settings), getattr(torch, name)(*other, **settings)
    np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-12)
    got.sum().backward()
    want.sum().backward()
    for a, b in zip(own, other, strict=True):
        want_grad = np.zeros(b.shape) if b.grad is None else b.grad.numpy()
        np.testing.assert_allclose(np.zeros(a.shape) if a.grad is None else a.grad.numpy(), want_grad, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ops.dot(n(2, 2), n(2)), r"dot needs a vector as input 1; got shape: \[2, 2\]"),
        (lambda: ops.bmm(n(2, 2, 2), n(2, 2)), "bmm needs a batch of matrices as input 2"),
        (lambda: ops.bmm(n(1, 2, 2), n(2, 2, 2)), "as many matrices in both"),
        (lambda: ops.matmul(Tensor(n(2, 3)), n(2, 3)), "a's columns to match b's rows"),
        (lambda: ops.matmul(Tensor(n(2, 3)), 2), "needs two arrays"),
        (lambda: ops.matmul(Tensor(n(2, 2) > 0), n(2, 2) > 0), "not booleans alone"),
        (lambda: ops.linear(Tensor(n(2, 3)), n(4, 3), n(4), n(4)), "linear needs arrays x, w, bias"),
        (lambda: ops.linear(Tensor(n(2, 3)), n(4, 2)), "x's last size to match w's columns"),
        (lambda: ops.linear(Tensor(n(2, 3)), n(4, 3), n(3)), "one bias for each of w's rows"),
        (lambda: ops.einsum(Tensor(n(2)), equation="i,i"), "a term for each operand"),
        (lambda: ops.einsum(Tensor(n(2)), equation="ij"), "a letter for each axis"),
        (lambda: ops.einsum(Tensor(n(2)), equation="i->j"), "a letter no operand has"),
        (lambda: ops.einsum(Tensor(n(2)), equation="1->"), "letters and ..."),
        (lambda: ops.einsum(Tensor(n(2)), equation="i.."), "letters and ..."),
        (lambda: ops.einsum(Tensor(n(2, 3)), equation="ii"), "axes of one letter to agree; got sizes of i: 2 and 3"),
        (lambda: ops.einsum(Tensor(n(2)), n(3), equation="i,i"), "axes of one letter to agree"),
        (lambda: ops.einsum(Tensor(n(1, 3)), equation="ii"), "axes of one letter to agree"),
        (lambda: ops.einsum(Tensor(n(2)), equation=3), "an equation like"),
        (lambda: ops.einsum(Tensor(n(2)), 2.0, equation="i,"), "arrays, not Python numbers"),
    ],
)
def test_wrong_products_are_refused_in_words(call, words):
    with pytest.raises(SpecError, match=words):
        call()


def test_einsum_may_name_an_axis_of_the_result_twice():
    np.testing.assert_array_equal(ops.einsum(np.arange(3), equation="i->ii"), np.diag(np.arange(3)))
    out = ops.einsum(n(2, 3), np.ones(4), equation="ab,c->aabc")
    assert out.shape == (2, 2, 3, 4)
    assert (out[0, 1] == 0).all()


def test_einsum_reads_equations_as_pytorch_does():
    assert terms_of("ij , jk", (2, 2)) == (("ij", "jk"), "ik")
    assert terms_of("ba", (2,)) == (("ba",), "ab")
    named, out = terms_of("...i,...i->...", (3, 2))
    assert named[0][-1] == named[1][-1] == "i"
    assert named[0][1] == named[1][0] == out[1]


def test_einsum_of_unknown_sizes():
    batch = Dim("batch")
    (out,) = REGISTRY["einsum"].infer(
        (Spec((batch, 3), np.dtype("float32")), Spec((3, 4), np.dtype("float32"))), {"equation": "bi,ij->bj"}
    )
    assert out == Spec((batch, 4), np.dtype("float32"))


@pytest.mark.parametrize("shape", [(7, 33), (2, 5, 33), (33,), (0, 33)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_dense_layer_in_float32(shape, bias):
    x, w, b = n(*shape), n(20, 33), n(20)
    arrays = [a.astype("float32") for a in ((x, w, b) if bias else (x, w))]
    np.testing.assert_allclose(ops.linear(*arrays), x @ w.T + (b if bias else 0), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(arrays[0], x.astype("float32"))
