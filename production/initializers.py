"""Initialisers: given a shape, a node that gives a variable its first value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from production import functions
from production.graph import Node
from production.random_ops import random_normal, random_uniform

Initializer = Callable[..., Node]


def zeros_initializer() -> Initializer:
    return lambda shape, dtype="float32": functions.zeros(shape, dtype)


def ones_initializer() -> Initializer:
    return lambda shape, dtype="float32": functions.ones(shape, dtype)


def random_normal_initializer(mean: float = 0.0, stddev: float = 1.0, seed: int | None = None) -> Initializer:
    return lambda shape, dtype="float32": random_normal(shape, mean, stddev, dtype, seed)


def random_uniform_initializer(minval: float = 0.0, maxval: float = 1.0, seed: int | None = None) -> Initializer:
    return lambda shape, dtype="float32": random_uniform(shape, minval, maxval, dtype, seed)


def xavier_initializer(uniform: bool = True, seed: int | None = None) -> Initializer:
    """Weights (in, out) whose variance keeps signals level both ways: Glorot & Bengio 2010, section 4.2.1."""

    def initialize(shape: Any, dtype: Any = "float32") -> Node:
        fan_in, fan_out = (shape[0], shape[-1]) if len(shape) > 1 else (shape[0], shape[0])
        variance = 2 / (fan_in + fan_out)
        if uniform:
            bound = math.sqrt(3 * variance)
            return random_uniform(shape, -bound, bound, dtype, seed)
        return random_normal(shape, 0.0, math.sqrt(variance), dtype, seed)

    return initialize


def glorot_uniform_initializer(seed: int | None = None) -> Initializer:
    return xavier_initializer(True, seed)


def glorot_normal_initializer(seed: int | None = None) -> Initializer:
    return xavier_initializer(False, seed)
