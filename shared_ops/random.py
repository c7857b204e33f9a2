"""Random ops. Their generator is data: a state goes in, numbers and the next state come out.

A state is uint64[2]: the seed and how many draws were made from it. The n-th draw of a seed is the same numbers in
both worlds, in every process, in any order of asking (Philox, a counter-based generator: Salmon et al. 2011).
"""

from __future__ import annotations

import numpy as np

from shared_ops.device import array_module, to_host
from shared_ops.op import op
from shared_ops.spec import Spec, check, dtype_named

STATE = Spec((2,), np.dtype("uint64"))


def seeded(seed: int) -> np.ndarray:
    """The first state of a seed, a whole number from 0 to 2**64 - 1."""
    return np.array([seed, 0], dtype=np.uint64)


def philox(state) -> np.random.Generator:
    """NumPy's generator for one draw: the high word of its counter is the number of the draw, so none overlap."""
    seed, draw = (int(v) for v in to_host(state))
    return np.random.Generator(np.random.Philox(key=seed, counter=draw << 192))


def next_state(state):
    """The state after one draw."""
    xp = array_module((state,))
    return state + xp.asarray([0, 1], dtype=xp.uint64)


def state_spec(name, state):
    check(state == STATE, f"{name} needs a generator state, {STATE}", state=state)
    return STATE


@op(outputs=("out", "next_state"))
def random_normal(xp, state, *, shape, mean=0.0, stddev=1.0, dtype="float32"):
    """Numbers of a normal distribution."""
    drawn = philox(state).standard_normal(shape, dtype=np.float64) * stddev + mean
    return xp.asarray(drawn.astype(dtype)), next_state(state)


@random_normal.spec
def random_normal_spec(state, *, shape, mean=0.0, stddev=1.0, dtype="float32"):
    return Spec(tuple(shape), dtype_named(dtype)), state_spec("random_normal", state)


@op(outputs=("out", "next_state"))
def random_uniform(xp, state, *, shape, low=0.0, high=1.0, dtype="float32"):
    """Numbers from low up to, but without, high, all equally likely."""
    drawn = philox(state).random(shape) * (high - low) + low
    return xp.asarray(drawn.astype(dtype)), next_state(state)


@random_uniform.spec
def random_uniform_spec(state, *, shape, low=0.0, high=1.0, dtype="float32"):
    return Spec(tuple(shape), dtype_named(dtype)), state_spec("random_uniform", state)


@op(outputs=("out", "next_state"))
def random_permutation(xp, state, *, n):
    """The whole numbers below n, in a random order."""
    return xp.asarray(philox(state).permutation(n)), next_state(state)


@random_permutation.spec
def random_permutation_spec(state, *, n):
    return Spec((n,), np.dtype("int64")), state_spec("random_permutation", state)
