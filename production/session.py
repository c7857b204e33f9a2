"""Session: runs what fetches need, and keeps the variables' values."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from production.graph import Graph, Node, Operation, get_default_graph
from production.plan import FeedError, Plan, make_plan
from shared_ops.dim import Dim, bind
from shared_ops.spec import SpecError, kind_of, spec_of

PLANS_KEPT = 64


class Session:
    """`with Session() as sess: sess.run(fetches, feed_dict={x: array})`.

    A run reads variables as they were before it and writes them all at its end: one that fails changes nothing.
    Sessions may be used by several threads.
    """

    def __init__(self, graph: Graph | None = None):
        self.graph = graph or get_default_graph()
        self._values: dict[Operation, Any] = {}
        self._plans: dict[Any, Plan] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the variables' values go."""
        self._values.clear()
        self._plans.clear()

    def run(self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> Any:
        """The values of the fetches: NumPy arrays, None for operations, in the same nest of lists, tuples and dicts.

        Fetches are nodes, operations or their names. Raises FeedError for a missing, misshaped or unknown feed,
        SpecError when an op refuses what it gets.
        """
        flat: list[Node | Operation] = []
        self._collect(fetches, flat)
        feeds = {self._node(key): value for key, value in (feed_dict or {}).items()}
        values = iter(self._execute(self._plan(flat, list(feeds)), feeds))
        return _rebuild(fetches, values)

    def _plan(self, fetches: list[Node | Operation], fed: list[Node]) -> Plan:
        key = (tuple(map(id, fetches)), tuple(map(id, fed)), len(self.graph.operations))
        with self._lock:
            if key not in self._plans:
                while len(self._plans) >= PLANS_KEPT:
                    self._plans.pop(next(iter(self._plans)))  # the oldest goes first
                self._plans[key] = make_plan(fetches, fed)
            return self._plans[key]

    def _execute(self, plan: Plan, feeds: Mapping[Node, Any]) -> list[Any]:
        slots: list[Any] = [None] * plan.size
        sizes: dict[str, int] = {}
        for node, slot in plan.fed:
            slots[slot] = _fed(node, feeds[node], sizes)
        for node, slot in plan.fed:
            _check_sums(node, slots[slot], sizes)
        for array, slot in plan.constants:
            slots[slot] = array
        for variable, slot in plan.variables:
            slots[slot] = self._kept(variable)
        with np.errstate(all="ignore"):  # infinities and NaN flow through, as they do in TensorFlow
            for call in plan.calls:
                self._call(call, slots, sizes)
        for variable, slot in plan.assigns:  # only now: a run that failed above has changed nothing
            self._values[variable] = np.array(slots[slot])
        return [None if slot is None else np.array(slots[slot]) for slot in plan.fetched]

    @staticmethod
    def _call(call: Any, slots: list[Any], sizes: Mapping[str, int]) -> None:
        attrs = call.attrs
        args = [value if slot is None else slots[slot] for slot, value in call.inputs]
        try:
            if call.has_dims:
                attrs = {k: bind(v, sizes) for k, v in attrs.items()}
                args = [bind(a, sizes) for a in args]
            out = call.kernel(*args, **attrs)
        except KeyError as error:
            raise FeedError(f"{call.operation.name} needs the size {error}, which no fed placeholder tells") from None
        except (SpecError, ValueError) as error:
            raise SpecError(f"{error}; in {call.operation.name}, made at {call.operation.source}") from error
        if len(call.outputs) == 1:
            slots[call.outputs[0]] = np.asarray(out)
        else:
            for slot, value in zip(call.outputs, out, strict=True):
                slots[slot] = np.asarray(value)
        for slot in call.free:
            slots[slot] = None

    def value(self, variable: Node) -> np.ndarray:
        """The variable's present value, a copy. Raises FeedError when it has none yet."""
        return np.array(self._kept(variable.operation))

    def _kept(self, variable: Operation) -> Any:
        value = self._values.get(variable, variable.value)
        if value is None:
            raise FeedError(
                f"variable {variable.name} has no value yet; run global_variables_initializer() in this session first"
            )
        return value

    def load(self, variable: Node, value: Any) -> None:
        """Give a variable its value directly. Raises FeedError when shape or dtype do not fit."""
        self._values[variable.operation] = _fed(variable, value, {})

    def _node(self, key: Any) -> Node:
        node = self.graph.get_tensor_by_name(key) if isinstance(key, str) else key
        if not isinstance(node, Node) or node.graph is not self.graph:
            raise FeedError(f"the keys of feed_dict are nodes of the session's graph or their names; got {key!r}")
        return node

    def _collect(self, fetches: Any, into: list[Node | Operation]) -> None:
        if isinstance(fetches, Mapping):
            fetches = list(fetches.values())
        if isinstance(fetches, list | tuple):
            for fetch in fetches:
                self._collect(fetch, into)
            return
        if isinstance(fetches, str):
            fetches = self.graph.get_tensor_by_name(fetches) if ":" in fetches else self.graph._by_name(fetches)
        if not isinstance(fetches, Node | Operation):
            raise TypeError(f"run fetches nodes and operations, or their names; got {type(fetches).__name__}")
        if fetches.graph is not self.graph:
            raise ValueError(f"{fetches.name} is not in this session's graph; make the Session with graph=…")
        into.append(fetches)


def _rebuild(fetches: Any, values: Any) -> Any:
    if isinstance(fetches, Mapping):
        return {k: _rebuild(f, values) for k, f in fetches.items()}
    if isinstance(fetches, list | tuple):
        parts = [_rebuild(f, values) for f in fetches]
        return type(fetches)(*parts) if hasattr(fetches, "_fields") else type(fetches)(parts)
    return next(values)


def _fed(node: Node, value: Any, sizes: dict[str, int]) -> np.ndarray:
    """The fed value as an array of the node's dtype; its unknown sizes are noted in `sizes`."""
    array = np.asarray(value)
    fed_kind, kind = kind_of(array.dtype), kind_of(node.dtype)
    same_kind = fed_kind == kind or (fed_kind in "biu" and kind in "fiu")
    if array.dtype.kind == "O" or not same_kind:
        raise FeedError(f"{node.name} is {node.spec}; it was fed {array.dtype}, which is another kind of value")
    if array.ndim != node.ndim:
        raise FeedError(f"{node.name} is {node.spec}; it was fed {spec_of(array)}")
    for axis, (want, have) in enumerate(zip(node.shape, array.shape, strict=True)):
        known = sizes.setdefault(str(want), have) if isinstance(want, Dim) and str(want).isidentifier() else want
        if not isinstance(known, Dim) and known != have:
            why = f" ('{want}' is {known} in another input)" if isinstance(want, Dim) else ""
            raise FeedError(f"{node.name} is {node.spec}; it was fed {spec_of(array)}: axis {axis} does not fit{why}")
    fed = array.astype(node.dtype, copy=False)
    if node.dtype.kind in "iu" and fed.dtype != array.dtype and not np.array_equal(fed, array):
        raise FeedError(f"{node.name} is {node.spec}; it was fed {array.dtype} numbers that do not fit into it")
    return fed


def _check_sums(node: Node, array: np.ndarray, sizes: Mapping[str, int]) -> None:
    """A fed node in the middle of the graph may have a size like 2*batch: it must agree with what batch is."""
    for axis, (want, have) in enumerate(zip(node.shape, array.shape, strict=True)):
        with contextlib.suppress(KeyError):
            size = bind(want, sizes)
            if size != have:
                raise FeedError(
                    f"{node.name} is {node.spec}; it was fed {spec_of(array)}: axis {axis} should be {size}"
                )
