"""Elementwise ops as expressions of float32 numbers: what a chunk kernel does to each element.

`EXPRESSIONS[op]` takes the op's inputs and then its number settings, in the op's order. From one expression come the
op's own kernel and every fused one, so fused and unfused give the same bits. Where NumPy computes the same bits (one
rounding, or none), the op is `EXACT`, and small arrays go to NumPy's own function, which is quicker to call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from shared_ops.kernels.scalar import INLINE, erfcf, erff, exp2f, expf, expm1f, f4, log1pf, logf, sigmoidf, tanhf

EXPRESSIONS: dict[str, Callable] = {}

NOTHING = np.zeros((), np.float32)  # as an array, which NumPy takes sooner than a number

EXACT: dict[str, Any] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "abs": np.absolute,
    "sqrt": np.sqrt,
    "square": np.square,
    "reciprocal": np.reciprocal,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "round": np.rint,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "where": np.where,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "logical_not": np.logical_not,
    "relu": lambda x: np.maximum(x, NOTHING),
}

BEST_BY_CHUNKS = {"where", "relu", "sqrt", "reciprocal"}  # soon quicker in our own loop than in NumPy's


def few(name: str) -> int:
    """Up to how many elements NumPy's function for an EXACT expression is quicker to call than a kernel."""
    return 2048 if name in BEST_BY_CHUNKS else 32768


ZERO, HALF, ONE, TWO = f4(0.0), f4(0.5), f4(1.0), f4(2.0)
SQRT_HALF, SQRT_2_BY_PI = f4(0.70710678118654752), f4(0.7978845608028654)
SELU_ALPHA, SELU_SCALE = f4(1.6732632423543772), f4(1.0507009873554805)


def expression(function: Callable) -> Callable:
    """Enter a function in EXPRESSIONS, under the name of its op."""
    compiled = njit(**INLINE)(function)
    EXPRESSIONS[function.__name__] = compiled
    return compiled


# arithmetic ---------------------------------------------------------------------------------------------------------
@expression
def add(x, y):
    return x + y


@expression
def sub(x, y):
    return x - y


@expression
def mul(x, y):
    return x * y


@expression
def div(x, y):
    return x / y


@expression
def neg(x):
    return -x


@expression
def abs(x):
    return np.abs(x)


@expression
def square(x):
    return x * x


@expression
def reciprocal(x):
    return ONE / x


@expression
def sqrt(x):
    return np.sqrt(x)


@expression
def rsqrt(x):
    return ONE / np.sqrt(x)


@expression
def sign(x):
    return ONE if x > ZERO else (-ONE if x < ZERO else ZERO)


@expression
def floor(x):
    return np.floor(x)


@expression
def ceil(x):
    return np.ceil(x)


@expression
def trunc(x):
    return np.trunc(x)


@expression
def round(x):
    return np.rint(x)


@expression
def frac(x):
    return x - np.trunc(x)


# choosing -----------------------------------------------------------------------------------------------------------
@expression
def maximum(x, y):
    return x if x > y or x != x else y


@expression
def minimum(x, y):
    return x if x < y or x != x else y


@expression
def where(condition, x, y):
    return x if condition else y


@expression
def eq(x, y):
    return x == y


@expression
def ne(x, y):
    return x != y


@expression
def lt(x, y):
    return x < y


@expression
def le(x, y):
    return x <= y


@expression
def gt(x, y):
    return x > y


@expression
def ge(x, y):
    return x >= y


@expression
def lerp(x, y, weight):
    return x + weight * (y - x) if np.abs(weight) < HALF else y - (y - x) * (ONE - weight)


# truth: of booleans, which are bytes that hold 0 or 1 ---------------------------------------------------------------
@expression
def logical_and(x, y):
    return x & y


@expression
def logical_or(x, y):
    return x | y


@expression
def logical_xor(x, y):
    return x ^ y


@expression
def logical_not(x):
    return x ^ 1


# exponential --------------------------------------------------------------------------------------------------------
@expression
def exp(x):
    return expf(x)


@expression
def exp2(x):
    return exp2f(x)


@expression
def expm1(x):
    return expm1f(x)


@expression
def log(x):
    return logf(x)


@expression
def log1p(x):
    return log1pf(x)


@expression
def tanh(x):
    return tanhf(x)


@expression
def sigmoid(x):
    return sigmoidf(x)


@expression
def logsigmoid(x):
    return (x if x < ZERO or x != x else ZERO) - log1pf(expf(-np.abs(x)))


@expression
def erf(x):
    return erff(x)


@expression
def erfc(x):
    return erfcf(x)


# activations --------------------------------------------------------------------------------------------------------
@expression
def relu(x):
    return x if x > ZERO or x != x else ZERO


@expression
def relu6(x):
    low = x if x > ZERO or x != x else ZERO
    return f4(6.0) if low > f4(6.0) else low


@expression
def leaky_relu(x, negative_slope):
    return x if x > ZERO else x * negative_slope


@expression
def elu(x, alpha):
    below = alpha * expm1f(x)  # computed in any case: a branch would keep the loop from being vectorised
    return x if x > ZERO else below


@expression
def celu(x, alpha):
    below = alpha * expm1f(x / alpha)  # computed in any case: a branch would keep the loop from being vectorised
    return x if x > ZERO else below


@expression
def selu(x):
    below = SELU_ALPHA * expm1f(x)
    return SELU_SCALE * (x if x > ZERO else below)


@expression
def silu(x):
    return x * sigmoidf(x)


@expression
def mish(x):
    softened = (x if x > ZERO else ZERO) + log1pf(expf(-np.abs(x)))
    return x * tanhf(softened)


@expression
def softplus(x, beta, threshold):
    z = x * beta
    return x if z > threshold else ((z if z > ZERO or z != z else ZERO) + log1pf(expf(-np.abs(z)))) / beta


@expression
def softsign(x):
    return x / (ONE + np.abs(x))


@expression
def hardtanh(x, min_val, max_val):
    low = min_val if x < min_val else x
    return max_val if low > max_val else low


@expression
def hardsigmoid(x):
    y = x * f4(1.0 / 6.0) + HALF
    low = ZERO if y < ZERO else y
    return ONE if low > ONE else low


@expression
def hardswish(x):
    y = x + f4(3.0)
    low = ZERO if y < ZERO else y
    return x * (f4(6.0) if low > f4(6.0) else low) * f4(1.0 / 6.0)


@expression
def gelu_erf(x):
    return HALF * x * (ONE + erff(x * SQRT_HALF))


@expression
def gelu_tanh(x):
    return HALF * x * (ONE + tanhf(SQRT_2_BY_PI * (x + f4(0.044715) * x * x * x)))


VARIANTS = {"gelu": {"none": "gelu_erf", "tanh": "gelu_tanh"}}  # an op whose setting is a word: one expression for each
VARIANT_SETTING = {"gelu": "approximate"}
