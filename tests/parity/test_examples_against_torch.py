"""The examples with their imports changed run on PyTorch, and a hundred steps of training give the same losses."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import research

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
NAMES = ["mlp", "lenet", "resnet", "char_lstm", "gpt", "vae"]
OPTIMIZERS = {
    "SGD": {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-3},
    "Adam": {"lr": 1e-3},
    "AdamW": {"lr": 1e-3, "weight_decay": 0.1},
}
STEPS = 100
ROWS = 8


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Each example's module, under `research` as it stands and under `torch` with its imports changed."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("torch_examples")
    for file in EXAMPLES.glob("*.py"):
        source = file.read_text().replace("import research as torch", "import torch")
        (folder / file.name).write_text(source.replace("from research", "from torch"))
    return {"research": imported(EXAMPLES), "torch": imported(folder)}


def imported(folder):
    every = {file.stem for file in EXAMPLES.glob("*.py")}
    sys.path.insert(0, str(folder))
    try:
        for name in every:
            sys.modules.pop(name, None)
        return {name: importlib.import_module(name) for name in NAMES}
    finally:
        sys.path.remove(str(folder))
        for name in every:
            sys.modules.pop(name, None)


def small(name, module):
    """The example's model, small enough for a hundred steps of float64 to take a second."""
    return {
        "mlp": lambda: module.MLP(hidden=32),
        "lenet": lambda: module.LeNet(channels=(3, 4), hidden=(20, 12)),
        "resnet": lambda: module.ResNet(width=4),
        "char_lstm": lambda: module.CharLSTM(11, width=6, hidden=10),
        "gpt": lambda: module.GPT(11, length=12, width=16, heads=2, layers=2),
        "vae": lambda: module.VAE(hidden=16, latent=3),
    }[name]()


def batches(name):
    """The arrays of each step's batch."""
    rng = np.random.default_rng(1)
    side = {"lenet": 28, "resnet": 16}.get(name, 8)
    for _ in range(STEPS):
        if name in ("char_lstm", "gpt"):
            yield rng.integers(0, 11, (ROWS, 13))
        elif name == "vae":
            yield rng.random((ROWS, 1, 8, 8)), rng.standard_normal((ROWS, 3))
        else:
            yield rng.random((ROWS, 1, side, side)), rng.integers(0, 10, ROWS)


def losses(library, module, model, name, optimizer):
    found = []
    for arrays in batches(name):
        batch = [library.from_numpy(a) for a in arrays] if isinstance(arrays, tuple) else library.from_numpy(arrays)
        optimizer.zero_grad()
        loss = module.loss_of(model, batch)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("name", NAMES)
def test_a_hundred_steps_stay_within_a_billionth(examples, name, kind):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = small(name, examples["torch"][name]).double()
    ours = small(name, examples["research"][name]).double()
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    settings = OPTIMIZERS[kind]
    optimizer = getattr(torch.optim, kind)(theirs.parameters(), **settings)
    said = losses(torch, examples["torch"][name], theirs, name, optimizer)
    optimizer = getattr(research.optim, kind)(ours.parameters(), **settings)
    np.testing.assert_allclose(losses(research, examples["research"][name], ours, name, optimizer), said, rtol=1e-9)
    assert said[-1] != said[0]
