"""The shortest way for elementwise ops on tensors: what `Tensor.__apply_op__` does, for one or two operands at once.

An op on a few numbers takes less time than finding out what to do with it, so these methods do nothing but the op
itself and its step. Whatever is not a plain case goes the general way, `Tensor.__apply_op__`. They are found through
`Op.shortcuts`, and the operators of Tensor are these methods themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy import ndarray

from research.grad_mode import _mode
from research.intercept import wrappers
from research.tape import Step, next_order
from research.tensor import Tensor, _new, _new_step, _saved
from shared_ops import ops
from shared_ops.op import NUMBERS, REGISTRY, Op
from shared_ops.spec import FLOAT32 as F4
from shared_ops.spec import spec_of

NO_SETTINGS: dict[str, Any] = {}
FAMILIES = ("elementwise", "transcendental", "activation", "rounding", "logic", "erf")
OPERATORS = {"add": ops.add, "sub": ops.sub, "mul": ops.mul, "truediv": ops.div}


def binary(op: Op) -> Callable:
    """The op as a method of a tensor and one operand."""
    takes, few = None, 0  # NumPy's function, and for how few numbers; once the op's fast forms are loaded

    def method(self: Tensor, other: Any) -> Any:
        nonlocal takes, few
        a, own_step = self.array, self.step
        if isinstance(other, Tensor):
            b, other_step = other.array, other.step
        elif type(other) in NUMBERS:
            b, other_step = other, None
        else:
            return self.__apply_op__(op, (self, other), NO_SETTINGS)
        if takes is not None and b is other and type(b) is not bool and a.dtype is F4 and a.size < few:
            out, alike = takes(a, op.quick.number_array(b)), True
        elif (
            takes is not None
            and type(b) is ndarray
            and a.dtype is b.dtype is F4
            and a.size < few
            and a.shape == b.shape
        ):
            out, alike = takes(a, b), True
        else:
            out = None if op.quick is None else op.quick(a, b)
            takes, few = getattr(op.quick, "exact", None), getattr(op.quick, "few", 0)
            alike = None
        if type(out) is not ndarray or wrappers:
            return self.__apply_op__(op, (self, other), NO_SETTINGS)
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
    takes, few = None, 0

    def method(self: Tensor) -> Any:
        nonlocal takes, few
        a, own_step = self.array, self.step
        if takes is not None and a.dtype is F4 and a.size < few:
            out = takes(a)
        else:
            out = None if op.quick is None else op.quick(a)
            takes, few = getattr(op.quick, "exact", None), getattr(op.quick, "few", 0)
        if type(out) is not ndarray or wrappers:
            return self.__apply_op__(op, (self,), NO_SETTINGS)
        tensor = _new(Tensor)
        tensor.array = out
        if own_step is not None and _mode.recording:
            step = _new_step(Step)
            step.op, step.attrs, step.order, step.input_specs = op, NO_SETTINGS, next_order(), None
            step.pattern = None if op.attrs else 0
            step.parents = ((own_step, self.index),)
            kept = op.kept
            if len(kept) == 1:  # which is usual
                step.saved = (_saved(tensor if kept[0][1] else self),)
            else:
                step.saved = [_saved(tensor if is_output else self) for _, is_output, _ in kept]
            tensor.step = step
        return tensor

    return method


def in_place(op: Op) -> Callable:
    """The op as a method that writes over the tensor: straight into its array, when nothing is recorded."""

    def method(self: Tensor, other: Any, **settings: Any) -> Tensor:
        operand = other.array if isinstance(other, Tensor) else other
        if (
            not settings
            and not _mode.recording
            and op.quick is not None
            and type(self.array) is ndarray
            and not wrappers
        ):
            from shared_ops.kernels.elementwise import into

            if into(op.name, self.array, operand):
                self._changed()
                return self
        return self._become(getattr(self, op.name)(other, **settings) if settings else op(self, other))

    return method


def _kept(x: Any) -> Any:
    return x if type(x) in NUMBERS else _saved(x)


def give_shortcuts(kind: type[Tensor]) -> None:
    """Let elementwise ops answer at once when their first argument is such a tensor."""
    for op in REGISTRY.values():
        if op.__module__.rpartition(".")[2] in FAMILIES and op.outputs == ("out",) and len(op.inputs) in METHODS:
            op.shortcuts[kind] = METHODS[len(op.inputs)](op)


METHODS = {1: unary, 2: binary}
give_shortcuts(Tensor)
for _name, _op in OPERATORS.items():
    setattr(Tensor, f"__{_name}__", binary(_op))
    setattr(Tensor, f"__i{_name}__", in_place(_op))
    setattr(Tensor, f"{_op.name}_", in_place(_op))
