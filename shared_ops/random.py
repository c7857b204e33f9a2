"""Random ops. Their generator is data: a state goes in, numbers and the next state come out.

A state is uint64[2]: the seed and how many draws were made from it. The n-th draw of a seed is the same numbers in
both worlds, in every process, in any order of asking (Philox, a counter-based generator: Salmon et al. 2011).
"""

from __future__ import annotations

import functools
import math
import os
from importlib import import_module
from statistics import NormalDist
from typing import Any

import numpy as np

from shared_ops.device import array_module, to_host
from shared_ops.op import op
from shared_ops.spec import Shape, Spec, check, dtype_named, is_float

STATE = Spec((2,), np.dtype("uint64"))
LOW32 = np.uint64(0xFFFFFFFF)


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


def _shape(name: str, shape: Any) -> Shape:
    sizes = tuple(shape) if isinstance(shape, tuple | list) else None
    known = sizes is not None and all(n >= 0 for n in sizes if isinstance(n, int | np.integer))
    check(known, f"{name} needs shape as sizes, none below 0", shape=shape)
    return sizes or ()


def _floats(name: str, shape: Any, dtype: Any) -> Spec:
    found = dtype_named(dtype)
    check(is_float(found), f"{name} gives floats", dtype=dtype)
    return Spec(_shape(name, shape), found)


# random words ---------------------------------------------------------------------------------------------------------
@functools.cache
def _kernels() -> Any:
    """The compiled forms, unless they are turned off."""
    return None if os.environ.get("LOCKSTEP_KERNELS", "fast") == "numpy" else import_module("shared_ops.kernels.random")


def words(state, count: int) -> np.ndarray:
    """At least so many random uint32 of one draw, as four rows."""
    found = _kernels() and _kernels().words(state, count)
    return plain_words(state, count) if found is None else found


def plain_words(state, count: int) -> np.ndarray:
    """The same in plain NumPy: Philox4x32-10, one block a column."""
    seed, draw = (int(v) for v in to_host(state))
    block = np.arange(-(-count // 4), dtype=np.uint64)
    a, b = block & LOW32, block >> np.uint64(32)
    c, d = (np.full_like(block, word) for word in (draw & 0xFFFFFFFF, draw >> 32))
    key0, key1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        first, second = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b = (second >> np.uint64(32)) ^ b ^ np.uint64(key0), second & LOW32
        c, d = (first >> np.uint64(32)) ^ d ^ np.uint64(key1), first & LOW32
        key0, key1 = (key0 + 0x9E3779B9) & 0xFFFFFFFF, (key1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([a, b, c, d]).astype(np.uint32)


def _long_words(state, count: int) -> np.ndarray:
    """So many random uint64 of one draw."""
    low, high = words(state, 2 * count).astype(np.uint64).reshape(2, -1)
    return ((high << np.uint64(32)) | low)[:count]


def _fractions(state, count: int, dtype: np.dtype) -> np.ndarray:
    """So many multiples of 2**-24, or of 2**-53 for float64, from 0 up to, but without, 1."""
    if dtype == np.float64:
        return (_long_words(state, count) >> np.uint64(11)) * 2.0**-53
    return (words(state, count).reshape(-1)[:count] >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def _normals(state, count: int, dtype: np.dtype) -> np.ndarray:
    """So many numbers of the standard normal distribution: Box & Muller 1958."""
    if dtype == np.float64:
        u = _fractions(state, -(-count // 4) * 4, dtype).reshape(4, -1)
        u[0::2] += 2.0**-53  # above 0, for the logarithm
    else:
        u = (words(state, count) >> np.uint32(8)) * 2.0**-24
        u[0::2] += 2.0**-24
    radius, angle = np.sqrt(-2 * np.log(u[0::2])), 2 * np.pi * u[1::2]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return pairs.reshape(-1)[:count].astype(dtype)


def _drawing_dtype(dtype: Any) -> np.dtype:
    return np.dtype("float64" if np.dtype(dtype) == np.float64 else "float32")


# floats ---------------------------------------------------------------------------------------------------------------
@op(outputs=("out", "next_state"))
def random_normal(xp, state, *, shape, mean=0.0, stddev=1.0, dtype="float32"):
    """Numbers of a normal distribution."""
    drawn = _normals(state, math.prod(shape), _drawing_dtype(dtype)) * stddev + mean
    return xp.asarray(drawn.reshape(shape).astype(dtype, copy=False)), next_state(state)


@random_normal.spec
def random_normal_spec(state, *, shape, mean=0.0, stddev=1.0, dtype="float32"):
    check(stddev >= 0, "random_normal needs stddev at least 0", stddev=stddev)
    return _floats("random_normal", shape, dtype), state_spec("random_normal", state)


@op(outputs=("out", "next_state"))
def random_uniform(xp, state, *, shape, low=0.0, high=1.0, dtype="float32"):
    """Numbers from low up to, but without, high, all equally likely."""
    drawing = _drawing_dtype(dtype)
    drawn = _fractions(state, math.prod(shape), drawing) * (high - low) + low
    drawn = np.minimum(drawn, last_below(high, low, drawing))
    return xp.asarray(drawn.reshape(shape).astype(dtype, copy=False)), next_state(state)


def last_below(high: float, low: float, dtype: Any) -> Any:
    """The greatest number below high, which rounding could reach; or high, where there is nothing between."""
    number = np.dtype(dtype).type
    return np.nextafter(number(high), number(-np.inf)) if low < high else number(high)


@random_uniform.spec
def random_uniform_spec(state, *, shape, low=0.0, high=1.0, dtype="float32"):
    check(low <= high, "random_uniform needs low at most high", low=low, high=high)
    return _floats("random_uniform", shape, dtype), state_spec("random_uniform", state)


@op(outputs=("out", "next_state"))
def random_truncated_normal(xp, state, *, shape, mean=0.0, stddev=1.0, low=-2.0, high=2.0, dtype="float32"):
    """Numbers of a normal distribution, of those from low to high only: torch.nn.init.trunc_normal_."""
    normal = NormalDist(mean, stddev)
    below, above = normal.cdf(low), normal.cdf(high)
    if low > mean:  # the upper tail's probabilities are too near 1: draw in the mirrored one
        below, above = normal.cdf(2 * mean - high), normal.cdf(2 * mean - low)
    u = _fractions(state, math.prod(shape), np.dtype("float64"))
    drawn = normal_quantile(below + (u + 2.0**-54) * (above - below)) * stddev
    drawn = np.clip(mean - drawn if low > mean else mean + drawn, low, high)
    return xp.asarray(drawn.reshape(shape).astype(dtype)), next_state(state)


@random_truncated_normal.spec
def random_truncated_normal_spec(state, *, shape, mean=0.0, stddev=1.0, low=-2.0, high=2.0, dtype="float32"):
    name = "random_truncated_normal"
    check(stddev > 0, f"{name} needs stddev above 0", stddev=stddev)
    check(low < high, f"{name} needs low below high", low=low, high=high)
    far = max(low - mean, mean - high) / stddev
    check(far < 35, f"{name} needs bounds within 35 stddev of the mean", mean=mean, stddev=stddev, low=low, high=high)
    return _floats(name, shape, dtype), state_spec(name, state)


def normal_quantile(p: np.ndarray) -> np.ndarray:
    """The standard normal number that is exceeded with probability 1 - p, for 0 < p < 1: Wichura 1988, AS 241."""
    q = p - 0.5
    r = np.sqrt(-np.log(np.where(q < 0, p, 1 - p)))
    out = q * _ratio(CENTRAL, 0.180625 - q * q)
    for outside, coefficients, shift in ((np.absolute(q) > 0.425, MIDDLE, 1.6), (r > 5, FAR, 5.0)):
        out[outside] = np.copysign(_ratio(coefficients, r[outside] - shift), q[outside])
    return out


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: np.ndarray) -> np.ndarray:
    top, bottom = coefficients
    return np.polyval(top, x) / np.polyval(bottom, x)


CENTRAL = (
    (
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ),
)
MIDDLE = (
    (
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ),
)
FAR = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    ),
    (
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ),
)


# whole numbers --------------------------------------------------------------------------------------------------------
@op(outputs=("out", "next_state"))
def random_bernoulli(xp, p, state, *, shape=None, dtype=None):
    """1 with probability p, else 0. An array p gives shape and dtype; for a number they are settings (float32)."""
    probability = p if isinstance(p, int | float) else to_host(p)
    wrong = np.asarray(~((np.asarray(probability) >= 0) & (np.asarray(probability) <= 1)))
    check(not wrong.any(), "random_bernoulli needs probabilities from 0 to 1", p=np.asarray(probability)[wrong][:1])
    shape = shape if isinstance(p, int | float) else p.shape
    dtype = dtype or ("float32" if isinstance(p, int | float) else p.dtype)
    exact = np.dtype(getattr(p, "dtype", "float32"))
    drawn = _fractions(state, math.prod(shape), _drawing_dtype(exact)).reshape(shape) < probability
    return xp.asarray(drawn.astype(dtype)), next_state(state)


@random_bernoulli.spec
def random_bernoulli_spec(p, state, *, shape=None, dtype=None):
    name = "random_bernoulli"
    one = not isinstance(p, Spec)
    check(one or is_float(p.dtype), f"{name} needs probabilities as floats", p=p)
    check(one == (shape is not None), f"{name} needs a shape for a number p, and none for an array", p=p, shape=shape)
    found = dtype_named(dtype or ("float32" if one else p.dtype))
    return Spec(_shape(name, shape) if one else p.shape, found), state_spec(name, state)


@op(outputs=("out", "next_state"))
def random_randint(xp, state, *, low, high, shape, dtype="int64"):
    """Whole numbers from low up to, but without, high, all equally likely."""
    drawn = _high_word(_long_words(state, math.prod(shape)), high - low)
    return xp.asarray((drawn.astype(np.int64) + low).reshape(shape).astype(dtype)), next_state(state)


def _high_word(x: np.ndarray, by: int) -> np.ndarray:
    """x * by / 2**64 for uint64: below `by`, and as good as equally often each number."""
    half = np.uint64(32)
    low, high = np.uint64(by & 0xFFFFFFFF), np.uint64(by >> 32)
    x_low, x_high = x & LOW32, x >> half
    if by <= LOW32:
        return (x_high * low + (x_low * low >> half)) >> half
    middle = (x_low * low >> half) + (x_low * high & LOW32) + (x_high * low & LOW32)
    return x_high * high + (x_low * high >> half) + (x_high * low >> half) + (middle >> half)


@random_randint.spec
def random_randint_spec(state, *, low, high, shape, dtype="int64"):
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in (low, high))
    check(whole and low < high, "random_randint needs whole numbers, low below high", low=low, high=high)
    check(low >= -(2**63) and high <= 2**63, "random_randint needs bounds that int64 holds", low=low, high=high)
    found = dtype_named(dtype)
    fits = found.kind not in "iu" or (np.iinfo(found).min <= low and high - 1 <= np.iinfo(found).max)
    check(found.kind != "b" and fits, "random_randint needs a dtype that holds its numbers", dtype=dtype, high=high)
    return Spec(_shape("random_randint", shape), found), state_spec("random_randint", state)


@op(outputs=("out", "next_state"))
def random_permutation(xp, state, *, n):
    """The whole numbers below n, in a random order."""
    return xp.asarray(philox(state).permutation(n)), next_state(state)


@random_permutation.spec
def random_permutation_spec(state, *, n):
    fine = not isinstance(n, int) or n >= 0
    check(fine, "random_permutation needs n as a whole number, not below 0", n=n)
    return Spec((n,), np.dtype("int64")), state_spec("random_permutation", state)
