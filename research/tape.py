"""The tape: what was applied to what, kept only as far as gradients need it."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence
from typing import Any

from shared_ops.op import Op

next_order = itertools.count().__next__


class Step:
    """One applied op: where its inputs' gradients go, and the arrays that its gradient rule names.

    A step knows the steps before it, never the tensors: a value that no rule asks for is freed at once.
    """

    __slots__ = ("__weakref__", "attrs", "input_specs", "line", "op", "order", "parents", "pattern", "saved")

    op: Op
    order: int
    parents: Sequence[Any]  # per input: the step and output that its gradient goes to, or None
    input_specs: tuple[Any, ...] | None  # None where every input has the shape and dtype of the output
    attrs: dict[str, Any]
    pattern: int | None  # for ops on elements of one shape, what came as what: see `research.eager`
    saved: Sequence[Any] | None  # per name that the rule asks for: a Saved, a list of them, or a number or array
    line: str  # of the user's program; only while somebody wants to know, see `research.anomaly`

    def free(self) -> None:
        """Let the saved values go, once backward has used them."""
        self.saved = None

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The steps and leaves before it, and which of their outputs came in: PyTorch's name."""
        return tuple(edge if edge is not None else (None, 0) for edge in self.parents)

    def name(self) -> str:
        return self.op.name

    def __repr__(self) -> str:
        return f"<{self.op.name} step>"


class CustomOp:
    """What stands as op on a step that is not one of the op table's, and knows its gradient itself."""

    grad_rule, takes_every_gradient = True, True

    def __init__(self, name: str):
        self.name = name


class CustomStep(Step):
    """A step that is pulled back by its own method."""

    __slots__ = ()

    def pull(self, arrived: Any, create_graph: bool) -> Sequence[Any]:
        """The gradient, or None, for each parent, from those that arrived for the outputs, by number."""
        raise NotImplementedError

    def differentiable(self, output: int) -> bool:
        return True


Saved = tuple[Any, Any, int, list[int], int]
"""A tensor as it was when an op used it: array, step, index, its count of changes in place, and that count then.

The count is the first entry of a list that all users of the memory share; the line that changed it last is the second.

A plain tuple, for one is made for nearly every op.
"""


class Leaf:
    """Where a walk back ends: a tensor that somebody made and that requires a gradient."""

    __slots__ = ("__weakref__", "order", "tensor")
    op = None

    def __init__(self, tensor: Any):
        self.order = next_order()
        self.tensor = weakref.ref(tensor)  # the tensor holds the leaf
