"""What cases are made of: a row of the table, and ways to draw arrays."""

from typing import Any, NamedTuple

import numpy as np

from shared_ops.random import seeded


class Case(NamedTuple):
    """Inputs and settings of one call. `smooth`: inputs whose gradient is checked; None means all floats."""

    args: tuple[Any, ...]
    attrs: dict[str, Any] = {}  # noqa: RUF012 - read only
    smooth: tuple[int, ...] | None = None


_draw = np.random.default_rng(0)


def n(*shape):
    """Normal values, none within 0.05 of zero, where some ops have a kink."""
    x = _draw.normal(size=shape)
    return np.asarray(x + 0.05 * np.sign(x))


def pos(*shape):
    return np.asarray(_draw.uniform(0.5, 2.0, size=shape))


def far(*shape):
    """Values no two of which are near each other, so that a small step changes no order."""
    size = int(np.prod(shape))
    return (_draw.permutation(size) / max(size, 1) * 4 - 2 + 0.01).reshape(shape)


def i(high, *shape):
    return np.asarray(_draw.integers(0, high, size=shape))


def b(*shape):
    return np.asarray(_draw.random(shape) < 0.5)


STATE = seeded(5)
