"""Pullback: the gradients of a function made of ops, as ops again; for a gradient rule that is a composition.

The function is run on Traced values, which note what is applied to what; then the steps are gone back. Values may be
arrays, tensors of a tape, nodes of a graph, or Traced values of a pullback further out: that one's second order.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared_ops.backprop import Edge, backpropagate
from shared_ops.op import Op
from shared_ops.operators import Operators
from shared_ops.spec import is_float, spec_of

next_order = itertools.count().__next__
next_level = itertools.count(1).__next__


class _Step:
    """An applied op, or, without one, an input of the function."""

    def __init__(self, op: Op | None = None, args: tuple = (), attrs: Mapping[str, Any] | None = None, level: int = 0):
        self.op, self.order, self.attrs = op, next_order(), attrs or {}
        here = [isinstance(a, Traced) and a.level == level for a in args]
        self.parents: tuple[Edge | None, ...] = tuple(
            a.edge if own and is_float(a.dtype) else None for a, own in zip(args, here, strict=True)
        )
        self.args = tuple(a.value if own else a for a, own in zip(args, here, strict=True))
        self.input_specs = tuple(map(spec_of, self.args))
        self.outs: tuple[Any, ...] = ()


class Traced(Operators):
    """A value on the way through the function, and the step that it came from."""

    __slots__ = ("edge", "level", "value")
    world = "pullback"

    def __init__(self, value: Any, edge: Edge, level: int):
        self.value, self.edge, self.level = value, edge, level

    @property
    def shape(self) -> tuple[Any, ...]:
        return self.value.shape

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return len(self.value.shape)

    def __apply_op__(self, op: Op, args: tuple, attrs: dict[str, Any]) -> Any:
        level = max(a.level for a in args if isinstance(a, Traced))  # the innermost pullback notes it first
        step = _Step(op, args, attrs, level)
        outs = op(*step.args, **attrs)
        step.outs = outs if isinstance(outs, tuple) else (outs,)
        traced = tuple(Traced(out, (step, i), level) for i, out in enumerate(step.outs))
        return traced if isinstance(outs, tuple) else traced[0]


def pullback(function: Callable, inputs: Sequence[Any], gs: Sequence[Any]) -> tuple[Any, ...]:
    """The gradient, or None, of each input, from those of the outputs of function(*inputs).

    Every array that the function uses is to be among its inputs. None, or a Python number, among `gs` stands for a
    gradient that did not come.
    """
    level = next_level()
    leaves = [(_Step(), 0) if hasattr(x, "dtype") else None for x in inputs]
    outs = function(*[x if leaf is None else Traced(x, leaf, level) for x, leaf in zip(inputs, leaves, strict=True)])
    seeds: dict[Edge, Any] = {}
    for out, g in zip(outs, gs, strict=True):
        if hasattr(g, "dtype") and isinstance(out, Traced) and out.level == level:
            seeds[out.edge] = seeds[out.edge] + g if out.edge in seeds else g

    def pull(step: _Step, arrived: Mapping[int, Any]) -> Sequence[Any]:
        assert step.op is not None
        wants = tuple(edge is not None for edge in step.parents)
        return step.op.backward(arrived, step.op.known(step.args, step.outs, step.attrs, step.input_specs, wants))

    found = backpropagate(seeds, pull)
    return tuple(None if leaf is None else found.get(leaf) for leaf in leaves)
