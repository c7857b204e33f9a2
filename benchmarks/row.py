"""A row: one thing that both libraries can do, ready to be timed in either's process.

Importing the rows loads neither library, so that the program that asks the processes can list them.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Library:
    """What a row has to work with in one process: `torch` is PyTorch or, under the same names, `research`."""

    name: str  # "ours" or "torch"
    torch: Any
    ops: Any = None  # our op table; None in PyTorch's process

    @property
    def ours(self) -> bool:
        return self.name == "ours"

    @property
    def F(self) -> Any:
        return self.torch.nn.functional

    def tensor(self, array: np.ndarray, requires_grad: bool = False) -> Any:
        tensor = self.torch.from_numpy(array)
        return tensor.requires_grad_() if requires_grad else tensor


Prepare = Callable[[Library], Callable[[], Any]]


@dataclass(frozen=True)
class Row:
    """`prepare` makes the inputs and gives what is timed: a function that returns the tensors it computed."""

    section: str
    part: str  # rows of one part are judged together, by the geometric mean of their ratios
    size: str  # tells the rows of a part apart; may be empty
    prepare: Prepare | None  # None for a sum of other rows
    goal: float | None = None  # of the part: PyTorch's time over ours
    calls: int = 1  # ops in one call of what is timed
    sum_of: tuple[str, ...] = ()  # the names of rows whose times this one adds up
    memory: str = ""  # "step" or "process": the greatest resident memory of that is measured, not the time

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.section + ":", self.part, self.size)))


@dataclass(frozen=True)
class Section:
    """Rows under one heading, with a goal for the geometric mean of all its parts."""

    name: str
    rows: Sequence[Row] = field(default=())
    goal: float | None = None


def chosen(sections: Iterable[Section], pattern: str | None) -> list[Section]:
    """The sections with only the rows whose name has the pattern in it; `*` stands for anything."""
    if not pattern:
        return list(sections)
    every = list(sections)
    wanted = f"*{pattern.lower()}*"
    names = {row.name for s in every for row in s.rows if fnmatch.fnmatch(row.name.lower(), wanted)}
    names |= {part for s in every for row in s.rows if row.name in names for part in row.sum_of}
    kept = [Section(s.name, [row for row in s.rows if row.name in names], s.goal) for s in every]
    return [section for section in kept if section.rows]


# inputs -----------------------------------------------------------------------------------------------------------
def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """The same float32 values in both processes."""
    return draw(seed).standard_normal(shape, dtype=np.float32)


def whole(below: int, *shape: int, seed: int = 0) -> np.ndarray:
    return draw(seed).integers(0, below, shape)


def forward_and_backward(inputs: Sequence[Any], function: Callable[..., Any], gradient: Any = None) -> Callable:
    """What computes function(*inputs), and from a gradient those of all inputs that require one."""
    wanted = [x for x in inputs if x.requires_grad]

    def step() -> Any:
        for x in wanted:
            x.grad = None
        out = function(*inputs)
        out.backward() if gradient is None else out.backward(gradient)
        return (out, *(x.grad for x in wanted))

    return step
