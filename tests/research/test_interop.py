"""Other libraries: NumPy, DLPack both ways, devices, dtypes, copies."""

import copy
import pickle

import numpy as np
import pytest

import research as torch


def test_numpy_shares_the_memory_both_ways():
    array = np.arange(3.0)
    tensor = torch.from_numpy(array)
    tensor += 1
    assert array.tolist() == [1.0, 2.0, 3.0]
    assert np.asarray(tensor) is array
    assert np.array(tensor, copy=True) is not array
    assert np.asarray(tensor, dtype="float32").dtype == np.float32


def test_numpy_functions_take_tensors():
    assert np.mean(torch.arange(4)) == 1.5


def test_dlpack_to_and_from_numpy_without_a_copy():
    tensor = torch.arange(4, dtype=torch.float32)
    array = np.from_dlpack(tensor)
    assert np.shares_memory(array, tensor.array)
    assert np.shares_memory(torch.from_dlpack(np.arange(3.0)).array, tensor.array) is False
    source = np.arange(3.0)
    assert np.shares_memory(torch.from_dlpack(source).array, source)


def test_dlpack_to_and_from_pytorch_without_a_copy():
    theirs = pytest.importorskip("torch")
    ours = torch.arange(4, dtype=torch.float32)
    view = theirs.from_dlpack(ours)
    view += 1
    assert ours.tolist() == [1.0, 2.0, 3.0, 4.0]
    back = torch.from_dlpack(view)
    back *= 2
    assert view.tolist() == [2.0, 4.0, 6.0, 8.0]


def test_dlpack_does_not_lose_gradients_in_silence():
    with pytest.raises(BufferError, match=r"tensor\.detach\(\)"):
        np.from_dlpack(torch.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="takes an object with __dlpack__; got list"):
        torch.from_dlpack([1])


def test_to_changes_dtype_and_keeps_gradients():
    x = torch.ones(2, requires_grad=True)
    y = x.to(torch.float64)
    assert y.dtype == np.float64
    y.sum().backward()
    assert x.grad.dtype == np.float32
    assert x.to(torch.float32) is x
    assert x.to("cpu", torch.float32) is x
    assert x.to(y).dtype == np.float64
    assert x.to(device="cpu", dtype="float16").dtype == np.float16
    copied = x.to("cpu", copy=True)
    assert copied is not x
    assert not np.shares_memory(copied.array, x.array)


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(torch.cuda.DeviceError if hasattr(torch.cuda, "DeviceError") else RuntimeError, match="cuda"):
        torch.ones(1).to("cuda:7")


def test_layout():
    x = torch.arange(6).reshape(2, 3)
    assert (x.stride(), x.stride(0), x.is_contiguous()) == ((3, 1), 3, True)
    assert x.contiguous() is x
    turned = x.t()
    assert (turned.stride(), turned.is_contiguous()) == ((1, 3), False)
    assert turned.contiguous().is_contiguous()
    assert (x.element_size(), x.nbytes) == (8, 48)


def test_new_tensors_are_like_the_old_one():
    x = torch.ones(1, dtype=torch.float64)
    made = [x.new_zeros(2), x.new_ones((2, 1)), x.new_full((2,), 7), x.new_tensor([1, 2])]
    assert {t.dtype.name for t in made} == {"float64"}
    assert [t.tolist() for t in made] == [[0, 0], [[1], [1]], [7, 7], [1, 2]]


def test_a_leaf_is_copied_deeply_with_its_gradient():
    x = torch.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    twin = copy.deepcopy(x)
    assert twin.requires_grad
    assert twin.grad.tolist() == [3.0, 3.0]
    with torch.no_grad():
        twin.add_(1)
    assert x.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="only leaves are deep-copied"):
        copy.deepcopy(x * 2)


def test_a_model_is_copied_deeply():
    model = torch.nn.Linear(2, 2)
    twin = copy.deepcopy(model)
    twin.weight.data.fill_(0)
    assert type(twin.weight) is torch.nn.Parameter
    assert model.weight.array.any()
    assert twin(torch.ones(1, 2)).tolist() == [twin.bias.tolist()]


def test_pickle_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"use research\.save"):
        pickle.dumps(torch.ones(1))


def test_words():
    x = torch.tensor(3.14159, requires_grad=True)
    assert f"{x:.2f}" == "3.14"
    assert repr(x) == "tensor(3.1416, requires_grad=True)"
    assert repr((x * 2).sum()) == "tensor(6.2832, grad_fn=<sum>)"
    assert complex(torch.tensor(2)) == 2 + 0j
