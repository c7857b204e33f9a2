"""What an op costs before it computes anything: chains of one op on 16 elements, while the tape records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Library, Row, Section, normal

OPS = 48  # in one call, so that reading the clock does not count

# name: (function of the library and two tensors, how many in a chain before the values would overflow)
CHAINS: dict[str, tuple[Callable[[Any, Any, Any], Any], int]] = {
    "add": (lambda t, x, y: x + y, OPS),
    "mul": (lambda t, x, y: x * y, OPS),
    "mul by a number": (lambda t, x, y: x * 1.001, OPS),
    "sub": (lambda t, x, y: x - y, OPS),
    "div": (lambda t, x, y: x / y, OPS),
    "relu": (lambda t, x, y: t.relu(x), OPS),
    "tanh": (lambda t, x, y: t.tanh(x), OPS),
    "sigmoid": (lambda t, x, y: t.sigmoid(x), OPS),
    "exp": (lambda t, x, y: t.exp(x), 4),
    "matmul 4x4": (lambda t, x, y: x @ y, OPS),
    "sum": (lambda t, x, y: x.sum(), 1),
}


def _inputs(lib: Library, name: str) -> tuple[Any, Any]:
    """x, and a y that leaves its size about as it is."""
    x = normal(4, 4) - np.float32(10 if name == "exp" else 0)
    y = np.eye(4, dtype=np.float32)[::-1] if name == "matmul 4x4" else 1 + 0.01 * normal(4, 4, seed=1)
    return lib.tensor(x, requires_grad=True), lib.tensor(np.ascontiguousarray(y))


def _forward(name: str) -> Callable[[Library], Callable[[], Any]]:
    function, length = CHAINS[name]

    def prepare(lib: Library) -> Callable[[], Any]:
        torch = lib.torch
        x, y = _inputs(lib, name)

        def step() -> Any:
            for _ in range(OPS // length):
                out = x
                for _ in range(length):
                    out = function(torch, out, y)
            return (out,)

        return step

    return prepare


def _both(name: str) -> Callable[[Library], Callable[[], Any]]:
    function, length = CHAINS[name]

    def prepare(lib: Library) -> Callable[[], Any]:
        torch = lib.torch
        x, y = _inputs(lib, name)
        gradient = lib.tensor(np.ones(() if name == "sum" else (4, 4), np.float32))

        def step() -> Any:
            x.grad = None
            for _ in range(OPS // length):
                out = x
                for _ in range(length):
                    out = function(torch, out, y)
                out.backward(gradient)
            return (out, x.grad)

        return step

    return prepare


def sections() -> list[Section]:
    found = []
    for title, prepare in (("tiny forward", _forward), ("tiny forward + backward", _both)):
        rows = [Row(title, name, "", prepare(name), calls=OPS) for name in CHAINS]
        found.append(Section(title, rows, goal=1.3))
    return found
