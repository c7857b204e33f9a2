"""Models and their training steps, written once: `torch` is PyTorch or, under the same names, `research`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Library, draw, normal, whole

VOCABULARY = 65  # the characters of a text


# what a step needs --------------------------------------------------------------------------------------------------
def start_alike(torch: Any, model: Any) -> None:
    """The same weights in both libraries, from one seed: by name, since the order may differ."""
    rng = draw(7)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            values = rng.standard_normal(tuple(p.shape), dtype="float32")
            if len(p.shape) > 1:
                values *= 1 / math.sqrt(math.prod(p.shape[1:]))  # of what an output is summed over
            else:
                values = 0.1 * values + (1 if name.endswith("weight") else 0)
            p.copy_(torch.from_numpy(values))


def classifier_step(lib: Library, model: Any, optimiser: Any, x: Any, labels: Any) -> Callable[[], Any]:
    """One training step on one batch of scores (..., classes) and labels (...); it gives the loss."""
    cross_entropy = lib.F.cross_entropy

    def step() -> Any:
        optimiser.zero_grad()
        scores = model(x)
        loss = cross_entropy(scores.reshape(-1, scores.shape[-1]), labels)
        loss.backward()
        optimiser.step()
        return (loss,)

    return step


# the models ---------------------------------------------------------------------------------------------------------
def two_layers(lib: Library, out: int, learning_rate: float) -> Callable[[], Any]:
    """The net of many first lessons: 64 rows, 1000 wide, 100 hidden, gradient descent by hand."""
    torch = lib.torch
    x, y = lib.tensor(normal(64, 1000)), lib.tensor(normal(64, out, seed=1))
    w1 = lib.tensor(normal(1000, 100, seed=2), requires_grad=True)
    w2 = lib.tensor(normal(100, out, seed=3), requires_grad=True)

    def step() -> Any:
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            w1.sub_(learning_rate * w1.grad)
            w2.sub_(learning_rate * w2.grad)
        w1.grad = w2.grad = None
        return (loss,)

    return step


def mlp(lib: Library) -> Callable[[], Any]:
    """784-512-512-10, 256 rows, SGD."""
    nn = lib.torch.nn
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    start_alike(lib.torch, model)
    optimiser = lib.torch.optim.SGD(model.parameters(), lr=0.01)
    return classifier_step(lib, model, optimiser, lib.tensor(normal(256, 784)), lib.tensor(whole(10, 256)))


def lenet(lib: Library) -> Callable[[], Any]:
    """LeNet-5 with ReLU and max pooling, 64 images of 28x28, SGD with momentum."""
    nn = lib.torch.nn
    features = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    features += [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    head = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    model = nn.Sequential(*features, *head)
    start_alike(lib.torch, model)
    optimiser = lib.torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return classifier_step(lib, model, optimiser, lib.tensor(normal(64, 1, 28, 28)), lib.tensor(whole(10, 64)))


def resnet(lib: Library) -> Callable[[], Any]:
    """16, 32 and 64 channels, a block each (He et al. 2016), 32 images of 32x32, SGD with momentum."""
    nn, relu = lib.torch.nn, lib.F.relu

    class Block(nn.Module):
        def __init__(self, c: int, o: int, stride: int):
            super().__init__()
            self.first = nn.Conv2d(c, o, 3, stride=stride, padding=1, bias=False)
            self.first_norm = nn.BatchNorm2d(o)
            self.second = nn.Conv2d(o, o, 3, padding=1, bias=False)
            self.second_norm = nn.BatchNorm2d(o)
            self.short = nn.Conv2d(c, o, 1, stride=stride, bias=False) if c != o else nn.Identity()

        def forward(self, x: Any) -> Any:
            h = relu(self.first_norm(self.first(x)))
            return relu(self.second_norm(self.second(h)) + self.short(x))

    class ResNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.stem_norm = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
            self.stages = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
            self.head = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            h = self.stages(relu(self.stem_norm(self.stem(x))))
            return self.head(h.mean((2, 3)))

    model = ResNet()
    start_alike(lib.torch, model)
    optimiser = lib.torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return classifier_step(lib, model, optimiser, lib.tensor(normal(32, 3, 32, 32)), lib.tensor(whole(10, 32)))


def character_lstm(lib: Library) -> Callable[[], Any]:
    """An LSTM of 256 over 64 characters, 32 texts, Adam."""
    nn = lib.torch.nn

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, 64)
            self.lstm = nn.LSTM(64, 256, batch_first=True)
            self.head = nn.Linear(256, VOCABULARY)

        def forward(self, ids: Any) -> Any:
            return self.head(self.lstm(self.embedding(ids))[0])

    return _text_step(lib, Reader(), lib.torch.optim.Adam, rows=32, length=64)


def transformer(lib: Library) -> Callable[[], Any]:
    """Four pre-norm layers, 128 wide, 4 heads, 8 texts of 128 characters, AdamW (Radford et al. 2019, made small)."""
    nn, F, width, heads, length = lib.torch.nn, lib.F, 128, 4, 128

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
            self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
            self.joined = nn.Linear(width, width)
            self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def heads_of(self, h: Any) -> Any:
            return h.reshape(h.shape[0], length, heads, width // heads).transpose(1, 2)

        def forward(self, x: Any) -> Any:
            h = self.norm(x)
            q, k, v = (self.heads_of(part(h)) for part in (self.query, self.key, self.value))
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
            x = x + self.joined(mixed.reshape(x.shape[0], length, width))
            return x + self.narrow(F.gelu(self.wide(self.mlp_norm(x))))

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.characters, self.places = nn.Embedding(VOCABULARY, width), nn.Embedding(length, width)
            self.layers = nn.Sequential(*(Layer() for _ in range(4)))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, VOCABULARY)
            self.order = lib.tensor(np.arange(length))

        def forward(self, ids: Any) -> Any:
            return self.head(self.norm(self.layers(self.characters(ids) + self.places(self.order))))

    return _text_step(lib, Transformer(), lib.torch.optim.AdamW, rows=8, length=length)


def _text_step(lib: Library, model: Any, optimiser: Any, rows: int, length: int) -> Callable[[], Any]:
    """Training to tell the next character."""
    text = whole(VOCABULARY, rows, length + 1)
    start_alike(lib.torch, model)
    ids, following = lib.tensor(text[:, :-1].copy()), lib.tensor(text[:, 1:].reshape(-1))
    return classifier_step(lib, model, optimiser(model.parameters(), lr=1e-3), ids, following)


# name: (how to build its step, the goal)
MODELS: dict[str, tuple[Callable[[Library], Callable[[], Any]], float]] = {
    "two layers 64x1000x100x10": (functools.partial(two_layers, out=10, learning_rate=1e-6), 1.6),
    "two layers 64x1000x100x1000": (functools.partial(two_layers, out=1000, learning_rate=1e-7), 1.6),
    "MLP 784-512-512-10, batch 256": (mlp, 1.6),
    "LeNet 28x28, batch 64": (lenet, 1.2),
    "ResNet 16-32-64 32x32, batch 32": (resnet, 1.2),
    "LSTM 256, 64 steps, batch 32": (character_lstm, 1.2),
    "transformer 4x128, 128 tokens, batch 8": (transformer, 1.2),
}
