"""The error function and its complement, which NumPy lacks: computed in float64 and rounded once.

W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969): one rational function for
|x| up to 0.46875, one up to 4, one beyond; within a few units of the last place of float64.
"""

from __future__ import annotations

import math

from shared_ops.elementwise import floats
from shared_ops.op import op
from shared_ops.spec import same_float
from shared_ops.transcendental import exp

SMALL, MIDDLE, LARGEST = 0.46875, 4.0, 28.0  # erfc(28) is 0 in float64
TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)

# numerators and denominators, highest power first
NEAR = (
    (
        *(1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2),
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
BETWEEN = (
    (
        *(2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1),
        *(2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3),
        1.23033935479799725e3,
    ),
    (
        *(1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3),
        *(3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
    ),
)
FAR = (
    (
        *(1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1),
        *(1.60837851487422766e-2, 6.58749161529837803e-4),
    ),
    (
        *(1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1),
        *(6.05183413124413191e-2, 2.33520497626869185e-3),
    ),
)


def _ratio(fraction, z):
    """Both polynomials at z, divided."""
    values = []
    for coefficients in fraction:
        value = coefficients[0]
        for c in coefficients[1:]:
            value = value * z + c
        values.append(value)
    return values[0] / values[1]


def _erf_near(xp, x):
    """erf where |x| is small; elsewhere what it is at the border."""
    x = xp.clip(x, -SMALL, SMALL)
    return x * _ratio(NEAR, x * x)


def _erfc_beyond(xp, size):
    """erfc of a size that is not small."""
    size = xp.clip(size, SMALL, LARGEST)
    far = xp.maximum(size, MIDDLE)
    z = 1 / (far * far)
    factor = xp.where(
        size <= MIDDLE,
        _ratio(BETWEEN, xp.minimum(size, MIDDLE)),
        (TWO_BY_ROOT_PI / 2 - z * _ratio(FAR, z)) / far,
    )
    short = xp.trunc(size * 16) / 16  # its square is exact, so exp(-size**2) in two factors loses no digits
    return xp.exp(-short * short) * xp.exp(-(size - short) * (size + short)) * factor


@op(spec=same_float)
def erf(xp, x):
    """The error function: 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x."""
    (x,) = floats(xp, x)
    wide = xp.asarray(x, xp.float64)
    size = xp.absolute(wide)
    beyond = xp.copysign(1 - _erfc_beyond(xp, size), wide)
    return xp.where(size <= SMALL, _erf_near(xp, wide), beyond).astype(x.dtype)


@erf.grad
def erf_grad(g, x):
    return g * (exp(-(x * x)) * TWO_BY_ROOT_PI)


@op(spec=same_float)
def erfc(xp, x):
    """1 - erf(x), exact where erf is nearly 1 too."""
    (x,) = floats(xp, x)
    wide = xp.asarray(x, xp.float64)
    size = xp.absolute(wide)
    beyond = _erfc_beyond(xp, size)
    beyond = xp.where(wide < 0, 2 - beyond, beyond)
    return xp.where(size <= SMALL, 1 - _erf_near(xp, wide), beyond).astype(x.dtype)


@erfc.grad
def erfc_grad(g, x):
    return g * (exp(-(x * x)) * -TWO_BY_ROOT_PI)
