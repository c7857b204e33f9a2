"""Sixteen float32 numbers that one instruction works on: a Numba type, `load`, `store`, + - * / and a sum.

LLVM makes vectors of a plain loop only when it can prove that nothing changes, which sums of floats do when reordered.
Here the order is written down: lane i has the elements i, i + 16, …, and lanes are added in halves. On processors with
shorter vectors LLVM splits each into several, with the same bits.
"""

from __future__ import annotations

import operator

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

LANES = 16
WORD, SINGLE = ir.IntType(32), ir.FloatType()
VECTOR = ir.VectorType(SINGLE, LANES)


class Vector(types.Type):
    def __init__(self):
        super().__init__(name="float32x16")


vector = Vector()


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, VECTOR)


def _pointer(context, builder, kind, array, i, to):
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [i]), to.as_pointer())


def _spread(builder, x):
    one = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), x, ir.Constant(WORD, 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(WORD, LANES), [0] * LANES))


@intrinsic
def load_16(typing_context, array, i):
    """The elements i to i + 15 of a one-dimensional dense array."""

    def generate(context, builder, signature, arguments):
        data, at = arguments
        return builder.load(_pointer(context, builder, array, data, at, VECTOR), align=4)

    return vector(array, types.int64), generate


@intrinsic
def store_16(typing_context, array, i, x):
    """Write them."""

    def generate(context, builder, signature, arguments):
        to, at, value = arguments
        builder.store(value, _pointer(context, builder, array, to, at, VECTOR), align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, vector), generate


@intrinsic
def spread(typing_context, x):
    """The same number in each lane."""
    return vector(types.float32), lambda context, builder, signature, arguments: _spread(builder, arguments[0])


BITS = ir.VectorType(ir.IntType(1), LANES)
MASKED = "v16f32.p0"  # the types in the names of LLVM's masked load and store


def _first(builder, count):
    """A bit for each lane, set for the first `count`."""
    counts = ir.Constant(ir.VectorType(WORD, LANES), ir.Undefined)
    one = builder.insert_element(counts, builder.trunc(count, WORD), ir.Constant(WORD, 0))
    counts = builder.shuffle_vector(one, one, ir.Constant(counts.type, [0] * LANES))
    return builder.icmp_signed("<", ir.Constant(counts.type, list(range(LANES))), counts)


@intrinsic
def load_first(typing_context, array, i, count, fill):
    """The elements i to i + count - 1, then `fill`; nothing else is read."""

    def generate(context, builder, signature, arguments):
        data, at, number, rest = arguments
        pointer = _pointer(context, builder, array, data, at, VECTOR)
        kind = ir.FunctionType(VECTOR, [pointer.type, WORD, BITS, VECTOR])
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.load.{MASKED}")
        return builder.call(function, [pointer, ir.Constant(WORD, 4), _first(builder, number), _spread(builder, rest)])

    return vector(array, types.int64, types.int64, types.float32), generate


@intrinsic
def store_first(typing_context, array, i, count, x):
    """Write the first `count` lanes, and nothing else."""

    def generate(context, builder, signature, arguments):
        data, at, number, value = arguments
        pointer = _pointer(context, builder, array, data, at, VECTOR)
        kind = ir.FunctionType(ir.VoidType(), [VECTOR, pointer.type, WORD, BITS])
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.{MASKED}")
        builder.call(function, [value, pointer, ir.Constant(WORD, 4), _first(builder, number)])
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, vector), generate


@intrinsic
def total(typing_context, x):
    """The sum of the lanes: halves are added until one is left."""

    def generate(context, builder, signature, arguments):
        value = arguments[0]
        for half in (8, 4, 2, 1):
            places = ir.Constant(ir.VectorType(WORD, LANES), [(i + half) % LANES for i in range(LANES)])
            value = builder.fadd(value, builder.shuffle_vector(value, value, places))
        return builder.extract_element(value, ir.Constant(WORD, 0))

    return types.float32(vector), generate


@intrinsic
def stay_alone(typing_context):
    """The function that says so is never copied into its callers: several copies would each take LLVM's time."""

    def generate(context, builder, signature, arguments):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


def _larger(builder, x, y):
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


@intrinsic
def larger(typing_context, x, y):
    """The greater of each two; the second if one is NaN."""
    return vector(vector, vector), lambda context, builder, signature, arguments: _larger(builder, *arguments)


@intrinsic
def largest(typing_context, x):
    """The greatest of the lanes."""

    def generate(context, builder, signature, arguments):
        value = arguments[0]
        for half in (8, 4, 2, 1):
            places = ir.Constant(ir.VectorType(WORD, LANES), [(i + half) % LANES for i in range(LANES)])
            value = _larger(builder, value, builder.shuffle_vector(value, value, places))
        return builder.extract_element(value, ir.Constant(WORD, 0))

    return types.float32(vector), generate


@intrinsic
def fused(typing_context, x, y, z):
    """x * y + z, rounded once."""

    def generate(context, builder, signature, arguments):
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(VECTOR, [VECTOR] * 3), "llvm.fma.v16f32"
        )
        return builder.call(function, arguments)

    return vector(vector, vector, vector), generate


def _arithmetic(python, instruction):
    """x (operator) y for two vectors."""

    @intrinsic
    def compute(typing_context, x, y):
        return vector(vector, vector), lambda context, builder, s, a: getattr(builder, instruction)(*a)

    @overload(python)
    def on_vectors(x, y):
        if x is vector and y is vector:
            return lambda x, y: compute(x, y)


for python, instruction in {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}.items():
    _arithmetic(getattr(operator, python), instruction)


@njit(error_model="numpy")
def load(array, i, end, fill):
    """The elements i to i + 15, but those from `end` on are `fill`."""
    return load_16(array, i) if i + LANES <= end else load_first(array, i, end - i, fill)


@njit(error_model="numpy")
def store(array, i, end, x):
    """Write the elements i to i + 15, but none from `end` on."""
    if i + LANES <= end:
        store_16(array, i, x)
    else:
        store_first(array, i, end - i, x)


@njit(error_model="numpy")
def move(x, source, to, at, count):
    """to[at:at + count] = x[source:source + count]; only what does not fill a vector goes under a mask."""
    whole = count // LANES * LANES
    for j in range(0, whole, LANES):
        store_16(to, at + j, load_16(x, source + j))
    if whole < count:
        store_first(to, at + whole, count - whole, load_first(x, source + whole, count - whole, np.float32(0)))
