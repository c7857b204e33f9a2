"""checkpoint: the same gradients, computed twice and kept once."""

import gc

import pytest

import research as torch
from research import nn
from research.autograd import gradgradcheck
from research.nn import functional as F
from research.tape import Step
from research.utils.checkpoint import checkpoint, checkpoint_sequential


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return [p.grad.array.tobytes() for p in model.parameters()]


def test_gradients_are_the_same_bits(model):
    x = torch.randn(5, 4)
    assert gradients(model, model(x).sum()) == gradients(model, checkpoint(model, x).sum())


@pytest.mark.parametrize("segments", [1, 2, 5])
def test_a_sequential_in_segments(model, segments):
    x = torch.randn(5, 4)
    assert gradients(model, model(x).sum()) == gradients(model, checkpoint_sequential(model, segments, x).sum())


def test_dropout_draws_the_same_numbers_again(model):
    def dropped(x):
        return F.dropout(model(x), 0.5)

    x, state = torch.randn(50, 4), torch.get_rng_state()
    plain = gradients(model, dropped(x).sum())
    after_plain = torch.get_rng_state()
    torch.set_rng_state(state)
    assert gradients(model, checkpoint(dropped, x).sum()) == plain
    assert (torch.get_rng_state() == after_plain).all()


def test_inside_a_larger_graph_and_by_grad(model):
    x = torch.randn(3, 4, requires_grad=True)
    weight = model[0].weight
    plain = torch.autograd.grad((model(x.sin()) ** 2).sum(), [x, weight])
    again = torch.autograd.grad((checkpoint(model, x.sin()) ** 2).sum(), [x, weight])
    assert [g.tolist() for g in plain] == [g.tolist() for g in again]


def test_second_order():
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    w = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    assert gradgradcheck(lambda x, w: checkpoint(lambda a: (a @ w).tanh(), x), [x, w])


def test_several_outputs_and_settings():
    def function(x, factor=1.0):
        return x * factor, x.sin()

    x = torch.randn(3, requires_grad=True)
    a, b = checkpoint(function, x, factor=3.0)
    (g,) = torch.autograd.grad(a.sum() + b.sum(), x)
    assert torch.allclose(g, 3 + x.detach().cos())


def test_nothing_inside_is_kept(model):
    out = checkpoint(model, torch.randn(5, 4))
    gc.collect()
    steps = [o for o in gc.get_objects() if type(o) is Step and o.order > 0 and o.op.name == "tanh"]
    assert not steps
    assert out.requires_grad


def test_an_argument_that_changed_since_is_refused(model):
    x = torch.randn(5, 4)
    out = checkpoint(model, x)
    x.add_(1)
    with pytest.raises(
        RuntimeError, match=r"its argument float32\[5, 4\] .* changed in place since by .*test_checkpoint"
    ):
        out.sum().backward()


def test_a_function_that_does_something_else_the_second_time_is_refused(model):
    sizes = iter([2, 3])
    out = checkpoint(lambda x: model(x)[: next(sizes)], torch.randn(5, 4))
    with pytest.raises(RuntimeError, match=r"the same shapes and dtypes both times; first .*\[2, 2\].*then .*\[3, 2\]"):
        out.sum().backward()


def test_without_gradients_it_is_the_function(model):
    with torch.no_grad():
        assert not checkpoint(model, torch.randn(1, 4)).requires_grad


def test_segments_must_be_there(model):
    with pytest.raises(ValueError, match="from 1 to the 5 layers"):
        checkpoint_sequential(model, 6, torch.randn(1, 4))
