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
from research.tensor import Tensor, _new, _new_step, _observers
from shared_ops import ops
from shared_ops.op import NUMBERS, Op
from shared_ops.spec import spec_of

NO_SETTINGS: dict[str, Any] = {}
BINARY = {"add": ops.add, "sub": ops.sub, "mul": ops.mul, "truediv": ops.div}
UNARY = (ops.abs, ops.exp, ops.log, ops.sqrt, ops.tanh, ops.sigmoid, ops.relu)


def binary(op: Op) -> Callable:
    """The op as a method of a tensor and one operand."""

    def method(self: Tensor, other: Any) -> Any:
        a = self.array
        if isinstance(other, Tensor):
            b, other_step = other.array, other.step
        elif type(other) in NUMBERS:
            b, other_step = other, None
        else:
            return op(self, other)
        quick = op.quick
        out = None if quick is None or _observers else quick(a, b)
        if type(out) is not ndarray:
            return op(self, other)
        tensor = _new(Tensor)
        tensor.array = out
        own_step = self.step
        if (own_step is not None or other_step is not None) and _mode.recording:
            tensor.step = step = _new_step(Step)
            step.op, step.attrs, step.order = op, NO_SETTINGS, next_order()
            shape = out.shape
            alike = a.shape == shape and (type(b) is not ndarray or b.shape == shape)
            step.input_specs = None if alike else (spec_of(a), spec_of(b))
            step.parents = (
                None if own_step is None else (own_step, self.index),
                None if other_step is None else (other_step, other.index),
            )
            step.saved = [_kept(tensor if is_output else other if at else self) for _, is_output, at in op.kept]
        return tensor

    return method


def unary(op: Op) -> Callable:
    """The op as a method of a tensor."""

    def method(self: Tensor) -> Any:
        quick = op.quick
        out = None if quick is None or _observers else quick(self.array)
        if type(out) is not ndarray:
            return op(self)
        tensor = _new(Tensor)
        tensor.array = out
        own_step = self.step
        if own_step is not None and _mode.recording:
            step = _new_step(Step)
            step.op, step.attrs, step.order, step.input_specs = op, NO_SETTINGS, next_order(), None
            step.parents = ((own_step, self.index),)
            step.saved = [_kept(tensor if is_output else self) for _, is_output, _ in op.kept]
            tensor.step = step
        return tensor

    return method


def _kept(x: Any) -> Any:
    if type(x) in NUMBERS:
        return x
    changes = x.version
    if changes is None:
        changes = x.version = [0]
    return x.array, x.step, x.index, changes, changes[0]


def function(op: Op) -> Callable:
    """The op of one operand as a function: the short way for a tensor, the op itself for all else."""
    method = unary(op)

    def call(input: Any) -> Any:
        return method(input) if isinstance(input, Tensor) else op(input)

    call.__name__, call.__doc__, call.__module__ = op.name, op.__doc__, op.__module__
    return call


for _name, _op in BINARY.items():
    setattr(Tensor, f"__{_name}__", binary(_op))
for _op in UNARY:
    setattr(Tensor, _op.name, unary(_op))
Tensor.__neg__, Tensor.__abs__ = unary(ops.neg), unary(ops.abs)  # type: ignore[method-assign]

abs, exp, log, relu, sigmoid, sqrt, tanh = map(
    function, (ops.abs, ops.exp, ops.log, ops.relu, ops.sigmoid, ops.sqrt, ops.tanh)
)
