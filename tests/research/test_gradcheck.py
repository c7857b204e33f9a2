"""gradcheck finds wrong gradients, and only those."""

import pytest

import research as torch
from research.autograd import Function, GradcheckError, gradcheck, gradgradcheck


def leaf(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


class Wrong(Function):
    """Its gradient is a hundredth too great, its own gradient is right."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2.02 * ctx.saved_tensors[0] * g


class WrongSecond(Function):
    """Its gradient is right, but cannot be differentiated rightly."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        return 3 * (ctx.saved_tensors[0] ** 2).detach() * g


def test_right_gradients_pass():
    assert gradcheck(lambda x, y: (x @ y, x.exp()), [leaf(2, 3), leaf(3, 2)])
    assert gradgradcheck(lambda x, y: (x @ y).tanh(), [leaf(2, 3), leaf(3, 2)])


def test_a_wrong_gradient_is_found_and_named():
    with pytest.raises(GradcheckError, match=r"output 0 by input 0: at \(\d, \d\) .* backward gives"):
        gradcheck(Wrong.apply, leaf(3))
    assert not gradcheck(Wrong.apply, leaf(3), raise_exception=False)


def test_a_wrong_second_order_is_found():
    x = leaf(3)
    assert gradcheck(WrongSecond.apply, x)
    with pytest.raises(GradcheckError):
        gradgradcheck(WrongSecond.apply, x)


def test_inputs_are_as_before():
    x = leaf(3)
    before = x.tolist()
    gradcheck(torch.sin, x)
    assert x.tolist() == before


def test_inputs_without_gradients_are_constants():
    assert gradcheck(lambda x, n, c: x * n * c, [leaf(2), 3, torch.ones(2)])


def test_a_function_that_does_not_use_an_input():
    assert gradcheck(lambda x, y: x * 2, [leaf(2), leaf(3)])


def test_what_says_little_is_refused():
    with pytest.raises(ValueError, match=r"needs float64.*got float32\[2\]"):
        gradcheck(torch.sin, torch.randn(2, requires_grad=True))
    with pytest.raises(ValueError, match="an input that requires its gradient; got none"):
        gradcheck(torch.sin, torch.randn(2))
    with pytest.raises(ValueError, match="contiguous"):
        gradcheck(torch.sin, torch.Tensor(leaf(2, 3).detach().array.T, requires_grad=True))
