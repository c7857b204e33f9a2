"""Common kernels compiled ahead of their first use, by using them: `lockstep doctor --warm`.

Numba compiles a kernel at its first call and keeps it on disk; that takes a minute for all of these, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from research import nn, optim
from research.creation import tensor
from research.nn import functional as F
from research.tensor import Tensor
from shared_ops.op import REGISTRY

FEW, MANY = (4, 16), (300, 512)  # below and above the size from which kernels use several threads


def warm() -> Iterator[str]:
    """Compile, one part after the other; gives the name of each part that is done."""
    for name, part in PARTS.items():
        part()
        yield name


def _numbers(*shape: int) -> Tensor:
    return tensor(np.random.default_rng(0).uniform(0.1, 0.9, shape).astype("float32"))


def _labels(*shape: int, classes: int = 10) -> Tensor:
    return tensor(np.random.default_rng(0).integers(0, classes, shape))


def _elementwise() -> None:
    for shape in (FEW, MANY):
        x, y = _numbers(*shape).requires_grad_(), _numbers(*shape).requires_grad_()
        row = _numbers(shape[-1]).requires_grad_()
        for name in ("relu", "tanh", "sigmoid", "exp", "log", "sqrt", "gelu", "silu", "softplus", "leaky_relu", "abs"):
            REGISTRY[name](x).sum().backward()
        for name in ("add", "sub", "mul", "div", "maximum", "minimum"):
            for other in (y, row, 0.5):
                REGISTRY[name](x, other).sum().backward()
        ((x - y) ** 2).mean().backward()
        x.clamp(min=0.2).sum().backward()


def _train(model: nn.Module, x: Tensor, labels: Tensor, optimizer: Callable = optim.SGD) -> None:
    steps = optimizer(model.parameters(), lr=0.01)
    for _ in range(2):  # the second has state
        steps.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        steps.step()


def _dense_layers() -> None:
    for batch, width in ((8, 16), (128, 512)):
        labels = _labels(batch)
        for optimizer in (optim.SGD, optim.Adam, optim.AdamW):
            model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
            _train(model, _numbers(batch, 64), labels, optimizer)


def _convolution() -> None:
    for batch in (2, 32):
        labels = _labels(batch)
        model = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(),
            nn.AvgPool2d(2), nn.Flatten(), nn.Linear(1152, 10),
        )  # fmt: skip
        _train(model, _numbers(batch, 1, 28, 28), labels)


PARTS: dict[str, Callable[[], None]] = {
    "elementwise ops": _elementwise,
    "dense layers and optimisers": _dense_layers,
    "convolution and pooling": _convolution,
}
