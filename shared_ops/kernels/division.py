"""Division that gives whole numbers, and what it leaves, as expressions.

C's fmod works a number at a time. In float64 the remainder of float32 numbers needs none of it while the quotient is
below 2**27: it has 27 bits, so its product with the divisor is exact, and no quotient is rounded up to a whole number,
from which it is away by 2**-24 at least. `USUAL` has these forms, and which numbers are not for them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from shared_ops.kernels.expressions import HALF, ONE, ZERO, expression
from shared_ops.kernels.scalar import INLINE, f4

LARGEST_QUOTIENT, INFINITY = 2.0**27, f4(np.inf)


@njit(**INLINE)
def _floored(x, y, left):
    """x / y rounded down, from what the truncated quotient leaves of x, as NumPy's npy_divmod has it."""
    quotient = (x - left) / y
    quotient = quotient - ONE if left != ZERO and (y < ZERO) != (left < ZERO) else quotient
    whole = np.floor(quotient)
    whole = whole + ONE if quotient - whole > HALF else whole
    whole = whole if quotient != ZERO else x / y * ZERO  # 0, with the sign of the quotient
    return whole if y != ZERO else x / y


@njit(**INLINE)
def _with_sign_of(y, left):
    """What the quotient rounded down leaves, from what the truncated one does."""
    moved = left + y if (y < ZERO) != (left < ZERO) else left
    return moved if left != ZERO or y == ZERO else (ZERO if y > ZERO else f4(-0.0))


@expression
def floor_div(x, y):
    return _floored(x, y, f4(np.fmod(x, y)))


@expression
def remainder(x, y):
    return _with_sign_of(y, f4(np.fmod(x, y)))


@njit(**INLINE)
def unusual(x, y):
    """1 where the quotient is large, or one of the numbers is none, else 0."""
    quotient = np.abs(np.float64(x) / np.float64(y))
    return 0 if quotient < LARGEST_QUOTIENT and np.abs(y) < INFINITY else 1


@njit(**INLINE)
def _left(x, y):
    a, b = np.float64(x), np.float64(y)
    return f4(a - np.trunc(a / b) * b)


@njit(**INLINE)
def floor_div_usual(x, y):
    return _floored(x, y, _left(x, y))


@njit(**INLINE)
def remainder_usual(x, y):
    return _with_sign_of(y, _left(x, y))


USUAL = {"floor_div": (floor_div_usual, unusual), "remainder": (remainder_usual, unusual)}
