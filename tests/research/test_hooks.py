"""Hooks on tensors: what they see, what they change, and that they can be taken off."""

import gc
import weakref

import pytest

import research as torch
from research import hooks


def leaf(*values):
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def test_a_hook_on_a_leaf_changes_what_is_accumulated():
    x = leaf(1.0, 2.0)
    handle = x.register_hook(lambda g: g * 10)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [30.0, 30.0]
    handle.remove()
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_hook_sees_the_whole_gradient_of_a_value_that_is_used_twice():
    x, seen = leaf(2.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * 3 + y * 4).sum().backward()
    assert seen == [[7.0]]
    assert x.grad.tolist() == [14.0]


def test_hooks_run_in_order_and_each_takes_what_the_last_gave():
    x = leaf(1.0)
    x.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: g * 10)
    x.sum().backward()
    assert x.grad.tolist() == [20.0]


def test_a_hook_counts_in_grad_too():
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: g * 100)
    (gy, gx) = torch.autograd.grad(y.sum(), [y, x])
    assert gy.tolist() == [100.0]
    assert gx.tolist() == [200.0]


def test_a_hook_that_computes_is_recorded_with_create_graph():
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * g)
    (g,) = torch.autograd.grad(y.sum(), x, torch.tensor(2.0, dtype=torch.float64), create_graph=True)
    assert g.tolist() == [24.0]  # 2² · 2x
    g.sum().backward()
    assert x.grad.tolist() == [8.0]


def test_with_takes_a_hook_off_at_the_end():
    x = leaf(1.0)
    with x.register_hook(lambda g: g * 0):
        x.sum().backward()
    x.sum().backward()
    assert x.grad.tolist() == [1.0]


def test_retain_grad_keeps_the_gradient_of_a_computed_tensor():
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    (y * 5).sum().backward()
    assert y.grad.tolist() == [5.0]


def test_a_post_accumulate_hook_sees_the_sum():
    x, seen = leaf(1.0), []
    x.register_post_accumulate_grad_hook(lambda tensor: seen.append(tensor.grad.tolist()))
    x.sum().backward()
    x.sum().backward()
    assert seen == [[1.0], [2.0]]


@pytest.mark.parametrize("wrong", [lambda g: 3.0, lambda g: g.sum()])
def test_a_hook_that_gives_something_else_is_refused(wrong):
    x = leaf(1.0, 2.0)
    x.register_hook(wrong)
    with pytest.raises(RuntimeError, match=r"returns None, or a gradient of the same shape, \(2,\); got"):
        x.sum().backward()


def test_tensors_without_gradients_take_no_hooks():
    with pytest.raises(RuntimeError, match=r"a hook needs a tensor that requires a gradient; got float32\[1\]"):
        torch.zeros(1).register_hook(print)
    with pytest.raises(RuntimeError, match="only a leaf"):
        (leaf(1.0) * 1).register_post_accumulate_grad_hook(print)


def test_hooks_keep_nothing_alive():
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: g)
    step = weakref.ref(y.step)
    assert step() in hooks.on_arrival
    del y
    gc.collect()
    assert step() is None
