"""Sums over, and linear functions of, stretches of dense float32 arrays: what normalising is made of.

A stretch is the elements from `first` to before `end`; what it is (a row, a channel of an image, a group) is the
caller's. Each is summed in the one order of `vector`, so results do not depend on the number of threads.
"""

from __future__ import annotations

from numba import njit

from shared_ops.kernels.scalar import COMPILED, f4
from shared_ops.kernels.vector import load, spread, stay_alone, store, total

LANES = 16


@njit(**COMPILED)
def sum_of(x, first, end):
    """Sum of x, in two halves of steps, for an addition takes as long as four loads."""
    stay_alone()
    a, b = spread(f4(0)), spread(f4(0))
    for i in range(first, end, 2 * LANES):
        a = a + load(x, i, end, f4(0))
        if i + LANES < end:
            b = b + load(x, i + LANES, end, f4(0))
    return total(a + b)


@njit(**COMPILED)
def squares_of(x, first, end, mean):
    """Sum of (x - mean)**2."""
    stay_alone()
    a, b, middle = spread(f4(0)), spread(f4(0)), spread(mean)
    for i in range(first, end, 2 * LANES):
        d = load(x, i, end, mean) - middle
        a = a + d * d
        if i + LANES < end:
            d = load(x, i + LANES, end, mean) - middle
            b = b + d * d
    return total(a + b)


@njit(**COMPILED)
def sums_of(g, x, first, end, mean):
    """Sum of g, and of g * (x - mean)."""
    stay_alone()
    a, b, middle = spread(f4(0)), spread(f4(0)), spread(mean)
    for i in range(first, end, LANES):
        y = load(g, i, end, f4(0))
        a = a + y
        b = b + y * (load(x, i, end, mean) - middle)
    return total(a), total(b)


@njit(**COMPILED)
def scaled(x, out, first, end, mean, scale, shift):
    """out = (x - mean) * scale + shift."""
    stay_alone()
    middle, times, plus = spread(mean), spread(scale), spread(shift)
    for i in range(first, end, LANES):
        store(out, i, end, (load(x, i, end, f4(0)) - middle) * times + plus)


@njit(**COMPILED)
def mixed(g, x, out, first, end, mean, of_g, of_x, shift):
    """out = g * of_g + (x - mean) * of_x + shift."""
    stay_alone()
    middle, by_g, by_x, plus = spread(mean), spread(of_g), spread(of_x), spread(shift)
    for i in range(first, end, LANES):
        y = load(g, i, end, f4(0)) * by_g
        store(out, i, end, y + (load(x, i, end, f4(0)) - middle) * by_x + plus)
