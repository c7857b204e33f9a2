"""Elementwise ops: rounding to whole numbers, and division that gives them. Step functions have the gradient 0."""

from __future__ import annotations

from shared_ops.elementwise import alike, neg, no_slope
from shared_ops.op import op
from shared_ops.spec import FLOAT32, SpecError, broadcast_number, same_number


def _rounded(function, x):
    return x.copy() if x.dtype.kind in "iu" else function(x)  # integers are whole, and NumPy would make floats of them


@op(spec=same_number)
def floor(xp, x):
    """The greatest whole number that is not above x."""
    return _rounded(xp.floor, x)


@op(spec=same_number)
def ceil(xp, x):
    """The least whole number that is not below x."""
    return _rounded(xp.ceil, x)


@op(spec=same_number)
def round(xp, x):
    """The nearest whole number; of two that are equally near the even one."""
    return _rounded(xp.rint, x)


@op(spec=same_number)
def trunc(xp, x):
    """x without what stands behind the point."""
    return _rounded(xp.trunc, x)


@floor.grad
@ceil.grad
@round.grad
@trunc.grad
def step_grad(g):
    return no_slope(g)


@op(spec=same_number)
def frac(xp, x):
    """What stands behind the point, with the sign of x."""
    return x - _rounded(xp.trunc, x)


@frac.grad
def frac_grad(g):
    return g


@op(spec=broadcast_number)
def floor_div(xp, x, y):
    """x / y, rounded down. Raises SpecError for an integer divided by 0."""
    return xp.floor_divide(*_dividable("floor_div", xp, x, y))


@floor_div.grad
def floor_div_grad(g):
    return no_slope(g), no_slope(g)


@op(spec=broadcast_number)
def remainder(xp, x, y):
    """What floor_div leaves of x: it has the sign of y. Raises SpecError for an integer divided by 0."""
    return xp.remainder(*_dividable("remainder", xp, x, y))


@remainder.grad
def remainder_grad(g, x, y, wants):
    return g, (neg(g * floor_div(x, y)) if wants[1] else None)


def _dividable(name, xp, x, y):
    x, y = alike(xp, x, y)
    if getattr(y, "dtype", FLOAT32).kind in "iu" and (y == 0).any():
        raise SpecError(f"{name} needs integers to be divided by other numbers than 0; got a 0 in y")
    return x, y
