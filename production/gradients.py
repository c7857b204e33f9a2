"""Gradients of a graph, as more graph: the same rules as research's tape, emitting nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from production.graph import Node, Operation
from shared_ops import ops
from shared_ops.backprop import Edge, backpropagate
from shared_ops.op import Op
from shared_ops.spec import check, is_float


class _Step:
    """An Operation as backpropagation sees it, with ways back only to what the wanted nodes feed."""

    def __init__(self, operation: Operation, walk: _Walk):
        self.operation, self.order = operation, operation.order
        self.op: Op | None = operation.op
        self.input_specs = tuple(x.spec if isinstance(x, Node) else x for x in operation.inputs)
        self.parents: tuple[Edge | None, ...] = tuple(walk.edge(x) for x in operation.inputs)


class _Walk:
    """The steps between the wanted nodes and what is made of them."""

    def __init__(self, wanted: Sequence[Node]):
        self.wanted = wanted
        self.steps: dict[Operation, _Step] = {}
        self.affected = {x.operation for x in wanted}
        for operation in wanted[0].graph.operations if wanted else ():
            if any(x.operation in self.affected for x in operation.input_nodes()):
                self.affected.add(operation)

    def step(self, operation: Operation) -> _Step:
        """The step of an operation and, before it, of all that leads to it: a loop, for graphs of any depth."""
        waiting = [operation]
        while waiting:
            at = waiting[-1]
            before = [x.operation for x in at.input_nodes() if self.leads(x) and x.operation not in self.steps]
            if before:
                waiting.extend(before)
            else:
                waiting.pop()
                self.steps.setdefault(at, _Step(at, self))
        return self.steps[operation]

    def leads(self, x: Any) -> bool:
        return isinstance(x, Node) and x.operation in self.affected and is_float(x.dtype)

    def edge(self, x: Any) -> Edge | None:
        return (self.steps[x.operation], x.index) if self.leads(x) else None


def gradients(ys: Node | Sequence[Node], xs: Node | Sequence[Node], grad_ys: Any = None) -> list[Node | None]:
    """Nodes of the gradient of the sum of `ys` for each of `xs`; None for one that no y is made from."""
    ys = [ys] if isinstance(ys, Node) else list(ys)
    xs = [xs] if isinstance(xs, Node) else list(xs)
    seeds = [None] * len(ys) if grad_ys is None else grad_ys if isinstance(grad_ys, list | tuple) else [grad_ys]
    check(len(seeds) == len(ys), "grad_ys needs one gradient for each y", ys=len(ys), grad_ys=len(seeds))
    for node in (*ys, *xs):
        check(is_float(node.dtype), "gradients are of floats, for floats", node=node.spec)
    walk = _Walk(xs)
    given: dict[Edge, Any] = {}
    for y, seed in zip(ys, seeds, strict=True):
        if walk.leads(y):
            edge, g = (walk.step(y.operation), y.index), _ones_like(y) if seed is None else _seed(seed, y)
            given[edge] = given[edge] + g if edge in given else g
    watch = frozenset((walk.steps[x.operation], x.index) for x in xs if x.operation in walk.steps)
    found = backpropagate(given, _pull, watch)
    return [found.get((walk.steps.get(x.operation), x.index)) for x in xs]


def _seed(seed: Any, y: Node) -> Node:
    g = seed if isinstance(seed, Node) else y.graph.constant(seed, y.dtype)
    check(g.shape == y.shape, "a gradient in grad_ys has the shape of its y", y=y.spec, grad_y=g.spec)
    return g


def _pull(step: _Step, arrived: Mapping[int, Node]) -> Sequence[Any]:
    operation = step.operation
    assert operation.op is not None
    wants = tuple(edge is not None for edge in step.parents)
    if not any(wants):
        return ()
    known = operation.op.known(operation.inputs, operation.outputs, operation.attrs, step.input_specs, wants)
    return operation.op.backward(arrived, known)


def _ones_like(y: Node) -> Node:
    one = y.graph.constant(1, y.dtype, name="one")
    return one if y.shape == () else ops.expand(one, shape=y.shape)
