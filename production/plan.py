"""Plan: the operations that some fetches need, as one flat list of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from production.graph import Node, Operation
from shared_ops.dim import has_dims


@dataclass(frozen=True)
class Call:
    """One kernel to run: which values it takes, where its results go, and which values nobody needs after it."""

    operation: Operation
    kernel: Callable
    inputs: tuple[tuple[int | None, Any], ...]  # a slot to read, or None and a number or unknown size
    attrs: dict[str, Any]
    has_dims: bool  # among its inputs or settings
    outputs: tuple[int, ...]
    free: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """Calls over numbered slots. Sources are filled before the calls, variables written after them."""

    size: int
    calls: tuple[Call, ...]
    fed: tuple[tuple[Node, int], ...]
    constants: tuple[tuple[Any, int], ...]
    variables: tuple[tuple[Operation, int], ...]
    assigns: tuple[tuple[Operation, int], ...]
    fetched: tuple[int | None, ...]  # None for an operation that gives nothing


class FeedError(ValueError):
    """A run was fed wrongly, or not at all."""


def make_plan(fetches: Iterable[Node | Operation], fed: Iterable[Node]) -> Plan:
    """The calls that the fetches need and no others; nor what is fed. Raises FeedError for a missing feed."""
    fetches, fed = list(fetches), list(fed)
    operations = needed_operations(fetches, fed)
    slots: dict[Node, int] = {}
    thrown_away = len({*fed, *(n for o in operations for n in o.outputs)})  # for an output that is fed, yet made too
    for node in [*fed, *(n for o in operations for n in o.outputs)]:
        slots.setdefault(node, len(slots))
    written = {o.inputs[0].operation: o for o in operations if o.type == "assign"}
    for assign in (o for o in operations if o.type == "assign"):
        slots[assign.outputs[0]] = slots[assign.inputs[1]]  # an assign gives the value it writes
    fetched = tuple(slots[f] if isinstance(f, Node) else None for f in fetches)
    keep = {s for s in fetched if s is not None} | {slots[o.inputs[1]] for o in written.values()}
    return Plan(
        size=thrown_away + 1,
        calls=tuple(_calls([o for o in operations if o.op is not None], slots, keep, dict.fromkeys(fed, thrown_away))),
        fed=tuple((node, slots[node]) for node in fed),
        constants=tuple((o.value, slots[o.outputs[0]]) for o in operations if o.type == "constant"),
        variables=tuple((o, slots[o.outputs[0]]) for o in operations if o.type == "variable"),
        assigns=tuple((variable, slots[o.inputs[1]]) for variable, o in written.items()),
        fetched=fetched,
    )


def needed_operations(fetches: Iterable[Node | Operation], fed: Iterable[Node]) -> list[Operation]:
    """Every operation that the fetches need, in the graph's order, without those that only make a fed node."""
    cut = frozenset(fed)
    needed: set[Operation] = set()
    waiting = [f.operation if isinstance(f, Node) else f for f in fetches if f not in cut]
    while waiting:
        operation = waiting.pop()
        if operation in needed:
            continue
        needed.add(operation)
        if operation.type == "placeholder":
            node = operation.outputs[0]
            raise FeedError(f"the run needs a value for {node.name}, {node.spec}; give it in feed_dict={{…}}")
        waiting.extend(n.operation for n in _read_by(operation) if n not in cut)
        waiting.extend(operation.followers)
    return sorted(needed, key=lambda o: o.order)


def _read_by(operation: Operation) -> list[Node]:
    """The nodes an operation reads; an assign only writes its variable."""
    inputs = operation.inputs[1:] if operation.type == "assign" else operation.inputs
    return [x for x in inputs if isinstance(x, Node)]


def _calls(operations: list[Operation], slots: dict[Node, int], keep: set[int], fed: dict[Node, int]) -> list[Call]:
    last_use = {slots[n]: o for o in operations for n in (*o.outputs, *_read_by(o))}
    calls = []
    for o in operations:
        touched = {slots[n] for n in (*o.outputs, *_read_by(o))}
        assert o.op is not None
        calls.append(
            Call(
                operation=o,
                kernel=o.op.compute,
                inputs=tuple((slots[x], None) if isinstance(x, Node) else (None, x) for x in o.inputs),
                attrs=o.attrs,
                has_dims=has_dims((*o.attrs.values(), *o.inputs)),
                outputs=tuple(fed.get(n, slots[n]) for n in o.outputs),
                free=tuple(s for s in touched if last_use[s] is o and s not in keep),
            )
        )
    return calls
