"""Dropout as functions: torch.nn.functional's names; `functional` has them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from research.random import default_generator
from shared_ops import ops
from shared_ops.spec import check


def _drawn(drop: Callable, input: Any, p: float, training: bool) -> Any:
    """What an op on (x, state, p=) gives in training, which draws from the default generator."""
    check(0 <= p <= 1, "dropout needs a probability between 0 and 1", p=p)
    if not training or p == 0:
        return input
    return default_generator.draw(lambda state: drop(input, state, p=p)[::2])


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Each value is 0 with probability p, else divided by 1 - p; nothing happens out of training."""
    return _drawn(ops.dropout, input, p, training)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (n, c, l) or (c, l) at once."""
    return _drawn(ops.dropout1d, input, p, training)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (n, c, h, w) or (c, h, w) at once: Tompson et al. 2015."""
    return _drawn(ops.dropout2d, input, p, training)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (n, c, d, h, w) or (c, d, h, w) at once."""
    return _drawn(ops.dropout3d, input, p, training)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout that keeps mean 0 and variance 1, for SELU: Klambauer et al. 2017."""
    return _drawn(ops.alpha_dropout, input, p, training)


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """The same for whole channels of (n, c, …)."""

    def drop(x: Any, state: Any, p: float) -> Any:
        return ops.alpha_dropout(x, state, p=p, leading=2)

    return _drawn(drop, input, p, training)
