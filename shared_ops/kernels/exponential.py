"""Exponentials and greatest values of sixteen float32 numbers at a time: what softmax is made of."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from shared_ops.kernels.vector import LANES, VECTOR, WORD, vector

WORDS = ir.VectorType(WORD, LANES)
ROUND_BY_ADDING = 12582912.0  # 1.5 * 2**23: adding it leaves no bits for a fraction
LOG2_E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 0.693359375, -2.12194440e-4
COEFFICIENTS = [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]
LOWEST = -86.6  # e to this is near the smallest normal number


def _constant(x):
    return ir.Constant(VECTOR, [float(x)] * LANES)


@intrinsic
def exp_below(typing_context, x):
    """e**x for x that are not above 0, within 2 ulp, and 0 below -86.6; NaN passes: Cephes, expf.c."""

    def generate(context, builder, signature, arguments):
        (x,) = arguments
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(VECTOR, [VECTOR] * 3), "llvm.fma.v16f32"
        )

        def fused(a, b, c):
            return builder.call(function, [a, b, c])

        shifted = fused(x, _constant(LOG2_E), _constant(ROUND_BY_ADDING))  # its lowest bits are a whole number, n
        n = builder.fsub(shifted, _constant(ROUND_BY_ADDING))
        r = fused(n, _constant(-LN2_HIGH), x)
        r = fused(n, _constant(-LN2_LOW), r)
        p = _constant(COEFFICIENTS[0])
        for c in COEFFICIENTS[1:]:
            p = fused(p, r, _constant(c))
        p = builder.fadd(fused(p, builder.fmul(r, r), r), _constant(1.0))
        power = builder.shl(builder.bitcast(shifted, WORDS), ir.Constant(WORDS, [23] * LANES))
        y = builder.bitcast(builder.add(builder.bitcast(p, WORDS), power), VECTOR)  # p * 2**n
        return builder.select(builder.fcmp_ordered("<", x, _constant(LOWEST)), _constant(0.0), y)

    return vector(vector), generate


def _greater(builder, x, y):
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


@intrinsic
def greater(typing_context, x, y):
    """The greater of two numbers in each lane; y where x is NaN."""
    return vector(vector, vector), lambda context, builder, signature, arguments: _greater(builder, *arguments)


@intrinsic
def greatest(typing_context, x):
    """The greatest of the lanes."""

    def generate(context, builder, signature, arguments):
        value = arguments[0]
        for half in (8, 4, 2, 1):
            places = ir.Constant(WORDS, [(i + half) % LANES for i in range(LANES)])
            value = _greater(builder, value, builder.shuffle_vector(value, value, places))
        return builder.extract_element(value, ir.Constant(WORD, 0))

    return types.float32(vector), generate


@intrinsic
def in_lane(typing_context, lane, x):
    """x in one lane, and 0 in the others; 0 in all where there is no such lane."""

    def generate(context, builder, signature, arguments):
        place, value = arguments
        lanes = ir.VectorType(ir.IntType(64), LANES)

        def spread(kind, x):
            one = builder.insert_element(ir.Constant(kind, ir.Undefined), x, ir.Constant(WORD, 0))
            return builder.shuffle_vector(one, one, ir.Constant(WORDS, [0] * LANES))

        here = builder.icmp_signed("==", ir.Constant(lanes, list(range(LANES))), spread(lanes, place))
        return builder.select(here, spread(VECTOR, value), _constant(0.0))

    return vector(types.int64, types.float32), generate
