"""Matrix products in the shapes of the models, and attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Library, Prepare, Row, Section, forward_and_backward, normal

PRODUCTS, LINEAR, ATTENTION = "matmul forward", "linear forward + backward", "attention forward + backward"

MATMULS = ((64, 1000, 100), (64, 784, 512), (256, 784, 512), (1024, 128, 512), (1024, 1024, 1024))
LINEARS = ((256, 784, 512), (256, 512, 512), (256, 512, 10), (1024, 128, 128), (1024, 128, 512), (1024, 512, 128))
HEADS = ((8, 4, 128, 32),)


def _matmul(n: int, k: int, m: int) -> Prepare:
    def prepare(lib: Library) -> Callable[[], Any]:
        x, w = lib.tensor(normal(n, k)), lib.tensor(normal(k, m, seed=1))
        return lambda: (x @ w,)

    return prepare


def _linear(n: int, k: int, m: int) -> Prepare:
    def prepare(lib: Library) -> Callable[[], Any]:
        arrays = (normal(n, k), normal(m, k, seed=1), normal(m, seed=2))
        inputs = [lib.tensor(array, requires_grad=True) for array in arrays]
        return forward_and_backward(inputs, lib.F.linear, lib.tensor(normal(n, m, seed=3)))

    return prepare


def _attention(*shape: int) -> Prepare:
    def prepare(lib: Library) -> Callable[[], Any]:
        inputs = [lib.tensor(normal(*shape, seed=i), requires_grad=True) for i in range(3)]
        home = lib.ops if lib.ours else lib.F
        attention = home.scaled_dot_product_attention
        gradient = lib.tensor(normal(*shape, seed=3))
        return forward_and_backward(inputs, lambda q, k, v: attention(q, k, v, is_causal=True), gradient)

    return prepare


def sections() -> list[Section]:
    def rows(title: str, prepare: Callable[..., Prepare], shapes: Any, goal: float | None = None) -> list[Row]:
        return [Row(title, "x".join(map(str, shape)), "", prepare(*shape), goal) for shape in shapes]

    return [
        Section(PRODUCTS, rows(PRODUCTS, _matmul, MATMULS)),
        Section(LINEAR, rows(LINEAR, _linear, LINEARS)),
        Section(ATTENTION, rows(ATTENTION, _attention, HEADS, 1.0)),
    ]
