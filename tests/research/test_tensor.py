import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import research as torch
from shared_ops.bits import same_bits


def test_python_floats_are_float32_and_arrays_keep_their_dtype():
    assert torch.tensor([1.0, 2.0]).dtype == torch.float32
    assert torch.tensor(np.ones(2)).dtype == torch.float64
    assert torch.tensor([1, 2]).dtype == torch.int64
    assert (torch.ones(2) * 2.5).dtype == torch.float32
    assert (2.5 * torch.ones(2)).dtype == torch.float32
    assert (np.ones(2, "float32") + torch.ones(2)).dtype == torch.float32


def test_gradients_accumulate_until_forgotten():
    w = torch.ones(3, requires_grad=True)
    (w * 2).sum().backward()
    (w * 2).sum().backward()
    np.testing.assert_array_equal(w.grad, [4, 4, 4])
    w.grad.data.zero_()
    np.testing.assert_array_equal(w.grad, [0, 0, 0])


def test_two_leaves_never_share_a_gradient():
    a, b = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    (a + b).sum().backward()
    a.grad.zero_()
    np.testing.assert_array_equal(b.grad, [1, 1, 1])


def test_gradients_have_their_leafs_shape_and_dtype():
    w = torch.ones(1, 3, requires_grad=True)
    (w * torch.ones(4, 3, dtype="float64")).sum().backward()
    assert w.grad.shape == (1, 3)
    assert w.grad.dtype == torch.float32


def test_a_chain_of_a_hundred_thousand_ops():
    w = torch.ones(1, requires_grad=True)
    x = w
    for _ in range(100_000):
        x = x + 1
    x.backward()
    assert w.grad.item() == 1


def test_a_parameter_used_a_thousand_times():
    w = torch.ones(1, requires_grad=True)
    sum((w * i for i in range(1000)), torch.zeros(1)).backward()
    assert w.grad.item() == sum(range(1000))


def test_backward_frees_what_was_saved():
    w = torch.ones(3, requires_grad=True)
    y = w.exp()
    loss = (y * y).sum()
    saved = weakref.ref(y.array)
    step = loss.step
    del y, loss
    assert saved() is not None
    torch.autograd.backward(_tensor_of(step))
    gc.collect()
    assert saved() is None


def _tensor_of(step):
    loss = torch.zeros(1).sum()
    loss.step = step
    return loss


def test_twice_through_one_graph_needs_retain_graph():
    w = torch.ones(3, requires_grad=True)
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(w.grad, [4, 4, 4])
    with pytest.raises(RuntimeError, match=r"backward\(retain_graph=True\) the first time"):
        loss.backward()


def test_second_order_through_create_graph():
    x = torch.tensor([2.0], requires_grad=True)
    (first,) = torch.autograd.grad(x**3, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    assert (first.item(), second.item()) == (12.0, 12.0)
    (x**3).backward(create_graph=True)
    x.grad.backward()
    assert x.grad.item() == 24.0


def test_no_grad_records_nothing_as_context_and_decorator():
    w = torch.ones(3, requires_grad=True)
    with torch.no_grad():
        assert not (w * 2).requires_grad
        with torch.enable_grad():
            assert (w * 2).requires_grad

    @torch.no_grad()
    def double(x):
        return x * 2

    assert not double(w).requires_grad
    assert (w * 2).requires_grad


def test_no_grad_is_a_threads_own():
    w, seen = torch.ones(1, requires_grad=True), []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append((w * 2).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_in_place_changes():
    w = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf that requires a gradient cannot be changed in place"):
        w += 1
    array = w.array
    with torch.no_grad():
        w -= 0.5
    assert w.array is array
    w.data -= 0.5
    np.testing.assert_array_equal(array, [0, 0, 0])
    y = w * 2
    y += 1  # recorded
    y.sum().backward()
    np.testing.assert_array_equal(w.grad, [2, 2, 2])


def test_words_for_wrong_use():
    w = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="backward starts at one value"):
        (w * 2).backward()
    with pytest.raises(RuntimeError, match="needs a tensor that requires a gradient"):
        torch.ones(1).backward()
    with pytest.raises(RuntimeError, match=r"say tensor.detach\(\).numpy\(\)"):
        w.numpy()
    with pytest.raises(RuntimeError, match="only tensors of floats"):
        torch.tensor([1], requires_grad=True)
    with pytest.raises(RuntimeError, match="input 0 was not used"):
        torch.autograd.grad((w * 2).sum(), torch.ones(1, requires_grad=True))
    with pytest.raises(TypeError, match=r"use research.save"):
        pickle.dumps(w)
    with pytest.raises(ValueError, match=r"item.. needs a tensor with one value"):
        w.item()


def test_indexing():
    x = torch.tensor(np.arange(12.0).reshape(4, 3), requires_grad=True)
    x[torch.tensor([0, 0, 3])].sum().backward()
    np.testing.assert_array_equal(x.grad[:, 0], [2, 0, 0, 1])
    assert x[1, 2].item() == 5
    assert x[:, None, -1].shape == (4, 1)
    assert [row.shape for row in x] == [(3,)] * 4


def test_repr_says_what_it_is():
    assert repr(torch.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(torch.ones(1, requires_grad=True)) == "tensor([1.], requires_grad=True)"
    assert "grad_fn=<mul>" in repr(torch.ones(1, requires_grad=True) * 2)


def test_the_same_seed_gives_the_same_bits():
    torch.manual_seed(3)
    first = torch.randn(5), torch.rand(5), torch.randperm(5)
    torch.manual_seed(3)
    for a, b in zip(first, (torch.randn(5), torch.rand(5), torch.randperm(5)), strict=True):
        assert same_bits(a.array, b.array)
    assert not same_bits(first[0].array, torch.randn(5).array)


def test_variable_and_old_names():
    x = torch.autograd.Variable(torch.randn(2, 3), requires_grad=True)
    x.mm(torch.ones(3, 1)).clamp(min=0).sum().backward()
    assert x.grad.shape == (2, 3)
