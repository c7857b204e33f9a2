"""The functions that stand directly under tensorflow 1, with its argument names."""

from __future__ import annotations

from typing import Any

import numpy as np

from production.graph import Node, get_default_graph
from production.variable import Variable
from shared_ops import ops


def placeholder(dtype: Any, shape: Any, name: str | None = None) -> Node:
    """A value that is fed at each run; see Graph.placeholder for unknown sizes."""
    return get_default_graph().placeholder(dtype, shape, name)


def constant(value: Any, dtype: Any = None, name: str | None = None) -> Node:
    """A value that never changes."""
    return get_default_graph().constant(value, dtype, name)


def zeros(shape: Any, dtype: Any = "float32", name: str | None = None) -> Node:
    return constant(np.zeros(shape, dtype), name=name)


def ones(shape: Any, dtype: Any = "float32", name: str | None = None) -> Node:
    return constant(np.ones(shape, dtype), name=name)


def assign(ref: Variable, value: Any) -> Node:
    return ref.assign(value)


def _node(x: Any) -> Node:
    return x if isinstance(x, Node) else get_default_graph().constant(x)


def _apply(op: Any, *inputs: Any, name: str | None = None, **attrs: Any) -> Any:
    """An op of the table on nodes, or on what becomes a constant when no input is a node yet."""
    nodes = [x for x in inputs if isinstance(x, Node)]
    graph = nodes[0].graph if nodes else get_default_graph()
    inputs = inputs if nodes else (graph.constant(inputs[0]), *inputs[1:])
    return graph.apply(op, inputs, attrs, name)


def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: str | None = None) -> Node:
    """Matrix product, of either one transposed if asked."""
    a, b = _node(a), _node(b)
    return _apply(ops.matmul, ops.transpose(a) if transpose_a else a, ops.transpose(b) if transpose_b else b, name=name)


def add(x: Any, y: Any, name: str | None = None) -> Node:
    return _apply(ops.add, x, y, name=name)


def subtract(x: Any, y: Any, name: str | None = None) -> Node:
    return _apply(ops.sub, x, y, name=name)


def multiply(x: Any, y: Any, name: str | None = None) -> Node:
    return _apply(ops.mul, x, y, name=name)


def divide(x: Any, y: Any, name: str | None = None) -> Node:
    return _apply(ops.div, x, y, name=name)


def maximum(x: Any, y: Any, name: str | None = None) -> Node:
    return _apply(ops.maximum, x, y, name=name)


def minimum(x: Any, y: Any, name: str | None = None) -> Node:
    return _apply(ops.minimum, x, y, name=name)


def pow(x: Any, y: Any, name: str | None = None) -> Node:
    return _apply(ops.pow, x, y, name=name)


def square(x: Any, name: str | None = None) -> Node:
    return _apply(ops.pow, x, 2, name=name)


def exp(x: Any, name: str | None = None) -> Node:
    return _apply(ops.exp, x, name=name)


def log(x: Any, name: str | None = None) -> Node:
    return _apply(ops.log, x, name=name)


def sqrt(x: Any, name: str | None = None) -> Node:
    return _apply(ops.sqrt, x, name=name)


def abs(x: Any, name: str | None = None) -> Node:
    return _apply(ops.abs, x, name=name)


def negative(x: Any, name: str | None = None) -> Node:
    return _apply(ops.neg, x, name=name)


def reduce_sum(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Node:
    """Sum over the axes, or over all."""
    return _apply(ops.sum, input_tensor, axis=axis, keepdim=keepdims, name=name)


def reduce_mean(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Node:
    """Mean over the axes, or over all."""
    return _apply(ops.mean, input_tensor, axis=axis, keepdim=keepdims, name=name)


def reduce_max(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Node:
    """Greatest value over the axes, or over all."""
    return _apply(ops.amax, input_tensor, axis=axis, keepdim=keepdims, name=name)


def argmax(input: Any, axis: int = 0, name: str | None = None) -> Node:
    return _apply(ops.argmax, input, axis=axis, name=name)


def cast(x: Any, dtype: Any, name: str | None = None) -> Node:
    return _apply(ops.cast, x, dtype=np.dtype(dtype).name, name=name)


def equal(x: Any, y: Any, name: str | None = None) -> Node:
    return _apply(ops.eq, x, y, name=name)


def greater(x: Any, y: Any, name: str | None = None) -> Node:
    return _apply(ops.gt, x, y, name=name)


def less(x: Any, y: Any, name: str | None = None) -> Node:
    return _apply(ops.lt, x, y, name=name)


def where(condition: Any, x: Any, y: Any, name: str | None = None) -> Node:
    """x where the condition holds, else y."""
    return _apply(ops.where, condition, x, y, name=name)


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Node:
    return _apply(ops.reshape, tensor, shape=tuple(shape), name=name)


def transpose(a: Any, perm: Any = None, name: str | None = None) -> Node:
    """The axes in another order; reversed unless told."""
    a = _node(a)
    return _apply(ops.permute, a, dims=tuple(perm or reversed(range(a.ndim))), name=name)


def expand_dims(input: Any, axis: int) -> Node:
    return ops.unsqueeze(_node(input), axis)


def squeeze(input: Any, axis: Any = None) -> Node:
    return ops.squeeze(_node(input), axis)


def concat(values: Any, axis: int, name: str | None = None) -> Node:
    return _apply(ops.cat, *values, axis=axis, name=name)


def stack(values: Any, axis: int = 0) -> Node:
    return ops.stack([_node(v) for v in values], axis)


def gather(params: Any, indices: Any, name: str | None = None) -> Node:
    """Rows of params by number."""
    return _apply(ops.take, params, _node(indices), name=name)


def one_hot(indices: Any, depth: int, dtype: Any = "float32", name: str | None = None) -> Node:
    return _apply(ops.one_hot, indices, num_classes=depth, dtype=np.dtype(dtype).name, name=name)


__all__ = [
    n for n, f in list(globals().items()) if callable(f) and getattr(f, "__module__", "") == __name__ and n[0] != "_"
]
