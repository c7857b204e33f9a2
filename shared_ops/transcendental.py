"""Elementwise ops: powers, exponentials, logarithms, trigonometric and hyperbolic functions.

Their gradient rules lean on the derivatives that every table has, written with `out` where that saves work.
"""

from __future__ import annotations

import math

from shared_ops.elementwise import alike, div, eq, floats, ge, neg, rsqrt, where
from shared_ops.op import op
from shared_ops.spec import FLOAT32, SpecError, broadcast_float, broadcast_number, same_float

LN_2, LN_10 = math.log(2), math.log(10)


# powers and exponentials --------------------------------------------------------------------------------------------
@op(spec=broadcast_number)
def pow(xp, x, y):
    """x to the power y. Raises SpecError for integers to negative powers, as PyTorch does: floats could hold those."""
    x, y = alike(xp, x, y)
    if isinstance(y, int | float) and y == 2:
        return xp.square(x)
    if getattr(x, "dtype", FLOAT32).kind in "iu" and y.size and y.min() < 0:
        raise SpecError(f"pow needs the powers of integers to be at least 0; got y: {y.min()}")
    return xp.power(x, y)


@pow.grad
def pow_grad(g, x, y, out, wants):
    gx = g * _slope_of_power(x, y) if wants[0] else None
    base = where(eq(x, 0), where(ge(y, 0), 1, x), x) if wants[1] else None  # 0**y stays 0, however y moves
    return gx, (g * (out * log(base)) if wants[1] else None)


def _slope_of_power(x, y):
    """y * x ** (y - 1), and 0 for y = 0 even where x is 0."""
    if isinstance(y, int | float):
        return y * pow(x, y - 1) if y else x * 0
    return where(eq(y, 0), 0, y * pow(x, where(eq(y, 0), 1, y - 1)))


@op(spec=same_float)
def exp(xp, x):
    """e to the power x."""
    return xp.exp(*floats(xp, x))


@exp.grad
def exp_grad(g, out):
    return g * out


@op(spec=same_float)
def exp2(xp, x):
    """2 to the power x."""
    return xp.exp2(*floats(xp, x))


@exp2.grad
def exp2_grad(g, out):
    return g * (out * LN_2)


@op(spec=same_float)
def expm1(xp, x):
    """exp(x) - 1, exact near 0 too."""
    return xp.expm1(*floats(xp, x))


@expm1.grad
def expm1_grad(g, out):
    return g * (out + 1)


# logarithms -------------------------------------------------------------------------------------------------------
@op(spec=same_float)
def log(xp, x):
    """Natural logarithm."""
    return xp.log(*floats(xp, x))


@log.grad
def log_grad(g, x):
    return div(g, x)


@op(spec=same_float)
def log2(xp, x):
    """Logarithm to base 2."""
    return xp.log2(*floats(xp, x))


@log2.grad
def log2_grad(g, x):
    return div(g, x * LN_2)


@op(spec=same_float)
def log10(xp, x):
    """Logarithm to base 10."""
    return xp.log10(*floats(xp, x))


@log10.grad
def log10_grad(g, x):
    return div(g, x * LN_10)


@op(spec=same_float)
def log1p(xp, x):
    """log(1 + x), exact near 0 too."""
    return xp.log1p(*floats(xp, x))


@log1p.grad
def log1p_grad(g, x):
    return div(g, x + 1)


# circles ----------------------------------------------------------------------------------------------------------
@op(spec=same_float)
def sin(xp, x):
    """Sine of x radians."""
    return xp.sin(*floats(xp, x))


@sin.grad
def sin_grad(g, x):
    return g * cos(x)


@op(spec=same_float)
def cos(xp, x):
    """Cosine of x radians."""
    return xp.cos(*floats(xp, x))


@cos.grad
def cos_grad(g, x):
    return -(g * sin(x))


@op(spec=same_float)
def tan(xp, x):
    """Tangent of x radians."""
    return xp.tan(*floats(xp, x))


@tan.grad
def tan_grad(g, out):
    return g * (out * out + 1)


@op(spec=same_float)
def asin(xp, x):
    """The angle in radians, from -pi/2 to pi/2, whose sine is x."""
    return xp.arcsin(*floats(xp, x))


@asin.grad
def asin_grad(g, x):
    return g * rsqrt(1 - x * x)


@op(spec=same_float)
def acos(xp, x):
    """The angle in radians, from 0 to pi, whose cosine is x."""
    return xp.arccos(*floats(xp, x))


@acos.grad
def acos_grad(g, x):
    return neg(g * rsqrt(1 - x * x))


@op(spec=same_float)
def atan(xp, x):
    """The angle in radians, from -pi/2 to pi/2, whose tangent is x."""
    return xp.arctan(*floats(xp, x))


@atan.grad
def atan_grad(g, x):
    return div(g, x * x + 1)


@op(spec=broadcast_float)
def atan2(xp, y, x):
    """The angle in radians, from -pi to pi, of the point (x, y)."""
    return xp.arctan2(*floats(xp, y, x))


@atan2.grad
def atan2_grad(g, y, x, wants):
    size = x * x + y * y
    share = where(eq(size, 0), 0, div(g, size))
    return (share * x if wants[0] else None), (neg(share * y) if wants[1] else None)


# hyperbolas -------------------------------------------------------------------------------------------------------
@op(spec=same_float)
def sinh(xp, x):
    """Hyperbolic sine."""
    return xp.sinh(*floats(xp, x))


@sinh.grad
def sinh_grad(g, x):
    return g * cosh(x)


@op(spec=same_float)
def cosh(xp, x):
    """Hyperbolic cosine."""
    return xp.cosh(*floats(xp, x))


@cosh.grad
def cosh_grad(g, x):
    return g * sinh(x)


@op(spec=same_float)
def tanh(xp, x):
    """Hyperbolic tangent."""
    return xp.tanh(*floats(xp, x))


@tanh.grad
def tanh_grad(g, out):
    return g * (1 - out * out)
