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
    with pytest.raises(ValueError, match="unexpected: v"):
        optim.SGD([("w", w)]).load_state_dict({"settings": {}, "state": {"v": {}}})


MORE_AS_TORCH = [
    ("NAdam", {}),
    ("NAdam", {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "maximize": True}),
    ("Adam", {"maximize": True}),
]


@pytest.mark.parametrize(("name", "settings"), MORE_AS_TORCH + AS_TORCH)
def test_groups_with_settings_of_their_own_are_pytorchs(name, settings):
    pytorch = pytest.importorskip("torch")
    start = [np.random.default_rng(i).normal(size=(3, 2)) for i in range(3)]

    def trained(lib, make):
        ps = [lib.tensor(a.copy(), requires_grad=True) for a in start]
        optimizer = make([{"params": ps[:2]}, {"params": ps[2:], "lr": 0.02, "weight_decay": 0.2}], **settings)
        for _ in range(30):
            optimizer.zero_grad()
            (ps[0] @ ps[1].t() - ps[2] @ ps[0].t()).sin().sum().backward()
            if settings.get("maximize"):
                for p in ps:
                    p.grad.mul_(-1)
            optimizer.step()
        return [p.detach().numpy() for p in ps]

    ours, theirs = trained(torch, getattr(optim, name)), trained(pytorch, getattr(pytorch.optim, name))
    for p, q in zip(ours, theirs, strict=True):
        rtol = 1e-6 if name == "NAdam" else 1e-9  # PyTorch keeps the product of NAdam's momenta in float32
        np.testing.assert_allclose(p, q, rtol=rtol, atol=1e-12)


def rosenbrock(lib, make, steps):
    w = lib.tensor([-1.5, 2.0], dtype=lib.float64, requires_grad=True)
    optimizer = make([w])

    def closure():
        optimizer.zero_grad()
        loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
        loss.backward()
        return loss

    losses = [
        float(optimizer.step(closure).detach()) if lib is not torch else optimizer.step(closure) for _ in range(steps)
    ]
    return w.detach().numpy(), losses


def test_lbfgs_without_a_line_search_is_pytorchs():
    pytorch = pytest.importorskip("torch")
    settings = {"lr": 0.01, "max_iter": 5, "history_size": 3}
    ours, losses = rosenbrock(torch, lambda p: optim.LBFGS(p, **settings), 4)
    theirs, expected = rosenbrock(pytorch, lambda p: pytorch.optim.LBFGS(p, **settings), 4)
    np.testing.assert_allclose(losses, expected, rtol=1e-8)
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)


def test_lbfgs_with_a_line_search_finds_the_valley():
    w, losses = rosenbrock(torch, lambda p: optim.LBFGS(p, line_search_fn="strong_wolfe"), 4)
    np.testing.assert_allclose(w, [1, 1], rtol=1e-4)
    assert losses == sorted(losses, reverse=True)


def test_lbfgs_goes_on_from_its_state(tmp_path):
    def run(interrupted):
        w = torch.tensor([-1.5, 2.0], dtype=torch.float64, requires_grad=True)
        optimizer = optim.LBFGS([w], line_search_fn="strong_wolfe", max_iter=4)

        def closure():
            w.grad = None
            loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
            loss.backward()
            return loss

        for step in range(4):
            if interrupted and step == 2:
                torch.save(optimizer.state_dict(), tmp_path / "state")
                optimizer = optim.LBFGS([w])
                optimizer.load_state_dict(torch.load(tmp_path / "state"))
            optimizer.step(closure)
        return w.tolist()

    assert run(True) == run(False)


def test_lbfgs_says_what_it_needs():
    w = torch.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="needs a closure"):
        optim.LBFGS([w]).step()
    with pytest.raises(ValueError, match="as one group; got 2"):
        optim.LBFGS([{"params": [w]}, {"params": [torch.ones(1, requires_grad=True)]}])
    with pytest.raises(ValueError, match="None or 'strong_wolfe'; got 'brent'"):
        optim.LBFGS([w], line_search_fn="brent")


def named(*names):
    return {
        name: torch.full((2,), float(i + 1), dtype=torch.float64, requires_grad=True) for i, name in enumerate(names)
    }


def test_state_finds_its_parameter_by_name_in_another_order():
    first = named("a", "b")
    optimizer = optim.Adam(first.items(), lr=0.1)
    first["a"].grad, first["b"].grad = torch.full((2,), 1.0).double(), torch.full((2,), -9.0).double()
    optimizer.step()
    turned = dict(reversed(named("a", "b").items()))
    other = optim.Adam(turned.items())
    other.load_state_dict(optimizer.state_dict())
    assert other.names() == ["b", "a"]
    assert other.param_groups[0]["lr"] == 0.1
    for name in ("a", "b"):
        np.testing.assert_array_equal(other.state[name]["mean"], optimizer.state[name]["mean"])


def test_a_state_that_does_not_fit_is_refused_whole():
    saved = optim.Adam(named("a", "b").items(), lr=0.5)
    saved.state = {"a": {"mean": np.zeros(3)}}
    other = optim.Adam(named("a", "c").items(), lr=0.1)
    with pytest.raises(
        ValueError, match=r"another shape: a is \(2,\), its mean is \(3,\)\n.*missing: c\n.*unexpected: b"
    ):
        other.load_state_dict(saved.state_dict())
    assert other.param_groups[0]["lr"] == 0.1
    assert other.state == {}
    grouped = optim.Adam([{"params": [("a", named("a")["a"])]}, {"params": [("c", named("c")["c"])]}])
    with pytest.raises(ValueError, match="grouped otherwise: a, c"):
        grouped.load_state_dict(other.state_dict())


def test_the_state_is_what_save_takes(tmp_path):
    w = named("w")
    optimizer = optim.AdamW(w.items(), betas=(0.5, 0.6))
    w["w"].grad = torch.ones(2).double()
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "state")
    other = optim.AdamW(w.items())
    other.load_state_dict(torch.load(tmp_path / "state"))
    assert other.param_groups[0]["betas"] == (0.5, 0.6)
    np.testing.assert_array_equal(other.state["w"]["mean"], optimizer.state["w"]["mean"])
    other.step()


def test_groups_are_checked():
    w, v = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.add_param_group({"params": v, "lr": 0.5})
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5]
    assert "group 1: 1 parameters of 1 values" in repr(optimizer)
    with pytest.raises(ValueError, match="stands in an optimizer once; 2 came twice"):
        optimizer.add_param_group({"params": [w]})
    with pytest.raises(ValueError, match="SGD has no setting 'beta'; it takes lr, momentum"):
        optimizer.add_param_group({"params": [torch.ones(1, requires_grad=True)], "beta": 1})
    with pytest.raises(ValueError, match=r"betas are at least 0 and below 1; got betas=\(2, 3\)"):
        optim.Adam([{"params": [w], "betas": (2, 3)}])
    with pytest.raises(ValueError, match="a group of parameters needs at least one"):
        optimizer.add_param_group({"params": []})
    assert len(optimizer.param_groups) == 2


def test_a_closure_and_hooks():
    w, seen = torch.ones(1, requires_grad=True), []
    optimizer = optim.SGD([w], lr=0.1)
    before = optimizer.register_step_pre_hook(lambda o: seen.append(("before", w.item())))
    optimizer.register_step_post_hook(lambda o: seen.append(("after", round(w.item(), 6))))

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure).item() == 1.0
    before.remove()
    optimizer.step(closure)
    assert seen == [("before", 1.0), ("after", 0.8), ("after", 0.64)]


def test_gradients_accumulate_to_those_of_the_whole_batch():
    w, x = torch.randn(4, dtype=torch.float64, requires_grad=True), torch.randn(12, 4, dtype=torch.float64)
    ((x @ w) ** 2).sum().backward()
    whole, w.grad = w.grad, None
    for part in x.chunk(3):
        ((part @ w) ** 2).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), whole.numpy(), rtol=1e-12)


def test_clip_grad_value():
    w = torch.zeros(3, requires_grad=True)
    w.grad = torch.tensor([-5.0, 0.5, 5.0])
    torch.nn.utils.clip_grad_value_([w], 1.0)
    assert w.grad.tolist() == [-1.0, 0.5, 1.0]
