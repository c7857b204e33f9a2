"""Graph: ops recorded as data, run later by a Session."""

from __future__ import annotations

import contextlib
import keyword
import re
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from shared_ops import ops
from shared_ops.dim import Dim, Size
from shared_ops.op import Op, refuse_other_world
from shared_ops.operators import Operators
from shared_ops.source import caller, words
from shared_ops.spec import Shape, Spec, SpecError, check, dtype_named, is_float, spec_of


class GraphError(TypeError):
    """A graph was asked for something that only a running program can answer, or was put together wrongly."""


class Operation:
    """One entry of a graph. `op` is the op of the table that it applies; None for what has no kernel:

    placeholder, constant, variable, assign and group. Its outputs are Nodes.
    """

    def __init__(
        self,
        graph: Graph,
        type: str,
        inputs: tuple[Any, ...],
        attrs: dict[str, Any],
        specs: tuple[Spec, ...],
        name: str | None = None,
        op: Op | None = None,
        value: np.ndarray | None = None,
    ):
        self.graph, self.type, self.op, self.inputs, self.attrs = graph, type, op, inputs, attrs
        self.value = value  # of a constant
        self.followers: list[Operation] = []  # run whenever this one is, like a generator's step to its next state
        self.name = graph.unique_name(name or type)
        self.source = words(*caller())
        self.order = len(graph.operations)
        self.outputs = tuple(Node(self, i, spec) for i, spec in enumerate(specs))
        graph.operations.append(self)

    def input_nodes(self) -> Iterator[Node]:
        return (x for x in self.inputs if isinstance(x, Node))

    def __repr__(self) -> str:
        return f"<{self.type} {self.name}: {', '.join(str(n.spec) for n in self.outputs) or 'no output'}>"


class Node(Operators):
    """A value that a graph will compute: one output of an Operation. Operators and ops on it add to the graph."""

    __slots__ = ("__dict__", "__weakref__", "index", "operation", "spec")
    world = "production"

    def __init__(self, operation: Operation, index: int, spec: Spec):
        self.operation, self.index, self.spec = operation, index, spec

    @property
    def graph(self) -> Graph:
        return self.operation.graph

    @property
    def op(self) -> Operation:
        return self.operation

    @property
    def name(self) -> str:
        return f"{self.operation.name}:{self.index}"

    @property
    def shape(self) -> Shape:
        return self.spec.shape

    @property
    def dtype(self) -> np.dtype:
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        return self.spec.ndim

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def __apply_op__(self, op: Op, args: tuple, attrs: dict[str, Any]) -> Any:
        return self.graph.apply(op, args, attrs)

    def detach(self) -> Any:
        """The same value, for which no gradient flows back."""
        return ops.stop_gradient(self)

    def clone(self) -> Node:
        """Itself: a node is never changed in place."""
        return self

    def _has_no_value(self, *_: Any) -> Any:
        raise GraphError(
            f"{words(*caller())} asks for the value of {self.name}, {self.spec}, which is known only when the graph "
            "runs; a Python branch or loop on it would be frozen one way. Choose between values with where(…)"
        )

    __bool__ = __int__ = __float__ = __index__ = _has_no_value

    def item(self) -> Any:
        self._has_no_value()

    def __array__(self, *_: Any, **__: Any) -> Any:
        self._has_no_value()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.spec}>"


class Graph:
    """Operations in the order they were made, which is an order they can run in."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.variables: list[Any] = []
        self.seed: int | None = None
        self._names: dict[str, int] = {}

    def unique_name(self, name: str) -> str:
        count = self._names.get(name, 0)
        self._names[name] = count + 1
        return self.unique_name(f"{name}_{count}") if count else name

    def apply(self, op: Op, args: tuple, attrs: dict[str, Any], name: str | None = None) -> Any:
        """Record an op; the Node, or the tuple of Nodes, that it will give. Raises SpecError when inputs do not fit."""
        listener = next(a for a in args if isinstance(a, Node))
        for a in args:
            if not isinstance(a, Node):
                refuse_other_world(op, listener, a)
        inputs = tuple(self.as_input(a) for a in args)
        attrs = {k: _normal(v) for k, v in attrs.items()}
        try:
            specs = op.infer(tuple(x if not isinstance(x, Node) else x.spec for x in inputs), attrs)
        except SpecError as error:
            raise SpecError(f"{error}, at {words(*caller())}") from None
        outputs = Operation(self, op.name, inputs, attrs, specs, name, op).outputs
        return outputs if len(outputs) > 1 else outputs[0]

    def as_input(self, x: Any) -> Any:
        """A Node of this graph, or a Python number or unknown size as it is; arrays become constants."""
        if isinstance(x, Node):
            if x.graph is not self:
                raise GraphError(f"{x.name} belongs to another graph; a graph is made of its own nodes")
            return x
        if isinstance(x, np.generic):
            return x.item()  # NumPy's numbers give way as Python's do
        return x if isinstance(x, bool | int | float | Dim) else self.constant(x)

    def placeholder(self, dtype: Any, shape: Any, name: str | None = None) -> Node:
        """A value that is fed at each run. A size may be a number, a name, or None.

        None means `batch` for the first axis and, for another, a name of its own. Equal names are equal sizes.
        """
        name = self.unique_name(name or "placeholder")
        del self._names[name]
        sizes = tuple(self._size(n, axis, name) for axis, n in enumerate(shape))
        return Operation(self, "placeholder", (), {}, (Spec(sizes, dtype_named(dtype)),), name).outputs[0]

    def _size(self, n: Any, axis: int, name: str) -> Size:
        if n is None and axis == 0:
            return Dim("batch")
        if n is None:  # unlike any other, and a name whatever the placeholder is called
            n = f"size{len(self.operations)}_{axis}_" + re.sub(r"\W", "_", name)
        if isinstance(n, Dim):
            return n
        if isinstance(n, str):
            named = n.isidentifier() and not keyword.iskeyword(n)
            check(named, "an unknown size is named like a Python variable", size=repr(n), placeholder=name)
            return Dim(n)
        check(int(n) >= 0, "a size is not negative; None stands for one that is not known", size=n, placeholder=name)
        return int(n)

    def constant(self, value: Any, dtype: Any = None, name: str | None = None) -> Node:
        """A value that never changes. Python floats become float32."""
        array = np.asarray(value)
        if array.dtype.kind not in "biu" and not is_float(array.dtype):
            raise GraphError(f"a constant is numbers; got {type(value).__name__}, which NumPy reads as {array.dtype}")
        if dtype is not None or (array.dtype == np.float64 and not hasattr(value, "dtype")):
            array = array.astype(dtype or np.float32)
        return Operation(self, "constant", (), {}, (spec_of(array),), name, value=array.copy()).outputs[0]

    def get_operation_by_name(self, name: str) -> Operation:
        return self._by_name(name)

    def get_tensor_by_name(self, name: str) -> Node:
        """The node called `operation:output`. Raises KeyError in words."""
        operation, _, index = name.partition(":")
        return self._by_name(operation).outputs[int(index or 0)]

    def _by_name(self, name: str) -> Operation:
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise KeyError(f"the graph has no operation {name!r}")

    @contextlib.contextmanager
    def as_default(self) -> Iterator[Graph]:
        """Inside the block, new nodes go into this graph."""
        _stack.graphs.append(self)
        try:
            yield self
        finally:
            _stack.graphs.remove(self)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.operations))


class _Stack(threading.local):
    def __init__(self) -> None:
        self.graphs = [Graph()]


_stack = _Stack()


def get_default_graph() -> Graph:
    """The graph that new nodes go into, in this thread."""
    return _stack.graphs[-1]


def reset_default_graph() -> None:
    """Start a new default graph. Raises GraphError inside a `with graph.as_default():` block."""
    if len(_stack.graphs) > 1:
        raise GraphError("reset_default_graph() cannot be used inside a `with graph.as_default():` block")
    _stack.graphs[:] = [Graph()]


def _normal(setting: Any) -> Any:
    """A setting as plain data: lists become tuples, NumPy's numbers Python's, dtypes their names."""
    if isinstance(setting, tuple | list):
        return tuple(map(_normal, setting))
    if isinstance(setting, np.generic):
        return setting.item()
    return setting.name if isinstance(setting, np.dtype) else setting
