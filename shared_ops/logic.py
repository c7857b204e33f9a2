"""Elementwise ops: truth and bits, and which numbers are none. None of them has a gradient."""

from __future__ import annotations

from shared_ops.elementwise import alike
from shared_ops.op import op
from shared_ops.spec import broadcast_bool, broadcast_whole, check, one_array, same_bool


# truth: every number but 0 counts as true ---------------------------------------------------------------------------
@op(spec=broadcast_bool)
def logical_and(xp, x, y):
    """Whether both are true."""
    return xp.logical_and(x, y)


@op(spec=broadcast_bool)
def logical_or(xp, x, y):
    """Whether either is true, or both."""
    return xp.logical_or(x, y)


@op(spec=broadcast_bool)
def logical_xor(xp, x, y):
    """Whether just one of them is true."""
    return xp.logical_xor(x, y)


@op(spec=same_bool)
def logical_not(xp, x):
    """Whether x is 0, or false."""
    return xp.logical_not(x)


# bits of whole numbers; of booleans the same as truth ---------------------------------------------------------------
@op(spec=broadcast_whole)
def bitwise_and(xp, x, y):
    """The bits that both have."""
    return xp.bitwise_and(*alike(xp, x, y))


@op(spec=broadcast_whole)
def bitwise_or(xp, x, y):
    """The bits that either has."""
    return xp.bitwise_or(*alike(xp, x, y))


@op(spec=broadcast_whole)
def bitwise_xor(xp, x, y):
    """The bits that just one of them has."""
    return xp.bitwise_xor(*alike(xp, x, y))


@op
def bitwise_not(xp, x):
    """The bits that x has not: -x - 1 for signed integers."""
    return xp.invert(x)


@bitwise_not.spec
def bitwise_not_spec(x):
    check(one_array(x).dtype.kind in "biu", "bitwise_not needs whole numbers or booleans", x=x)
    return x


def _shifted(x, y):
    out = broadcast_whole(x, y)
    check(out.dtype.kind != "b", "it needs whole numbers to shift", x=x, y=y)
    return out


@op(spec=_shifted)
def left_shift(xp, x, y):
    """x times 2**y, the bits that leave at the top lost."""
    return xp.left_shift(*alike(xp, x, y))


@op(spec=_shifted)
def right_shift(xp, x, y):
    """x divided by 2**y, rounded down."""
    return xp.right_shift(*alike(xp, x, y))


# which numbers are none ---------------------------------------------------------------------------------------------
@op(spec=same_bool)
def isnan(xp, x):
    """Whether x is not a number."""
    return xp.isnan(x)


@op(spec=same_bool)
def isinf(xp, x):
    """Whether x is infinite, of either sign."""
    return xp.isinf(x)


@op(spec=same_bool)
def isfinite(xp, x):
    """Whether x is neither infinite nor NaN."""
    return xp.isfinite(x)
