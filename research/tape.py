"""The tape: what was applied to what, kept only as far as gradients need it."""

from __future__ import annotations

import itertools
import weakref
from typing import Any

from shared_ops.op import Op

_order = itertools.count()


class Step:
    """One applied op: where its inputs' gradients go, and the values that its gradient rule names.

    A step knows the steps before it, never the tensors: a value that no rule asks for is freed at once.
    """

    __slots__ = ("__weakref__", "input_specs", "op", "order", "parents", "saved")

    def __init__(self, op: Op, parents: tuple, input_specs: tuple, saved: dict[str, Any]):
        self.op, self.parents, self.input_specs, self.saved = op, parents, input_specs, saved
        self.order = next(_order)

    def free(self) -> None:
        """Let the saved values go, once backward has used them."""
        self.saved = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.op.name} step>"


class Saved:
    """A tensor's value as it was when an op used it. `version` counts the tensor's changes in place."""

    __slots__ = ("array", "index", "step", "version", "version_then")

    def __init__(self, tensor: Any):
        self.array, self.step, self.index = tensor.array, tensor.step, tensor.index
        self.version, self.version_then = tensor.version, tensor.version[0]

    def changed(self) -> bool:
        """Whether somebody wrote into the array since."""
        return self.version[0] != self.version_then


class Leaf:
    """Where a walk back ends: a tensor that somebody made and that requires a gradient."""

    __slots__ = ("__weakref__", "order", "tensor")
    op = None

    def __init__(self, tensor: Any):
        self.order = next(_order)
        self.tensor = weakref.ref(tensor)  # the tensor holds the leaf
