import numpy as np
import pytest

import research as torch
from research import optim


def trained(make, steps=5, state_at=None):
    """The parameter after some steps down w**2; with state_at, through a new optimizer from there on."""
    w = torch.tensor([1.0, -2.0], dtype="float64", requires_grad=True)
    optimizer = make([("w", w)])
    for step in range(steps):
        if step == state_at:
            state = optimizer.state_dict()
            optimizer = make([("w", w)])
            optimizer.load_state_dict(state)
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
    return w.detach().numpy()


MAKERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, weight_decay=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.1, weight_decay=0.1),
    "lion": lambda p: optim.Lion(p, lr=0.1, betas=(0.8, 0.9), weight_decay=0.1),
    "lamb": lambda p: optim.Lamb(p, lr=0.1, weight_decay=0.1),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.5),
}


def by_hand(name, w, steps=5):
    """The same updates, written as the papers and PyTorch's documentation have them."""
    m, v = 0.0, 0.5 if name == "adagrad" else 0.0
    for t in range(1, steps + 1):
        g = 2 * w + (0.1 * w if name in ("sgd", "adam") else 0)
        if name == "sgd":
            w = w - 0.1 * g
        elif name == "lion":
            w = w - 0.1 * (np.sign(0.8 * m + 0.2 * g) + 0.1 * w)
            m = 0.9 * m + 0.1 * g
        elif name == "lamb":
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            r = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-6) + 0.1 * w
            w = w - 0.1 * np.linalg.norm(w) / np.linalg.norm(r) * r
        elif name == "adagrad":
            v = v + g * g
            w = w - 0.1 * g / (np.sqrt(v) + 1e-10)
        elif name == "adam":
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            w = w - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        else:
            m = g if t == 1 else 0.9 * m + (0.5 if name == "momentum" else 1) * g
            w = w - 0.1 * (g + 0.9 * m if name == "nesterov" else m)
    return w


@pytest.mark.parametrize("name", MAKERS)
def test_updates_are_the_papers(name):
    np.testing.assert_allclose(trained(MAKERS[name]), by_hand(name, np.array([1.0, -2.0])), rtol=1e-12)


@pytest.mark.parametrize("name", MAKERS)
def test_state_resumes_to_the_bit(name):
    np.testing.assert_array_equal(trained(MAKERS[name], state_at=3), trained(MAKERS[name]))


AS_TORCH = [
    ("SGD", {"lr": 0.1, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9, "weight_decay": 0.1}),
    ("RMSprop", {"centered": True, "alpha": 0.9, "eps": 1e-3}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "eps": 1e-3}),
    ("Adagrad", {}),
    ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "settings"), AS_TORCH)
def test_twenty_steps_are_pytorchs(name, settings, dtype):
    """Parameters of many shapes; one of them has no gradient in some of the steps."""
    pytorch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start = [rng.normal(size=shape).astype(dtype) for shape in [(), (3,), (0, 2), (7, 11), (2, 3, 4), (40000,)]]
    ours = [torch.tensor(a.copy(), requires_grad=True) for a in start]
    theirs = [pytorch.tensor(a, requires_grad=True) for a in start]
    optimizer, other = getattr(optim, name)(ours, **settings), getattr(pytorch.optim, name)(theirs, **settings)
    for step in range(20):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            g = rng.normal(size=p.shape).astype(dtype)
            silent = i == 3 and step % 3 == 0
            p.grad, q.grad = (None, None) if silent else (torch.tensor(g), pytorch.tensor(g))
        optimizer.step()
        other.step()
    rtol, atol = (1e-4, 1e-5) if dtype == "float32" else (1e-10, 1e-12)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=rtol, atol=atol)


def test_backward_notices_a_step():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    w.grad = torch.ones(2)
    loss = (w * w).sum()
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="changed"):
        loss.backward()


def test_a_loaded_state_is_its_own():
    w = torch.tensor([1.0], requires_grad=True)
    first, second = optim.Adam([w]), optim.Adam([w])
    w.grad = torch.ones(1)
    first.step()
    second.load_state_dict(first.state_dict())
    before = first.state["0"]["mean"].copy()
    second.step()
    np.testing.assert_array_equal(first.state["0"]["mean"], before)


def test_clipping_is_pytorchs():
    pytorch = pytest.importorskip("torch")
    for norm_type in (2.0, float("inf"), 3.0):
        ours = [torch.ones(n, requires_grad=True) for n in (3, 5)]
        theirs = [pytorch.ones(n, requires_grad=True) for n in (3, 5)]
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            p.grad, q.grad = torch.ones(p.shape) * (i + 1), pytorch.ones(q.shape) * (i + 1)
        norm = optim.clip_grad_norm_([*ours, torch.ones(1, requires_grad=True)], 0.7, norm_type)
        want = pytorch.nn.utils.clip_grad_norm_(theirs, 0.7, norm_type)
        np.testing.assert_allclose(norm.item(), want.item(), rtol=1e-6)
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-6)


def test_clipping_gradients_that_share_memory():
    a, b = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    (a + b).sum().backward()
    assert optim.clip_grad_norm_([a, b], 1.0).item() == pytest.approx(8**0.5)
    np.testing.assert_allclose(a.grad.numpy(), 8**-0.5, rtol=1e-5)
    np.testing.assert_allclose(b.grad.numpy(), 8**-0.5, rtol=1e-5)


def test_words_for_wrong_settings():
    w = torch.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="at least one parameter"):
        optim.SGD([])
    with pytest.raises(ValueError, match="nesterov needs momentum"):
        optim.SGD([w], nesterov=True)
    with pytest.raises(ValueError, match="not negative; got lr=-1"):
        optim.Adam([w], lr=-1)
    with pytest.raises(TypeError, match="changes leaf tensors"):
        optim.SGD([w * 2])
    with pytest.raises(ValueError, match="the state has parameter 'v'"):
        optim.SGD([("w", w)]).load_state_dict({"settings": {}, "state": {"v": {}}})
