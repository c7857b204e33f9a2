"""Many float32 numbers to one, sixty-four at a time: sums of several kinds, products, the greatest and the least.

A stretch is cut into pieces of a fixed size, and pieces are put together in float64: nearer to the exact sum than
NumPy's pairs, and in an order that depends on the size alone. LLVM splits sixty-four numbers into what registers hold,
which are then as many sums side by side, for an addition takes as long as four loads.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from shared_ops.kernels.scalar import COMPILED, f4
from shared_ops.kernels.vector import stay_alone

LANES = 64
PIECE = 4096  # values that are added in float32
ROWS = 256  # rows of one block of columns
ACROSS = 256  # columns in one part
WORD, SINGLE = ir.IntType(32), ir.FloatType()
WIDE, WORDS = ir.VectorType(SINGLE, LANES), ir.VectorType(WORD, LANES)

SUM, SQUARES, SIZES, PRODUCT, GREATEST, LEAST = range(6)  # SQUARES: of x - shift; SIZES: of |x|


class Wide(types.Type):
    def __init__(self):
        super().__init__(name="float32x64")


wide = Wide()


@register_model(Wide)
class WideModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, WIDE)


def _all_lanes(builder, x, kind):
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), x, ir.Constant(WORD, 0))
    return builder.shuffle_vector(one, one, ir.Constant(WORDS, [0] * LANES))


def _place(context, builder, kind, array, i):
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [i]), WIDE.as_pointer())


def _mask(builder, count):
    """A bit for each lane, set for the first `count`."""
    counts = _all_lanes(builder, builder.trunc(count, WORD), WORDS)
    return builder.icmp_signed("<", ir.Constant(WORDS, list(range(LANES))), counts)


@intrinsic
def spread(typing_context, x):
    """The same number in each lane."""
    return wide(types.float32), lambda context, builder, signature, arguments: _all_lanes(builder, arguments[0], WIDE)


@intrinsic
def load_all(typing_context, array, i):
    """The elements i to i + 63 of a one-dimensional dense array."""

    def generate(context, builder, signature, arguments):
        data, at = arguments
        return builder.load(_place(context, builder, array, data, at), align=4)

    return wide(array, types.int64), generate


@intrinsic
def load_first(typing_context, array, i, count, fill):
    """The elements i to i + count - 1, then `fill`; nothing else is read."""

    def generate(context, builder, signature, arguments):
        data, at, number, rest = arguments
        pointer = _place(context, builder, array, data, at)
        kind = ir.FunctionType(WIDE, [pointer.type, WORD, ir.VectorType(ir.IntType(1), LANES), WIDE])
        load = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.load.v64f32.p0")
        return builder.call(
            load, [pointer, ir.Constant(WORD, 4), _mask(builder, number), _all_lanes(builder, rest, WIDE)]
        )

    return wide(array, types.int64, types.int64, types.float32), generate


@intrinsic
def store_first(typing_context, array, i, count, x):
    """Write the first `count` lanes, and nothing else."""

    def generate(context, builder, signature, arguments):
        data, at, number, value = arguments
        pointer = _place(context, builder, array, data, at)
        kind = ir.FunctionType(ir.VoidType(), [WIDE, pointer.type, WORD, ir.VectorType(ir.IntType(1), LANES)])
        store = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.store.v64f32.p0")
        builder.call(store, [value, pointer, ir.Constant(WORD, 4), _mask(builder, number)])
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, wide), generate


# a step of each kind: accumulator, values, shift ----------------------------------------------------------------------
def _larger(builder, x, y):
    """The greater of each two, and NaN where one is."""
    above = builder.fcmp_unordered(">", y, x)
    return builder.select(builder.and_(above, builder.fcmp_ordered("ord", x, x)), y, x)


def _plus_square(builder, a, x, shift):
    away = builder.fsub(x, shift)
    return builder.fadd(a, builder.fmul(away, away))


def _plus_size(builder, a, x, shift):
    kind = ir.FunctionType(WIDE, [WIDE])
    size = cgutils.get_or_insert_function(builder.module, kind, "llvm.fabs.v64f32")
    return builder.fadd(a, builder.call(size, [x]))


STEPS = {
    SUM: lambda builder, a, x, shift: builder.fadd(a, x),
    SQUARES: _plus_square,
    SIZES: _plus_size,
    PRODUCT: lambda builder, a, x, shift: builder.fmul(a, x),
    GREATEST: lambda builder, a, x, shift: _larger(builder, a, x),
    LEAST: lambda builder, a, x, shift: _larger(builder, a, builder.fneg(x)),  # holds the least one negated
}


@intrinsic
def step(typing_context, a, x, shift, kind):
    """The accumulator with more values in it."""

    def generate(context, builder, signature, arguments):
        a, x, shift, kind = arguments
        after = builder.append_basic_block("after")
        blocks = {k: builder.append_basic_block(f"kind{k}") for k in STEPS}
        switch = builder.switch(kind, blocks[SUM])
        results = []
        for k, block in blocks.items():
            if k != SUM:
                switch.add_case(ir.Constant(ir.IntType(64), k), block)
            builder.position_at_end(block)
            results.append((STEPS[k](builder, a, x, shift), block))
            builder.branch(after)
        builder.position_at_end(after)
        result = builder.phi(WIDE)
        for value, block in results:
            result.add_incoming(value, block)
        return result

    return wide(wide, wide, wide, types.int64), generate


def _across(combine):
    """All lanes made one, in halves."""

    @intrinsic
    def compute(typing_context, x):
        def generate(context, builder, signature, arguments):
            value = arguments[0]
            for half in (32, 16, 8, 4, 2, 1):
                low, high = (ir.Constant(ir.VectorType(WORD, half), list(range(i, i + half))) for i in (0, half))
                parts = (builder.shuffle_vector(value, value, places) for places in (low, high))
                value = combine(builder, *parts)
            return builder.extract_element(value, ir.Constant(WORD, 0))

        return types.float32(wide), generate

    return compute


total = _across(lambda builder, x, y: builder.fadd(x, y))
product = _across(lambda builder, x, y: builder.fmul(x, y))
largest = _across(_larger)


@intrinsic
def negative(typing_context, x):
    """-x in each lane."""
    return wide(wide), lambda context, builder, signature, arguments: builder.fneg(arguments[0])


# loops ----------------------------------------------------------------------------------------------------------------
@njit(error_model="numpy")
def load(x, i, end, fill):
    """The elements i to i + 63, but those from `end` on are `fill`."""
    return load_all(x, i) if i + LANES <= end else load_first(x, i, end - i, fill)


@njit(error_model="numpy")
def nothing(kind):
    """The accumulator before there is anything in it."""
    return f4(0) if kind < PRODUCT else f4(1) if kind == PRODUCT else f4(-np.inf)


@njit(error_model="numpy")
def stretch(x, first, end, by, kind):
    """The elements of x from `first` to before `end`, made one number; `by` is their shift."""
    start, shift = nothing(kind), spread(by)
    fill = by if kind == SQUARES else f4(np.inf) if kind == LEAST else start  # changes nothing
    result = 1.0 if kind == PRODUCT else 0.0
    for low in range(first, end, PIECE):
        high = min(low + PIECE, end)
        whole = high - (high - low) % LANES
        a = spread(start)
        for i in range(low, whole, LANES):
            a = step(a, load_all(x, i), shift, kind)
        if whole < high:
            a = step(a, load_first(x, whole, high - whole, fill), shift, kind)
        if kind < PRODUCT:
            result += np.float64(total(a))
        elif kind == PRODUCT:
            result *= np.float64(product(a))
        else:
            best = np.float64(largest(a))
            result = best if low == first or best > result or best != best else result
    return f4(-result) if kind == LEAST else f4(result)


@njit(**COMPILED)
def rows(x, out, shifts, first, last, blocks, length, block, kind):
    """out[r] = block r % blocks of row r // blocks, made one number, for r from `first` to before `last`."""
    stay_alone()
    for r in range(first, last):
        row = r if blocks == 1 else r // blocks  # divisions take as long as a short row
        shift = shifts[row % shifts.size] if kind == SQUARES else f4(0)
        at = row * length + (r - row * blocks) * block
        out[r] = stretch(x, at, min(at + block, (row + 1) * length), shift, kind)


@njit(error_model="numpy")
def columns(x, out, shifts, at, bottom, width, to, s, end, kind):
    """out[to + j] = the elements at + j, at + width + j, … before `bottom`, made one number, for j before `end`.

    Their shifts, if there are several, are at s + j.
    """
    start, zero = nothing(kind), f4(0)
    for j in range(0, end, LANES):
        shift = load(shifts, s + j, s + end, zero) if shifts.size > 1 else spread(zero)
        a = spread(start)
        for i in range(at + j, bottom, width):
            a = step(a, load(x, i, i + end - j, start), shift, kind)
        store_first(out, to + j, end - j, negative(a) if kind == LEAST else a)


@njit(**COMPILED)
def parts(x, out, shifts, first, last, blocks, chunks, length, width, kind):
    """out[outer, block] = the columns of a block of rows, made one number: its parts from `first` to before `last`.

    A part is up to ACROSS columns of up to ROWS rows.
    """
    stay_alone()
    for part in range(first, last):
        rest = part if chunks == 1 else part // chunks
        outer = rest if blocks == 1 else rest // blocks
        left, block = (part - rest * chunks) * ACROSS, rest - outer * blocks
        top, bottom = outer * length + block * ROWS, outer * length + min((block + 1) * ROWS, length)
        end = min(ACROSS, width - left)
        to, s = rest * width + left, outer * width + left
        columns(x, out, shifts, top * width + left, bottom * width + left, width, to, s, end, kind)
