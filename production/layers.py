"""tensorflow.layers' names: functions that make a layer's variables and apply it."""

from __future__ import annotations

from collections.abc import Callable

from production import functions
from production.graph import Node
from production.initializers import Initializer, glorot_uniform_initializer, zeros_initializer
from production.variable import Variable
from shared_ops import ops
from shared_ops.dim import Dim
from shared_ops.spec import check


def dense(
    inputs: Node,
    units: int,
    activation: Callable[[Node], Node] | None = None,
    use_bias: bool = True,
    kernel_initializer: Initializer | None = None,
    bias_initializer: Initializer | None = None,
    name: str = "dense",
) -> Node:
    """activation(inputs @ kernel + bias): (..., in) -> (..., units)."""
    width = inputs.shape[-1]
    check(not isinstance(width, Dim), "dense needs inputs whose last size is known", inputs=inputs.spec)
    name = inputs.graph.unique_name(name)
    kernel = Variable((kernel_initializer or glorot_uniform_initializer())((width, units)), name=f"{name}/kernel")
    out = functions.matmul(inputs, kernel, name=f"{name}/MatMul")
    if use_bias:
        bias = Variable((bias_initializer or zeros_initializer())((units,)), name=f"{name}/bias")
        out = functions.add(out, bias, name=f"{name}/BiasAdd")
    return out if activation is None else activation(out)


def flatten(inputs: Node) -> Node:
    """All axes but the first made one: (n, …) -> (n, k)."""
    return ops.flatten(inputs, 1)
