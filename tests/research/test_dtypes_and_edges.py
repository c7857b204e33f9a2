"""PyTorch's promotion, and values at the edges."""

import numpy as np
import pytest

import research as torch
from research.nn import functional as F
from shared_ops.spec import SpecError

f32, f64, i64, u8 = torch.ones(2), torch.ones(2, dtype="float64"), torch.arange(2), torch.tensor(np.ones(2, "uint8"))


@pytest.mark.parametrize(
    ("result", "dtype"),
    [
        (lambda: f32 / np.sqrt(64), "float32"),
        (lambda: np.float64(2) * f32, "float32"),
        (lambda: u8 / 255.0, "float32"),
        (lambda: i64 * 0.5, "float32"),
        (lambda: i64 / 2, "float32"),
        (lambda: f32 * i64, "float32"),
        (lambda: f32 + f64, "float64"),
        (lambda: torch.where(i64 > 0, 1.0, 0.0), "float32"),
        (lambda: torch.cat([f32, i64]), "float32"),
        (lambda: torch.clamp(i64, 0.5), "float32"),
        (lambda: torch.softmax(i64, 0), "float32"),
        (lambda: u8.sum(), "int64"),
        (lambda: i64.mean(), "float32"),
        (lambda: i64 + 1, "int64"),
    ],
)
def test_promotion_is_pytorchs(result, dtype):
    assert result().dtype == dtype


def test_slopes_at_the_edge():
    x = torch.tensor([0.0, 2.0], requires_grad=True)
    (x**0).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 0])
    y = torch.tensor([np.nan, -1.0, 1.0], requires_grad=True)
    torch.relu(y).sum().backward()
    np.testing.assert_array_equal(y.grad, [1, 0, 1])


def test_a_batch_of_nothing():
    empty = torch.ones(0, 2, 4, 4)
    assert F.max_pool2d(empty, 2).shape == (0, 2, 2, 2)
    assert F.avg_pool2d(empty, 2).shape == (0, 2, 2, 2)
    assert torch.nn.Conv2d(2, 3, 3)(empty).shape == (0, 3, 2, 2)
    with pytest.raises(SpecError, match="amax needs at least one value"):
        torch.ones(0).max()


def test_nll_looks_at_its_labels():
    log_p = torch.log_softmax(torch.tensor([[0.0, -np.inf], [1.0, 2.0]]), 1)
    assert abs(F.nll_loss(log_p, torch.tensor([0, 1])).item() - 0.1566) < 1e-4
    for labels, words in [([0, 7], "labels from 0 to 1; got 7"), ([[0], [1]], "one label per row"), ([0], "one label")]:
        with pytest.raises(SpecError, match=words):
            F.nll_loss(log_p, torch.tensor(labels))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: torch.nn.Conv2d(1, 1, 2, stride=0)(torch.ones(1, 1, 4, 4)), "needs stride as two whole numbers"),
        (lambda: F.max_pool2d(torch.ones(1, 1, 4, 4), 2, padding=-1), "needs padding as two whole numbers"),
        (lambda: torch.ones(2, 2).transpose(0, 3), "transpose needs axis between -2 and 1; got axis: 3"),
        (lambda: torch.ones(2, 2).flatten(2), "flatten needs axis between"),
        (lambda: torch.ones(3).expand(-1, 3), "expand needs the size of a new axis"),
        (lambda: torch.ones(2, 2)[..., ...], "an index has at most one"),
        (lambda: torch.ones(2)[1.5], "an index is whole numbers and slices"),
    ],
)
def test_wrong_settings_in_words(call, words):
    with pytest.raises(SpecError, match=words):
        call()


def test_no_tensor_of_what_is_no_number():
    for data in (None, "a", [object()]):
        with pytest.raises(TypeError, match="a tensor holds numbers"):
            torch.tensor(data)


def test_spellings_of_pytorch():
    x = torch.tensor(np.arange(6.0).reshape(2, 3))
    assert torch.clamp(x, 1, 2).max().item() == 2
    assert F.leaky_relu(-x, 0.5).min().item() == -2.5
    assert x[()].shape == (2, 3)
    assert x[[]].shape == (0, 3)
    assert x[x > 2].tolist() == [3, 4, 5]
    assert torch.randint(5, (2,)).shape == (2,)
    w = torch.ones(2, requires_grad=True)
    w.sum().backward()
    optimizer = torch.optim.SGD([w])
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.tolist() == [0, 0]
