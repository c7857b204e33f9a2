"""Variable: a value that a Session keeps from run to run, and the operations that change it."""

from __future__ import annotations

from typing import Any

import numpy as np

from production.graph import Graph, Node, Operation, get_default_graph
from shared_ops.spec import Spec, check


class Variable(Node):
    """A node whose value lives in the Session. Reading it gives the value from before the run.

    `initial_value` is a node or anything that becomes a constant; `global_variables_initializer` writes it.
    """

    def __init__(
        self,
        initial_value: Any,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
        graph: Graph | None = None,
    ):
        graph = graph or get_default_graph()
        value = initial_value if isinstance(initial_value, Node) else graph.constant(initial_value, dtype)
        spec = Spec(value.shape, value.dtype)
        operation = Operation(graph, "variable", (), {"trainable": trainable}, (), name or "Variable")
        super().__init__(operation, 0, spec)
        operation.outputs = (self,)
        self.trainable, self.initial_value = trainable, value
        self.initializer = self.assign(value).operation
        graph.variables.append(self)

    def assign(self, value: Any) -> Node:
        """A node that, when run, makes `value` the variable's new value, and gives it."""
        value = self.graph.as_input(value)
        value = value if isinstance(value, Node) else self.graph.constant(value, self.dtype)
        spec = value.spec
        check(
            spec == self.spec,
            f"assign needs a value of {self.operation.name}'s shape and dtype, {self.spec}",
            value=spec,
        )
        return Operation(
            self.graph, "assign", (self, value), {}, (self.spec,), f"{self.operation.name}/assign"
        ).outputs[0]

    def assign_add(self, value: Any) -> Node:
        return self.assign(self + value)

    def assign_sub(self, value: Any) -> Node:
        return self.assign(self - value)


def hidden_variable(graph: Graph, value: np.ndarray, name: str) -> Node:
    """A variable that starts with its value in every Session, without an initializer, such as a generator's state."""
    spec = Spec(value.shape, value.dtype)
    return Operation(graph, "variable", (), {"trainable": False}, (spec,), name, value=value).outputs[0]


def assign_hidden(variable: Node, value: Node) -> Operation:
    """The operation that gives a hidden variable its next value."""
    name = f"{variable.operation.name}/assign"
    return Operation(variable.graph, "assign", (variable, value), {}, (variable.spec,), name)


def group(*inputs: Node | Operation, name: str | None = None) -> Operation:
    """An operation that does nothing but need its inputs: running it runs them all, and gives None."""
    nodes = tuple(n for x in inputs for n in (x.outputs[:1] or x.inputs if isinstance(x, Operation) else (x,)))
    graph = nodes[0].graph if nodes else get_default_graph()
    return Operation(graph, "group", tuple(map(graph.as_input, nodes)), {}, (), name or "group")


def global_variables(graph: Graph | None = None) -> list[Variable]:
    return list((graph or get_default_graph()).variables)


def trainable_variables(graph: Graph | None = None) -> list[Variable]:
    return [v for v in global_variables(graph) if v.trainable]


def global_variables_initializer() -> Operation:
    """An operation that gives every variable made so far its initial value."""
    return variables_initializer(global_variables())


def variables_initializer(variables: list[Variable], name: str = "init") -> Operation:
    return group(*[v.initializer for v in variables], name=name)
