"""vjp, jvp, jacobian, hessian: closed forms, and PyTorch's where it is installed."""

import numpy as np
import pytest

import research as torch
from research.autograd import functional


@pytest.fixture
def x():
    return torch.randn(3, dtype=torch.float64)


def close(ours, theirs):
    np.testing.assert_allclose(np.asarray(ours.detach()), np.asarray(theirs), rtol=1e-10, atol=1e-12)


def test_jacobian_of_a_linear_map_is_its_matrix(x):
    w = torch.randn(2, 3, dtype=torch.float64)
    close(functional.jacobian(lambda v: w @ v, x), w)


def test_jacobians_of_several_by_several(x):
    y = torch.randn(2, dtype=torch.float64)
    out = functional.jacobian(lambda a, b: (a.outer(b), b.sum()), (x, y))
    assert [[tuple(j.shape) for j in row] for row in out] == [[(3, 2, 3), (3, 2, 2)], [(3,), (2,)]]
    close(out[1][1], np.ones(2))
    close(out[1][0], np.zeros(3))
    close(out[0][0], np.einsum("ik,j->ijk", np.eye(3), y.numpy()))


def test_hessian_of_a_quadratic_form(x):
    a = torch.randn(3, 3, dtype=torch.float64)
    close(functional.hessian(lambda v: v @ a @ v, x), a.numpy() + a.numpy().T)
    _, product = functional.hvp(lambda v: v @ a @ v, x, x)
    close(product, (a.numpy() + a.numpy().T) @ x.numpy())


def test_hessian_blocks(x):
    y = torch.randn(3, dtype=torch.float64)
    ((xx, xy), (yx, yy)) = functional.hessian(lambda a, b: (a * a * b).sum(), (x, y))
    close(xx, np.diag(2 * y.numpy()))
    close(xy, np.diag(2 * x.numpy()))
    close(yx, np.diag(2 * x.numpy()))
    close(yy, np.zeros((3, 3)))


def test_products_from_both_sides(x):
    def f(v):
        return v.sin() * v.sum()

    jacobian = functional.jacobian(f, x).numpy()
    v = torch.randn(3, dtype=torch.float64)
    value, forward = functional.jvp(f, x, v)
    close(value, f(x))
    close(forward, jacobian @ v.numpy())
    close(functional.vjp(f, x, v)[1], v.numpy() @ jacobian)


def test_create_graph_goes_on(x):
    x.requires_grad_()
    j = functional.jacobian(lambda v: v**3, x, create_graph=True)
    j.sum().backward()
    close(x.grad, 6 * x.array)


def test_pytorch_says_the_same(x):
    torch_ = pytest.importorskip("torch")
    y = torch_.from_numpy(x.numpy())

    def f(lib):
        return lambda v: lib.tanh(v).sum() * v.exp()

    close(functional.jacobian(f(torch), x), torch_.autograd.functional.jacobian(f(torch_), y))
    close(
        functional.hessian(lambda v: f(torch)(v).sum(), x),
        torch_.autograd.functional.hessian(lambda v: f(torch_)(v).sum(), y),
    )


def test_what_is_missing_is_said(x):
    with pytest.raises(ValueError, match="vjp needs v, unless each value is a scalar"):
        functional.vjp(lambda v: v * 2, x)
    with pytest.raises(ValueError, match=r"jvp needs v with the shape .* \(3,\); got \(2,\)"):
        functional.jvp(lambda v: v * 2, x, torch.zeros(2, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"a function with one value; got float64\[3\]"):
        functional.hessian(lambda v: v * 2, x)
