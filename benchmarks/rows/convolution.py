"""Convolution: forward, both gradients, and the sum of the three; images n, c, h, w that lie contiguous."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.row import Library, Prepare, Row, Section, normal

TITLE, GOAL = "convolution", 1.0


@dataclass(frozen=True)
class Shape:
    n: int
    c: int
    size: int
    o: int
    k: int
    stride: int = 1
    groups: int = 1

    @property
    def padding(self) -> int:
        return self.k // 2

    @property
    def out(self) -> int:
        return (self.size + 2 * self.padding - self.k) // self.stride + 1

    def __str__(self) -> str:
        more = f" s{self.stride}" * (self.stride > 1) + f" groups {self.groups}" * (self.groups > 1)
        return f"{self.n},{self.c},{self.size},{self.o},{self.k}{more}"


SHAPES = (
    Shape(64, 1, 28, 16, 5),
    Shape(64, 16, 14, 32, 5),
    Shape(32, 64, 32, 64, 3),
    Shape(32, 128, 16, 128, 3),
    Shape(8, 64, 56, 64, 3),
    Shape(32, 64, 32, 128, 3, stride=2),
    Shape(32, 64, 32, 128, 1),
    Shape(32, 64, 32, 64, 3, groups=64),
)


def _arrays(s: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, weights, and a gradient for the output."""
    depth = s.c // s.groups
    x = normal(s.n, s.c, s.size, s.size)
    w = normal(s.o, depth, s.k, s.k, seed=1) / np.float32(s.k * depth**0.5)
    return x, w, normal(s.n, s.o, s.out, s.out, seed=2)


def _ours(ops: Any, s: Shape, x: Any, w: Any, g: Any) -> dict[str, Callable[[], Any]]:
    stride, padding, dilation = ((v, v) for v in (s.stride, s.padding, 1))
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": s.groups}
    return {
        "forward": lambda: (ops.conv(x, w, **how),),
        "backward data": lambda: (ops.conv_input(g, w, size=(s.size, s.size), **how),),
        "backward weight": lambda: (ops.conv_weight(g, x, kernel=(s.k, s.k), **how),),
    }


def _theirs(torch: Any, s: Shape, x: Any, w: Any, g: Any) -> dict[str, Callable[[], Any]]:
    back, two = torch.ops.aten.convolution_backward, [s.stride] * 2
    how = (None, two, [s.padding] * 2, [1, 1], False, [0, 0], s.groups)
    return {
        "forward": lambda: (torch.nn.functional.conv2d(x, w, None, two, s.padding, 1, s.groups),),
        "backward data": lambda: (back(g, x, w, *how, [True, False, False])[0],),
        "backward weight": lambda: (back(g, x, w, *how, [False, True, False])[1],),
    }


def _prepare(s: Shape, direction: str) -> Prepare:
    def prepare(lib: Library) -> Callable[[], Any]:
        tensors = map(lib.tensor, _arrays(s))
        return (_ours(lib.ops, s, *tensors) if lib.ours else _theirs(lib.torch, s, *tensors))[direction]

    return prepare


def sections() -> list[Section]:
    rows: list[Row] = []
    for s in SHAPES:
        three = [
            Row(TITLE, f"{s} {direction}", "", _prepare(s, direction), GOAL)
            for direction in ("forward", "backward data", "backward weight")
        ]
        rows += [*three, Row(TITLE, f"{s} sum", "", None, GOAL, sum_of=tuple(row.name for row in three))]
    return [Section(f"{TITLE}", rows)]
