"""tensorflow.losses' names: one number for a batch."""

from __future__ import annotations

from typing import Any

from production import functions
from production.graph import Node
from shared_ops import ops
from shared_ops.spec import check, shape_of, spec_of


def mean_squared_error(labels: Any, predictions: Any, weights: float = 1.0) -> Node:
    """The mean of the squared differences: (…), (…) -> ()."""
    shapes = shape_of(spec_of(labels)), shape_of(spec_of(predictions))
    check(shapes[0] == shapes[1], "mean_squared_error needs equal shapes", labels=shapes[0], predictions=shapes[1])
    return _weighted(functions.reduce_mean(functions.square(functions.subtract(predictions, labels))), weights)


def absolute_difference(labels: Any, predictions: Any, weights: float = 1.0) -> Node:
    """The mean of the absolute differences: (…), (…) -> ()."""
    return _weighted(functions.reduce_mean(functions.abs(functions.subtract(predictions, labels))), weights)


def sparse_softmax_cross_entropy(labels: Any, logits: Any, weights: float = 1.0) -> Node:
    """The mean of -log softmax(logits)[label], in nats: (n,) int, (n, classes) -> ()."""
    return _weighted(ops.cross_entropy(logits, labels), weights)


def _weighted(loss: Node, weights: float) -> Node:
    return loss if weights == 1.0 else loss * weights
