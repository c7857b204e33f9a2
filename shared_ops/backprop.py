"""Backpropagation, once for both worlds: steps in reverse, rule, undo the broadcast, accumulate.

Research walks the steps of its tape and gets numbers; production walks the operations of its graph and gets nodes.
Both take the steps in the same order, latest first, so sums of gradients are made in the same order too: same bits.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from shared_ops.elementwise import cast
from shared_ops.op import Op
from shared_ops.shape import sum_to
from shared_ops.spec import Spec


class Step(Protocol):
    """One applied op, or a leaf (op is None), as backpropagation sees it."""

    op: Op | None
    order: int  # later steps have a greater one
    parents: tuple[Edge | None, ...]  # per input: where its gradient goes, or None
    input_specs: Sequence[Any] | None  # None when every input has the shape and dtype of the output


Edge = tuple[Any, int]  # a Step and which of its outputs


def backpropagate(
    seeds: Mapping[Edge, Any],
    known: Callable[[Any], Mapping[str, Any]],
    watch: frozenset[Edge] = frozenset(),
) -> dict[Edge, Any]:
    """The gradients that reach leaves, and the watched outputs, from the gradients `seeds` of some outputs.

    With a `watch` the walk ends at the earliest watched step, for nothing before it can lead there.
    `known(step)` gives the values that the step's gradient rule asks for. The walk is a loop over a heap, so a chain
    of any length is no deeper than a short one.
    """
    arriving: dict[Any, dict[int, Any]] = {}
    waiting: list[tuple[int, Any]] = []
    found: dict[Edge, Any] = {}

    def give(edge: Edge, g: Any) -> None:
        step, index = edge
        at = arriving.get(step)
        if at is None:
            arriving[step] = {index: g}
            heapq.heappush(waiting, (-step.order, step))
        else:
            at[index] = at[index] + g if index in at else g

    for edge, g in seeds.items():
        give(edge, g)
    earliest = min((step.order for step, _ in watch), default=-1)
    while waiting and -waiting[0][0] >= earliest:
        step = heapq.heappop(waiting)[1]
        grads = arriving.pop(step)
        op = step.op
        if op is None or watch:
            found.update({(step, i): g for i, g in grads.items() if op is None or (step, i) in watch})
        if op is None or op.grad_rule is None or (0 not in grads and not op.takes_every_gradient):
            continue
        if step.order == earliest:
            break
        if not any(step.parents):
            continue
        results = op.backward(grads, known(step))
        if step.input_specs is None:
            for edge, g in zip(step.parents, results, strict=True):
                if edge is not None and g is not None:
                    give(edge, g)
        else:
            for edge, spec, g in zip(step.parents, step.input_specs, results, strict=True):
                if edge is not None and g is not None:
                    give(edge, g if g.dtype is spec.dtype and g.shape == spec.shape else fitted(g, spec))
    return found


def fitted(g: Any, spec: Spec) -> Any:
    """A gradient with the shape and dtype of the input it belongs to: broadcasting and promotion undone."""
    if tuple(g.shape) != spec.shape:
        g = sum_to(g, shape=spec.shape)
    return g if g.dtype == spec.dtype else cast(g, dtype=spec.dtype.name)
