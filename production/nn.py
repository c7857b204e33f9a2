"""tensorflow.nn's names: activations and the raw losses."""

from __future__ import annotations

from typing import Any

from production.functions import _apply
from production.graph import Node
from shared_ops import ops


def relu(features: Any, name: str | None = None) -> Node:
    return _apply(ops.relu, features, name=name)


def sigmoid(x: Any, name: str | None = None) -> Node:
    return _apply(ops.sigmoid, x, name=name)


def tanh(x: Any, name: str | None = None) -> Node:
    return _apply(ops.tanh, x, name=name)


def softmax(logits: Any, axis: int = -1, name: str | None = None) -> Node:
    return _apply(ops.softmax, logits, axis=axis, name=name)


def log_softmax(logits: Any, axis: int = -1, name: str | None = None) -> Node:
    return _apply(ops.log_softmax, logits, axis=axis, name=name)


def bias_add(value: Any, bias: Any, name: str | None = None) -> Node:
    return _apply(ops.add, value, bias, name=name)


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Node:
    """-log softmax(logits)[label] of each row, in nats: (n,) int, (n, classes) -> (n,)."""
    return _apply(ops.softmax_cross_entropy, logits, labels, name=name)
