"""Backpropagation, once for both worlds: steps in reverse, rule, undo the broadcast, accumulate.

Research walks the steps of its tape and gets numbers; production walks the operations of its graph and gets nodes.
Both take the steps in the same order, latest first, so sums of gradients are made in the same order too: same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush
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
    pull: Callable[[Any, Mapping[int, Any]], Sequence[Any]],
    watch: frozenset[Edge] = frozenset(),
    arrive: Callable[[Any, dict[int, Any]], None] | None = None,
) -> dict[Edge, Any]:
    """The gradients that reach leaves, and the watched outputs, from the gradients `seeds` of some outputs.

    With a `watch` the walk ends at the earliest watched step, for nothing before it can lead there.
    `pull(step, arrived)` gives the gradient, or None, of each of the step's inputs, from those that arrived for its
    outputs; `arrive(step, arrived)` may change these before, once they are complete. The walk is a loop over a heap,
    so a chain of any length is no deeper than a short one.
    """
    arriving: dict[Any, dict[int, Any]] = {}
    waiting: list[tuple[int, Any]] = []
    found: dict[Edge, Any] = {}
    for (step, index), g in seeds.items():
        if step not in arriving:
            arriving[step] = {}
            heappush(waiting, (-step.order, step))
        arriving[step][index] = g
    earliest = min((step.order for step, _ in watch), default=-1)
    while waiting and -waiting[0][0] >= earliest:
        step = heappop(waiting)[1]
        arrived = arriving.pop(step)
        if arrive is not None:
            arrive(step, arrived)
        op = step.op
        if op is None or watch:
            found.update({(step, i): g for i, g in arrived.items() if op is None or (step, i) in watch})
        if op is None or op.grad_rule is None or (0 not in arrived and not op.takes_every_gradient):
            continue
        if step.order == earliest:
            break
        specs = step.input_specs
        for i, g in enumerate(pull(step, arrived)):
            edge = step.parents[i]
            if edge is None or g is None:
                continue
            if specs is not None and not (g.dtype is specs[i].dtype and g.shape == specs[i].shape):
                g = fitted(g, specs[i])
            to, index = edge
            at = arriving.get(to)
            if at is None:
                arriving[to] = {index: g}
                heappush(waiting, (-to.order, to))
            else:
                at[index] = at[index] + g if index in at else g
    return found


def fitted(g: Any, spec: Spec) -> Any:
    """A gradient with the shape and dtype of the input it belongs to: broadcasting and promotion undone."""
    if tuple(g.shape) != spec.shape:
        g = sum_to(g, shape=spec.shape)
    return g if g.dtype == spec.dtype else cast(g, dtype=spec.dtype.name)
