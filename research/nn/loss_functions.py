"""Losses that are made of ops here: torch.nn.functional's names; `functional` has them all."""

from __future__ import annotations

from typing import Any

import numpy as np

from research.tensor import Tensor
from shared_ops import ops
from shared_ops.device import to_host
from shared_ops.loss_functions import reduced
from shared_ops.spec import check, spec_of


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Any:
    """How far other classes come within the margin of the right one: (n, c), (n,) -> ().

    The sum over j != y of max(0, margin - x[y] + x[j]) ** p, over c.
    """
    check(p in (1, 2), "multi_margin_loss needs p of 1 or 2", p=p)
    x, y = (input, target) if len(input.shape) == 2 else (input[None], target[None] if target.shape == () else target)
    classes = x.shape[1]
    right = ops.gather(x, ops.unsqueeze(y, 1), axis=1)
    short = ops.relu(ops.add(ops.sub(x, right), margin))
    short = short if p == 1 else ops.mul(short, short)
    if weight is not None:
        short = ops.mul(short, ops.unsqueeze(ops.take(weight, y, axis=(0,)), 1))
    others = ops.ne(ops.unsqueeze(y, 1), Tensor(np.arange(classes)))
    losses = ops.div(ops.sum(ops.where(others, short, 0.0), axis=1), classes)
    return reduced(losses if len(input.shape) == 2 else losses[0], reduction)


def multilabel_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The same for several right classes, listed in each row of target up to the first -1: (n, c), (n, c) -> ()."""
    fits = tuple(input.shape) == tuple(target.shape)
    check(fits, "multilabel_margin_loss needs both of one shape", input=spec_of(input.array), target=target.shape)
    x, y = (input, target) if len(input.shape) == 2 else (input[None], target[None])
    listed = np.cumprod(to_host(y.array) >= 0, axis=1).astype(bool)
    rows, places = np.nonzero(listed)
    classes = to_host(y.array)[rows, places]
    right = np.zeros(x.shape, bool)
    right[rows, classes] = True
    of_right = ops.take(x, rows, classes)
    short = ops.relu(ops.add(ops.sub(ops.take(x, rows, axis=(0,)), ops.unsqueeze(of_right, 1)), 1.0))
    each = ops.sum(ops.where(Tensor(~right[rows]), short, 0.0), axis=1)
    totals = ops.index_add(ops.sum(ops.mul(x, 0.0), axis=1), 0, Tensor(rows), each)
    losses = ops.div(totals, x.shape[1])
    return reduced(losses if len(input.shape) == 2 else losses[0], reduction)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """Binary cross-entropy of sigmoid(input), its mean over the classes, in nats: (n, c), (n, c) -> ()."""
    likely = ops.add(
        ops.mul(target, ops.logsigmoid(input)), ops.mul(ops.sub(1.0, target), ops.logsigmoid(ops.neg(input)))
    )
    likely = likely if weight is None else ops.mul(likely, weight)
    return reduced(ops.neg(ops.mean(likely, axis=-1)), reduction)


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), for any distance."""
    distance = distance_function or ops.pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = ops.minimum(far, distance(positive, negative))
    return reduced(ops.relu(ops.add(ops.sub(near, far), margin)), reduction)
