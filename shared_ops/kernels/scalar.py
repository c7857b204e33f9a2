"""Functions of one float32 number that LLVM can put into vector registers: polynomials without a branch or a call.

The C library's functions are calls that keep a loop from being vectorised, at ten times the cost. Each function here
rounds after each operation (never fused, never reordered), so it gives the same bits alone and in a longer kernel.
NaN passes through; the ends of the range give 0 and infinity. Errors are in units of the last place (ulp).
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

f4 = np.float32
i4 = np.int32
INLINE = {"inline": "always", "error_model": "numpy"}
COMPILED = {"cache": True, "nogil": True, "error_model": "numpy"}

ROUND_BY_ADDING = f4(12582912.0)  # 1.5 * 2**23: adding it leaves no bits for a fraction
LN2 = f4(0.6931471805599453)
LOG2_E, LN2_HIGH, LN2_LOW = f4(1.4426950408889634), f4(0.693359375), f4(-2.12194440e-4)
SMALLEST_NORMAL = f4(1.1754943508222875e-38)


@intrinsic
def as_float(typing_context, bits):
    """The float32 that an int32's bits are."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def as_bits(typing_context, x):
    """The bits of a float32, as an int32."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@njit(**INLINE)
def expf(x):
    """e**x, within 2 ulp: reduced to |r| <= ln(2)/2, then a polynomial of degree 7 (Cephes, expf.c)."""
    x = f4(89.0) if x > f4(89.0) else x
    x = f4(-104.0) if x < f4(-104.0) else x
    n = (x * LOG2_E + ROUND_BY_ADDING) - ROUND_BY_ADDING
    r = x - n * LN2_HIGH
    r = r - n * LN2_LOW
    return _exp_of_parts(r, n)


@njit(**INLINE)
def exp2f(x):
    """2**x, within 2 ulp."""
    x = f4(129.0) if x > f4(129.0) else x
    x = f4(-151.0) if x < f4(-151.0) else x
    n = (x + ROUND_BY_ADDING) - ROUND_BY_ADDING
    return _exp_of_parts((x - n) * LN2, n)


@njit(**INLINE)
def _exp_of_parts(r, n):
    """e**r * 2**n, for |r| <= ln(2)/2."""
    p = f4(1.9875691500e-4)
    p = p * r + f4(1.3981999507e-3)
    p = p * r + f4(8.3334519073e-3)
    p = p * r + f4(4.1665795894e-2)
    p = p * r + f4(1.6666665459e-1)
    p = p * r + f4(5.0000001201e-1)
    p = p * (r * r) + r + f4(1.0)
    k = i4(n)
    half = k >> i4(1)  # 2**n in two factors, for n = 128 and n < -126 have no float of their own
    return p * as_float((half + i4(127)) << i4(23)) * as_float((k - half + i4(127)) << i4(23))


@njit(**INLINE)
def expm1f(x):
    """e**x - 1, within 4 ulp, also near 0."""
    r = x if np.abs(x) < f4(0.35) else f4(0.0)
    p = f4(1.0 / 5040)
    p = p * r + f4(1.0 / 720)
    p = p * r + f4(1.0 / 120)
    p = p * r + f4(1.0 / 24)
    p = p * r + f4(1.0 / 6)
    p = p * r + f4(0.5)
    near = p * (r * r) + r
    return near if np.abs(x) < f4(0.35) else expf(x) - f4(1.0)


@njit(**INLINE)
def logf(x):
    """Natural logarithm, within 2 ulp: x = m * 2**e with m near 1, then a polynomial (Cephes, logf.c)."""
    tiny = x < SMALLEST_NORMAL
    scaled = x * f4(8388608.0) if tiny else x
    bits = as_bits(scaled)
    e = f4(((bits >> i4(23)) & i4(255)) - i4(126)) - (f4(23.0) if tiny else f4(0.0))
    m = as_float((bits & i4(0x007FFFFF)) | i4(0x3F000000))
    low = m < f4(0.70710678118654752)
    e = e - f4(1.0) if low else e
    m = (m + m if low else m) - f4(1.0)
    z = m * m
    p = f4(7.0376836292e-2)
    p = p * m + f4(-1.1514610310e-1)
    p = p * m + f4(1.1676998740e-1)
    p = p * m + f4(-1.2420140846e-1)
    p = p * m + f4(1.4249322787e-1)
    p = p * m + f4(-1.6668057665e-1)
    p = p * m + f4(2.0000714765e-1)
    p = p * m + f4(-2.4999993993e-1)
    p = p * m + f4(3.3333331174e-1)
    y = p * m * z
    y = y + e * LN2_LOW
    y = y - f4(0.5) * z
    y = m + y
    y = y + e * LN2_HIGH
    y = f4(np.inf) if x == f4(np.inf) else y
    y = f4(-np.inf) if x == f4(0.0) else y
    return f4(np.nan) if x < f4(0.0) or x != x else y


@njit(**INLINE)
def log1pf(x):
    """log(1 + x), within 4 ulp: the rounding error of 1 + x is put back (Higham 2002, 1.14.1)."""
    u = f4(1.0) + x
    inside = u != f4(1.0) and u < f4(np.inf) and u > f4(0.0)
    d = u - f4(1.0) if inside else f4(1.0)
    corrected = logf(u) * (x / d)
    return corrected if inside else (x if u == f4(1.0) else logf(u))


@njit(**INLINE)
def tanhf(x):
    """Hyperbolic tangent, within 7 ulp: a rational function of degree 13 over 6, beyond 7.9 it is 1 in float32."""
    y = f4(7.90531110763549805) if x > f4(7.90531110763549805) else x
    y = f4(-7.90531110763549805) if y < f4(-7.90531110763549805) else y
    z = y * y
    p = z * f4(-2.76076847742355e-16) + f4(2.00018790482477e-13)
    p = p * z + f4(-8.60467152213735e-11)
    p = p * z + f4(5.12229709037114e-08)
    p = p * z + f4(1.48572235717979e-05)
    p = p * z + f4(6.37261928875436e-04)
    p = p * z + f4(4.89352455891786e-03)
    q = z * f4(1.19825839466702e-06) + f4(1.18534705686654e-04)
    q = q * z + f4(2.26843463243900e-03)
    q = q * z + f4(4.89352518554385e-03)
    return y * p / q


@njit(**INLINE)
def sigmoidf(x):
    """1 / (1 + e**-x); overflow of the exponential gives 0, as it should."""
    return f4(1.0) / (f4(1.0) + expf(-x))


@njit(**INLINE)
def erff(x):
    """Error function, within 5 ulp: a rational function of degree 13 over 8, beyond 4 it is 1 in float32."""
    y = f4(4.0) if x > f4(4.0) else x
    y = f4(-4.0) if y < f4(-4.0) else y
    z = y * y
    p = z * f4(-2.72614225801306e-10) + f4(2.77068142495902e-08)
    p = p * z + f4(-2.10102402082508e-06)
    p = p * z + f4(-5.69250639462346e-05)
    p = p * z + f4(-7.34990630326855e-04)
    p = p * z + f4(-2.95459980854025e-03)
    p = p * z + f4(-1.60960333262415e-02)
    q = z * f4(-1.45660718464996e-05) + f4(-2.13374055278905e-04)
    q = q * z + f4(-1.68282697438203e-03)
    q = q * z + f4(-7.37332916720468e-03)
    q = q * z + f4(-1.42647390514189e-02)
    return y * p / q


@njit(**INLINE)
def erfcf(x):
    """1 - erf(x), within 12 ulp also where it is tiny: t * e**(-x**2 + polynomial of t) (Press et al. 1992, erfcc)."""
    z = np.abs(x)
    z = f4(11.0) if z > f4(11.0) else z
    t = f4(1.0) / (f4(1.0) + f4(0.5) * z)
    p = f4(0.17087277)
    p = p * t + f4(-0.82215223)
    p = p * t + f4(1.48851587)
    p = p * t + f4(-1.13520398)
    p = p * t + f4(0.27886807)
    p = p * t + f4(-0.18628806)
    p = p * t + f4(0.09678418)
    p = p * t + f4(0.37409196)
    p = p * t + f4(1.00002368)
    p = p * t + f4(-1.26551223)
    high = as_float(as_bits(z) & i4(-4096))  # 12 bits of z, so that its square is exact
    y = t * expf(-(high * high)) * expf(p - (z - high) * (z + high))
    y = y if x >= f4(0.0) else f4(2.0) - y
    return x if x != x else y
