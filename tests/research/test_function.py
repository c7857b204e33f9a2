"""Functions of one's own: their gradients, first and second order, and what they refuse."""

import numpy as np
import pytest

import research as torch
from research.autograd import Function, gradcheck, gradgradcheck


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g


class Exp(Function):
    """Saves its own output."""

    @staticmethod
    def forward(ctx, x):
        out = x.exp()
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, g):
        (out,) = ctx.saved_tensors
        return out * g


class Scaled(Function):
    """The newer way, with setup_context, and an argument that is no tensor."""

    @staticmethod
    def forward(x, factor):
        return x * factor, x.sum()

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.factor = inputs

    @staticmethod
    def backward(ctx, g, of_sum):
        return g * ctx.factor + of_sum, None


def leaf(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("function", [Cube.apply, Exp.apply, lambda x: Scaled.apply(x, 2.5)])
def test_gradients_to_second_order(function):
    x = leaf(2, 3)
    assert gradcheck(function, x)
    assert gradgradcheck(function, x)


def test_a_function_may_be_part_of_a_model():
    x = leaf(3)
    (Cube.apply(x.sin()) * 2).sum().backward()
    expected = 6 * np.sin(x.array) ** 2 * np.cos(x.array)
    np.testing.assert_allclose(x.grad.array, expected, rtol=1e-12)


def test_an_output_without_a_gradient_counts_as_zeros_or_as_none():
    seen = []

    class Two(Function):
        @staticmethod
        def forward(ctx, x, zeros):
            ctx.set_materialize_grads(zeros)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, a, b):
            seen.append(a)
            return b * 2, None

    for zeros in (True, False):
        Two.apply(leaf(2), zeros)[1].sum().backward()
    assert seen[0].tolist() == [0.0, 0.0]
    assert seen[1] is None


def test_what_needs_no_gradient_is_known():
    seen = []

    class Product(Function):
        @staticmethod
        def forward(ctx, x, y):
            seen.append(ctx.needs_input_grad)
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g, g

    out = Product.apply(leaf(2), torch.randn(2))
    assert seen == [(True, False)]
    assert out.requires_grad
    assert out.grad_fn.name() == "Product"
    with torch.no_grad():
        assert not Product.apply(leaf(2), leaf(2)).requires_grad


def test_outputs_marked_as_not_differentiable_have_no_history():
    class SortedPlaces(Function):
        @staticmethod
        def forward(ctx, x):
            values, places = x.sort()
            signs = values.sign()
            ctx.mark_non_differentiable(places, signs)
            return values, places, signs

        @staticmethod
        def backward(ctx, g, *_):
            return g

    values, places, signs = SortedPlaces.apply(leaf(4))
    assert values.requires_grad
    assert not places.requires_grad
    assert not signs.requires_grad


@pytest.mark.parametrize(
    ("gradients", "words"),
    [
        (lambda g: (g, g), r"each of forward's 1 arguments; got 2"),
        (lambda g: (), r"each of forward's 1 arguments; got 0"),
        (lambda g: g.sum(), r"argument 0 a tensor of its shape, float64\[2\]; got float64\[\]"),
        (lambda g: 3.0, r"argument 0 a tensor of its shape, float64\[2\]; got float"),
    ],
)
def test_wrong_gradients_are_refused(gradients, words):
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return gradients(g)

    with pytest.raises(RuntimeError, match=words):
        Wrong.apply(leaf(2)).sum().backward()


def test_a_saved_tensor_that_changed_since_is_refused_with_the_line():
    x = leaf(3)
    out = Cube.apply(x)
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match=r"Cube needs what it saved .*test_function\.py:\d+"):
        out.sum().backward()


def test_backward_twice_needs_retain_graph():
    out = Cube.apply(leaf(2)).sum()
    out.backward(retain_graph=True)
    out.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        out.backward()


def test_saving_what_is_no_tensor_is_refused():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3)

    with pytest.raises(TypeError, match="keeps tensors; got int"):
        Wrong.apply(leaf(1))


def test_an_input_that_is_returned_unchanged_is_another_tensor():
    class Nothing(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5

    x = leaf(2)
    y = Nothing.apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
