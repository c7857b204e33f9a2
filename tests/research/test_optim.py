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
}


def by_hand(name, w, steps=5):
    """The same updates, written as the papers and PyTorch's documentation have them."""
    m, v = 0.0, 0.0
    for t in range(1, steps + 1):
        g = 2 * w + (0.1 * w if name in ("sgd", "adam") else 0)
        if name == "sgd":
            w = w - 0.1 * g
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
