"""Random float32 numbers by row kernels: Philox blocks are numbered, so any part is drawn by itself.

A row is four arrays, one for each word of a block: what the plain kernels give as four rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from shared_ops.device import to_host
from shared_ops.kernels.many import (
    FLOAT32,
    NDARRAY,
    floats_at,
    ints_at,
    objects_of,
    row_kernel,
    update_rows,
    usable,
    words_at,
)
from shared_ops.kernels.scalar import logf
from shared_ops.random import last_below, next_state

f4, u8 = np.float32, np.uint64
LOW, HALF = u8(0xFFFFFFFF), u8(32)
FACTOR0, FACTOR1 = u8(0xD2511F53), u8(0xCD9E8D57)
STEP0, STEP1 = u8(0x9E3779B9), u8(0xBB67AE85)
UNIT = f4(2.0**-24)
INLINE: dict[str, Any] = {"inline": "always", "error_model": "numpy"}


@njit(**INLINE)
def philox(block, draw, seed):
    """The four words of a block: Philox4x32-10, Salmon et al. 2011."""
    a, b, c, d = block & LOW, block >> HALF, draw & LOW, draw >> HALF
    key0, key1 = seed & LOW, seed >> HALF
    for _ in range(10):
        first, second = a * FACTOR0, c * FACTOR1
        a, b = (second >> HALF) ^ b ^ key0, second & LOW
        c, d = (first >> HALF) ^ d ^ key1, first & LOW
        key0, key1 = (key0 + STEP0) & LOW, (key1 + STEP1) & LOW
    return a, b, c, d


@njit(**INLINE)
def fraction(word):
    """From 0 up to, but without, 1."""
    return f4(np.int32(word >> u8(8))) * UNIT


@njit(**INLINE)
def normal_pair(word0, word1):
    """Two numbers of the standard normal distribution: Box & Muller 1958; sine by quarters (Cephes, sinf.c)."""
    radius = math.sqrt(f4(-2.0) * logf(f4(np.int32(word0 >> u8(8)) + np.int32(1)) * UNIT))
    turns = fraction(word1) * f4(4.0)
    quarter = np.int32(turns + f4(0.5))
    x = (turns - f4(quarter)) * f4(math.pi / 2)
    z = x * x
    sine = ((f4(-1.9515295891e-4) * z + f4(8.3321608736e-3)) * z + f4(-1.6666654611e-1)) * z * x + x
    cosine = ((f4(2.443315711809948e-5) * z + f4(-1.388731625493765e-3)) * z + f4(4.166664568298827e-2)) * z * z
    cosine = cosine - f4(0.5) * z + f4(1.0)
    odd = (quarter & np.int32(1)) != 0
    along, across = (sine, cosine) if odd else (cosine, sine)
    along = -along if ((quarter + np.int32(1)) & np.int32(2)) != 0 else along
    across = -across if (quarter & np.int32(2)) != 0 else across
    return radius * along, radius * across


# row kernels ----------------------------------------------------------------------------------------------------------
def uniform(row, start, count, numbers, notes):
    at = words_at(row)
    out0, out1, out2, out3 = floats_at(at[0]), floats_at(at[1]), floats_at(at[2]), floats_at(at[3])
    seed, draw = u8(words_at(numbers)[0]), u8(words_at(numbers)[1])
    n = floats_at(numbers)
    span, low, last = n[4], n[5], n[6]
    for i in range(start, start + count):
        a, b, c, d = philox(u8(i), draw, seed)
        out0[i] = min(fraction(a) * span + low, last)
        out1[i] = min(fraction(b) * span + low, last)
        out2[i] = min(fraction(c) * span + low, last)
        out3[i] = min(fraction(d) * span + low, last)


def normal(row, start, count, numbers, notes):
    at = words_at(row)
    out0, out1, out2, out3 = floats_at(at[0]), floats_at(at[1]), floats_at(at[2]), floats_at(at[3])
    seed, draw = u8(words_at(numbers)[0]), u8(words_at(numbers)[1])
    n = floats_at(numbers)
    stddev, mean = n[4], n[5]
    for i in range(start, start + count):
        a, b, c, d = philox(u8(i), draw, seed)
        x, y = normal_pair(a, b)
        out0[i], out1[i] = x * stddev + mean, y * stddev + mean
        x, y = normal_pair(c, d)
        out2[i], out3[i] = x * stddev + mean, y * stddev + mean


def bits(row, start, count, numbers, notes):
    """The words themselves."""
    at = words_at(row)
    out0, out1, out2, out3 = ints_at(at[0]), ints_at(at[1]), ints_at(at[2]), ints_at(at[3])
    seed, draw = u8(words_at(numbers)[0]), u8(words_at(numbers)[1])
    for i in range(start, start + count):
        a, b, c, d = philox(u8(i), draw, seed)
        out0[i], out1[i], out2[i], out3[i] = np.int32(a), np.int32(b), np.int32(c), np.int32(d)


def whole(row, start, count, numbers, notes):
    """int64 below a number, from 64 bits each; rows of int64 are told as float32 of twice the length."""
    at = words_at(row)
    out0, out1 = words_at(at[0]), words_at(at[1])
    n = words_at(numbers)
    seed, draw, by, low = u8(n[0]), u8(n[1]), u8(n[2]), n[3]
    for i in range(start >> 1, (start + count) >> 1):
        a, b, c, d = philox(u8(i), draw, seed)
        out0[i] = np.int64((c * by + (a * by >> HALF)) >> HALF) + low
        out1[i] = np.int64((d * by + (b * by >> HALF)) >> HALF) + low


# forms ----------------------------------------------------------------------------------------------------------------
def drawn(kernel: Callable, state: Any, out: np.ndarray, numbers: Any) -> np.ndarray | None:
    """The rows of an array, float32, filled by a row kernel; None where arrays cannot be told to it."""
    settings = np.concatenate([np.asarray(to_host(state), np.uint64).view(np.float32), numbers])
    rows, width = list(out), len(out)
    done = usable() and update_rows(
        row_kernel(kernel).address, objects_of(rows, width), width, -1, settings, NDARRAY, FLOAT32
    )
    return out if done else None


def _blocks(count: int) -> np.ndarray:
    return np.empty((4, -(-count // 4)), np.float32)


def words(state: Any, count: int) -> np.ndarray | None:
    """At least so many random uint32 of one draw, as four rows."""
    out = drawn(bits, state, _blocks(count), np.empty(0, np.float32))
    return None if out is None else out.view(np.uint32)


def random_uniform(state: Any, *, shape: Any, low: float = 0.0, high: float = 1.0, dtype: Any = "float32") -> Any:
    if np.dtype(dtype) != np.float32:
        return NotImplemented
    count = math.prod(shape)
    numbers = np.array([high - low, low, last_below(high, low, np.float32)], np.float32)
    out = drawn(uniform, state, _blocks(count), numbers)
    return NotImplemented if out is None else (out.reshape(-1)[:count].reshape(shape), next_state(state))


def random_normal(state: Any, *, shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = "float32") -> Any:
    if np.dtype(dtype) != np.float32:
        return NotImplemented
    count = math.prod(shape)
    out = drawn(normal, state, _blocks(count), np.array([stddev, mean], np.float32))
    return NotImplemented if out is None else (out.reshape(-1)[:count].reshape(shape), next_state(state))


def random_randint(state: Any, *, low: int, high: int, shape: Any, dtype: Any = "int64") -> Any:
    if not 0 < high - low < 1 << 32 or np.dtype(dtype) != np.int64:
        return NotImplemented
    count = math.prod(shape)
    out = np.empty((2, -(-count // 2)), np.int64)
    done = drawn(whole, state, out.view(np.float32), np.array([high - low, low], np.int64).view(np.float32))
    return NotImplemented if done is None else (out.reshape(-1)[:count].reshape(shape), next_state(state))


KERNELS: dict[str, Callable] = {
    "random_uniform": random_uniform,
    "random_normal": random_normal,
    "random_randint": random_randint,
}
