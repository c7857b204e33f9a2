"""Changes in place: either the gradient is right, or the change is refused in words. Never a wrong number."""

import numpy as np
import pytest

import research as torch


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], requires_grad=True)


@pytest.fixture
def w():
    return torch.tensor([3.0, 5.0], requires_grad=True)


def test_a_saved_value_is_the_one_of_then(x, w):
    h = x * 1
    h *= w
    h.sum().backward()
    np.testing.assert_array_equal(w.grad, [1, 2])
    y = torch.tensor([1.0, 2.0], requires_grad=True)
    h = y * 3
    square = h * h
    h += 1
    square.sum().backward()
    np.testing.assert_array_equal(y.grad, [18, 36])


def test_history_goes_into_a_tensor_that_had_none(w):
    h = torch.zeros(2)
    h += w
    (h * torch.tensor([7.0, 9.0])).sum().backward()
    np.testing.assert_array_equal(w.grad, [7, 9])
    total = torch.tensor(0.0)
    total += w.sum()
    total.backward()
    np.testing.assert_array_equal(w.grad, [8, 10])
    h = torch.zeros(2)
    h.copy_(w * 2)
    assert h.requires_grad
    h = torch.zeros(2)
    h[0] = w[1] * 2
    assert h.requires_grad


@pytest.mark.parametrize("change", ["no_grad", "optimizer", "setitem", "load_state_dict"])
def test_a_changed_leaf_is_noticed(change, x, w):
    layer = torch.nn.Linear(2, 2)
    weight = layer.weight if change == "load_state_dict" else w
    loss = (x * weight * x).sum()
    if change == "no_grad":
        with torch.no_grad():
            weight -= 1
    elif change == "setitem":
        with torch.no_grad():
            weight[0] = 9.0
    elif change == "optimizer":
        weight.sum().backward()
        torch.optim.SGD([weight], lr=0.1).step()
    else:
        layer.load_state_dict(layer.state_dict())
    with pytest.raises(RuntimeError, match=r"mul needs its y of the forward pass .* changed in place"):
        loss.backward()


def test_a_result_written_over_is_noticed(x):
    y = x.exp()
    loss = y.sum()
    with torch.no_grad():
        y.zero_()
    with pytest.raises(RuntimeError, match="exp needs its out"):
        loss.backward()


def test_shape_and_kind_stay():
    whole = torch.tensor([1, 2, 3])
    with pytest.raises(RuntimeError, match=r"keeps shape and kind of dtype, int64\[3\]; the result is float32\[3\]"):
        whole += 0.5
    row = torch.ones(2)
    with pytest.raises(RuntimeError, match=r"the result is float32\[3, 2\]"):
        row += torch.ones(3, 2)
    single = torch.ones(2)
    single += torch.ones(2, dtype="float64")
    assert single.dtype == torch.float32


def test_gradients_are_nobody_elses(x, w):
    given = torch.tensor([1.0, 1.0])
    (x + 0).backward(given)
    (x + 0).backward(given)
    np.testing.assert_array_equal(given, [1, 1])
    x.grad = None
    (x + w).backward(torch.tensor([1.0, 1.0]), create_graph=True)
    with torch.no_grad():
        x.grad.zero_()
    np.testing.assert_array_equal(w.grad, [1, 1])
    (g,) = torch.autograd.grad(x.sum(), [x])
    g *= 2
    np.testing.assert_array_equal(g, [2, 2])


def test_grad_goes_no_further_than_asked(x):
    h = x * x
    (g,) = torch.autograd.grad((h * 3).sum(), h)
    h.sum().backward()  # what stands before h was left alone
    np.testing.assert_array_equal(g, [3, 3])
    np.testing.assert_array_equal(x.grad, [2, 4])
