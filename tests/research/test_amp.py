"""Mixed precision: which ops are cast, that models learn, and that infinite gradients are passed over."""

import threading

import numpy as np
import pytest

import research as torch
from research import nn, optim
from research.amp import GradScaler, autocast, is_autocast_enabled

OPS = {
    "matmul": lambda lib, x: x @ x,
    "linear": lambda lib, x: lib.nn.functional.linear(x, x, x[0]),
    "conv": lambda lib, x: lib.nn.functional.conv1d(x[None], x[:, :, None]),
    "sum": lambda lib, x: (x @ x).sum(),
    "softmax": lambda lib, x: lib.nn.functional.softmax(x @ x, dim=1),
    "exp": lambda lib, x: (x @ x).exp(),
    "relu": lambda lib, x: lib.nn.functional.relu(x @ x),
    "add": lambda lib, x: (x @ x) + x,
    "add of halves": lambda lib, x: (x @ x) + (x @ x),
    "loss": lambda lib, x: lib.nn.functional.mse_loss(x @ x, x),
    "layer norm": lambda lib, x: lib.nn.functional.layer_norm(x @ x, (4,)),
    "attention": lambda lib, x: lib.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None]),
}


def dtype_of(tensor):
    return str(tensor.dtype).removeprefix("torch.")


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("low", ["bfloat16", "float16"])
def test_dtypes_are_pytorchs(name, low):
    theirs = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    with theirs.autocast("cpu", dtype=getattr(theirs, low)):
        expected = OPS[name](theirs, theirs.from_numpy(x))
    with autocast("cpu", dtype=getattr(torch, low)):
        out = OPS[name](torch, torch.from_numpy(x))
    same = {"softmax": "float32", "exp": "float32", "layer norm": "float32", "sum": "float32"}  # where more digits stay
    assert dtype_of(out) == same.get(name, dtype_of(expected))
    np.testing.assert_allclose(out.float().numpy(), expected.float().numpy(), rtol=0.05, atol=0.05)


def test_gradients_come_back_in_the_parameters_dtype():
    layer = nn.Linear(4, 3)
    with autocast():
        layer(torch.randn(2, 4)).sum().backward()
    assert layer.weight.grad.dtype == np.float32


def test_it_is_a_block_a_decorator_and_can_be_off():
    x = torch.randn(2, 2)
    with autocast():
        assert (x @ x).dtype == torch.bfloat16
        with autocast(enabled=False):
            assert (x @ x).dtype == np.float32
        with autocast(dtype=torch.float16):
            assert (x @ x).dtype == np.float16
        assert (x @ x).dtype == torch.bfloat16
    assert not is_autocast_enabled()
    assert autocast()(lambda: (x @ x).dtype)() == torch.bfloat16
    assert (x @ x).dtype == np.float32


def test_other_threads_are_not_cast():
    x, seen = torch.randn(2, 2), []
    with autocast():
        thread = threading.Thread(target=lambda: seen.append((x @ x).dtype))
        thread.start()
        thread.join()
    assert seen == [np.float32]


def test_float64_and_whole_numbers_stay():
    with autocast():
        assert (torch.ones(2, 2).double() @ torch.ones(2, 2).double()).dtype == np.float64
        assert (torch.ones(2, 2).long() + 1).dtype == np.int64


@pytest.mark.parametrize(("dtype", "scaled"), [("bfloat16", False), ("float16", True)])
def test_a_model_learns(dtype, scaled):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer, scaler = optim.Adam(model.parameters(), lr=0.01), GradScaler(enabled=scaled, init_scale=1024.0)
    x = torch.rand(64, 2)
    y = (x[:, :1] * x[:, 1:]).detach()
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        with autocast(dtype=getattr(torch, dtype)):
            loss = nn.functional.mse_loss(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 10


def scaled_step(scaler, gradient):
    w = torch.ones(2, requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    w.grad = torch.tensor(gradient)
    scaler.step(optimizer)
    scaler.update()
    return w.tolist()


def test_a_step_with_an_infinite_gradient_is_passed_over():
    scaler = GradScaler(init_scale=8.0, growth_interval=2)
    assert scaled_step(scaler, [8.0, float("inf")]) == [1.0, 1.0]
    assert scaler.get_scale() == 4.0
    assert scaled_step(scaler, [4.0, 8.0]) == [0.0, -1.0]
    assert scaler.get_scale() == 4.0
    scaled_step(scaler, [4.0, 8.0])
    assert scaler.get_scale() == 8.0


def test_gradients_are_unscaled_once_for_clipping():
    scaler = GradScaler(init_scale=4.0)
    w = torch.ones(1, requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    scaler.scale((w * 3).sum()).backward()
    scaler.unscale_(optimizer)
    assert w.grad.tolist() == [3.0]
    with pytest.raises(RuntimeError, match="once is enough"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    assert w.tolist() == [-2.0]
    scaler.update()
    with pytest.raises(RuntimeError, match="no step was taken since"):
        scaler.update()


def test_a_scaler_goes_on_from_its_state(tmp_path):
    scaler = GradScaler(init_scale=8.0, growth_interval=2)
    scaled_step(scaler, [1.0, 1.0])
    torch.save(scaler.state_dict(), tmp_path / "state")
    other = GradScaler()
    other.load_state_dict(torch.load(tmp_path / "state"))
    scaled_step(other, [1.0, 1.0])
    assert other.get_scale() == 16.0


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match="casts to bfloat16 or float16; got float32"):
        autocast(dtype=torch.float32)
    with pytest.raises(ValueError, match="'cpu' or 'cuda'; got 'tpu'"):
        autocast("tpu")
    with pytest.raises(ValueError, match=r"backoff_factor between 0 and 1; got 2\.0, 1\.5"):
        GradScaler(backoff_factor=1.5)
