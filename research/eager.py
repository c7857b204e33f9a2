"""The shortest way for elementwise ops on tensors: what `Tensor.__apply_op__` does, for one or two operands at once.

An op on a few numbers takes less time than finding out what to do with it, so these methods do nothing but the op
itself and its step. Whatever is not a plain case goes the general way, by `op(…)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy import ndarray

from research.grad_mode import _mode
from research.tape import Step, next_order
from research.tensor import Tensor, _new, _new_step, _observers, _saved
from shared_ops import ops
from shared_ops.op import NUMBERS, Op
from shared_ops.spec import FLOAT32 as F4
from shared_ops.spec import spec_of

SMALL = 2048  # elements: up to so many, NumPy's function is quicker to call than a kernel
NO_SETTINGS: dict[str, Any] = {}
BINARY = {"add": ops.add, "sub": ops.sub, "mul": ops.mul, "truediv": ops.div}
UNARY = (ops.abs, ops.exp, ops.log, ops.sqrt, ops.tanh, ops.sigmoid, ops.relu)


def binary(op: Op) -> Callable:
    """The op as a method of a tensor and one operand."""
    takes = None  # NumPy's function for few numbers, once the op's fast forms are loaded

    def method(self: Tensor, other: Any) -> Any:
        nonlocal takes
        a, own_step = self.array, self.step
        if isinstance(other, Tensor):
            b, other_step = other.array, other.step
        elif type(other) in NUMBERS:
            b, other_step = other, None
        else:
            return op(self, other)
        if (
            takes is not None
            and type(b) is ndarray
            and a.dtype is b.dtype is F4
            and a.size < SMALL
            and a.shape == b.shape
        ):
            out, alike = takes(a, b), True
        else:
            out = None if op.quick is None else op.quick(a, b)
            takes = getattr(op.quick, "exact", None)
            alike = None
        if type(out) is not ndarray or _observers:
            return op(self, other)
        tensor = _new(Tensor)
        tensor.array = out
        if (own_step is not None or other_step is not None) and _mode.recording:
            tensor.step = step = _new_step(Step)
            step.op, step.attrs, step.order = op, NO_SETTINGS, next_order()
            if alike is None:
                alike = a.shape == out.shape and (type(b) is not ndarray or b.shape == out.shape)
            step.input_specs = None if alike else (spec_of(a), spec_of(b))
            step.parents = (
                None if own_step is None else (own_step, self.index),
                None if other_step is None else (other_step, other.index),
            )
            step.pattern = None if not alike else (own_step is None) + 2 * (other_step is None) + 4 * (b is other)
            kept = op.kept
            step.saved = (
                [_kept(tensor if is_output else other if at else self) for _, is_output, at in kept] if kept else ()
            )
        return tensor

    return method


def unary(op: Op) -> Callable:
    """The op as a method of a tensor."""
    takes = None

    def method(self: Tensor) -> Any:
        nonlocal takes
        a, own_step = self.array, self.step
        if takes is not None and a.dtype is F4 and a.size < SMALL:
            out = takes(a)
        else:
            out = None if op.quick is None else op.quick(a)
            takes = getattr(op.quick, "exact", None)
        if type(out) is not ndarray or _observers:
            return op(self)
        tensor = _new(Tensor)
        tensor.array = out
        if own_step is not None and _mode.recording:
            step = _new_step(Step)
            step.op, step.attrs, step.order, step.input_specs, step.pattern = op, NO_SETTINGS, next_order(), None, 0
            step.parents = ((own_step, self.index),)
            step.saved = [_saved(tensor if is_output else self) for _, is_output, _ in op.kept]
            tensor.step = step
        return tensor

    return method


def in_place(op: Op) -> Callable:
    """The op as a method that writes over the tensor: straight into its array, when nothing is recorded."""

    def method(self: Tensor, other: Any) -> Tensor:
        operand = other.array if isinstance(other, Tensor) else other
        if not _mode.recording and op.quick is not None and type(self.array) is ndarray and not _observers:
            from shared_ops.kernels.elementwise import into

            if into(op.name, self.array, operand):
                if self.version is not None:
                    self.version[0] += 1
                return self
        return self._become(op(self, other))

    return method


def _kept(x: Any) -> Any:
    return x if type(x) in NUMBERS else _saved(x)


def function(op: Op) -> Callable:
    """The op of one operand as a function: the short way for a tensor, the op itself for all else."""
    method = unary(op)

    def call(input: Any) -> Any:
        return method(input) if isinstance(input, Tensor) else op(input)

    call.__name__, call.__doc__, call.__module__ = op.name, op.__doc__, op.__module__
    return call


for _name, _op in BINARY.items():
    setattr(Tensor, f"__{_name}__", binary(_op))
    setattr(Tensor, f"__i{_name}__", in_place(_op))
    setattr(Tensor, f"{_op.name}_", in_place(_op))
for _op in UNARY:
    setattr(Tensor, _op.name, unary(_op))
Tensor.__neg__, Tensor.__abs__ = unary(ops.neg), unary(ops.abs)  # type: ignore[method-assign]

abs, exp, log, relu, sigmoid, sqrt, tanh = map(
    function, (ops.abs, ops.exp, ops.log, ops.relu, ops.sigmoid, ops.sqrt, ops.tanh)
)
