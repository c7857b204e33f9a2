"""Tile: a few rows and columns of a matrix product whose sums stay in registers, and matrices made of such tiles.

Each sum is made in the order of k, by multiply-adds rounded once, whatever tile it falls into: a row of a product has
the same bits among any other rows, in any parts, at any number of threads. Matrices come as addresses and steps in
bytes, so that parts of arrays, transposes, columns of images and rows of biases need no copies.
"""

from __future__ import annotations

import llvmlite.binding as llvm
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from shared_ops.kernels.scalar import COMPILED
from shared_ops.kernels.vector import BITS, MASKED, VECTOR, stay_alone

FLOAT, LANES = 4, 16  # bytes; numbers in a vector
MANY_REGISTERS = bool(llvm.get_host_cpu_features().get("avx512f"))  # 32 that hold a vector each; else 16 for halves
PANEL = 32 if MANY_REGISTERS else 16  # columns worked on together
TALL = 12 if MANY_REGISTERS else 6  # rows of the largest tile: as many sums as registers hold
MIDDLE = 4 if MANY_REGISTERS else 2
WORD, SHORT, SINGLE = ir.IntType(64), ir.IntType(32), ir.FloatType()


# one tile -------------------------------------------------------------------------------------------------------------
def _tile(rows, vectors, whole):
    """An intrinsic: c (rows, columns) = start + a (rows, k) @ b (k, columns).

    Every argument is a whole number. a's elements are `a_row` and `a_step` apart, b's rows `b_row` and dense; no start
    is 0. `whole`: columns are as many as the vectors have, and not fewer.
    """

    @intrinsic
    def tile(typing_context, a, a_row, a_step, b, b_row, k, start, start_row, c, c_row, columns):
        def generate(context, builder, signature, arguments):
            _Emitter(builder, rows, vectors, whole).emit(*arguments)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 11), generate

    return tile


class _Emitter:
    """Writes the instructions of a tile."""

    def __init__(self, builder, rows, vectors, whole):
        self.builder, self.rows, self.vectors, self.whole = builder, rows, vectors, whole
        self.places = [(row, vector) for row in range(rows) for vector in range(vectors)]

    def function(self, name, result, kinds):
        return cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, kinds), name)

    def address(self, base, step, row, vector):
        """Of a vector's first number: `row` steps and `vector` vectors on."""
        offset = self.builder.mul(step, ir.Constant(WORD, row))
        at = self.builder.add(self.builder.add(base, offset), ir.Constant(WORD, FLOAT * LANES * vector))
        return self.builder.inttoptr(at, VECTOR.as_pointer())

    def spread(self, x, kind):
        one = self.builder.insert_element(ir.Constant(kind, ir.Undefined), x, ir.Constant(SHORT, 0))
        return self.builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(SHORT, LANES), [0] * LANES))

    def first(self, columns, vector):
        """A bit for each lane of a vector, set where it is one of the columns."""
        kind = ir.VectorType(WORD, LANES)
        numbers = ir.Constant(kind, [LANES * vector + lane for lane in range(LANES)])
        return self.builder.icmp_signed("<", numbers, self.spread(columns, kind))

    def masked_load(self, pointer, mask):
        load = self.function(f"llvm.masked.load.{MASKED}", VECTOR, [VECTOR.as_pointer(), SHORT, BITS, VECTOR])
        return self.builder.call(load, [pointer, ir.Constant(SHORT, FLOAT), mask, ir.Constant(VECTOR, [0.0] * LANES)])

    def store(self, value, pointer, mask):
        if self.whole:
            self.builder.store(value, pointer, align=FLOAT)
        else:
            store = self.function(
                f"llvm.masked.store.{MASKED}", ir.VoidType(), [VECTOR, VECTOR.as_pointer(), SHORT, BITS]
            )
            self.builder.call(store, [value, pointer, ir.Constant(SHORT, FLOAT), mask])

    def emit(self, a, a_row, a_step, b, b_row, k, start, start_row, c, c_row, columns):
        builder, none = self.builder, ir.Constant(WORD, 0)
        masks = [self.first(columns, vector) for vector in range(self.vectors)]
        given = builder.icmp_signed("!=", start, none)
        there = self.spread(given, BITS)
        # A load of no lanes at all is slow where there is no memory, so without a start it looks at c.
        start, start_row = builder.select(given, start, c), builder.select(given, start_row, none)
        begun = [
            self.masked_load(self.address(start, start_row, row, vector), builder.and_(masks[vector], there))
            for row, vector in self.places
        ]
        sums = self.steps(a, a_row, a_step, b, b_row, k, begun, masks)
        for (row, vector), value in zip(self.places, sums, strict=True):
            self.store(value, self.address(c, c_row, row, vector), masks[vector])

    def steps(self, a, a_row, a_step, b, b_row, k, begun, masks):
        """The loop over k: each number of a, spread over the lanes, times b's vectors, is added to the sums."""
        builder, none = self.builder, ir.Constant(WORD, 0)
        rows = [
            builder.inttoptr(builder.add(a, builder.mul(a_row, ir.Constant(WORD, row))), ir.IntType(8).as_pointer())
            for row in range(self.rows)
        ]
        before, loop, after = builder.block, builder.append_basic_block("steps"), builder.append_basic_block("stored")
        builder.cbranch(builder.icmp_signed(">", k, none), loop, after)
        builder.position_at_end(loop)
        step, a_at, b_at = (builder.phi(WORD) for _ in range(3))
        sums = [builder.phi(VECTOR) for _ in begun]
        for value, first in zip([step, a_at, b_at, *sums], [none, none, b, *begun], strict=True):
            value.add_incoming(first, before)
        new = self.one_step(rows, a_at, b_at, sums, masks)
        following = builder.add(step, ir.Constant(WORD, 1))
        moved = [following, builder.add(a_at, a_step), builder.add(b_at, b_row), *new]
        for value, next_value in zip([step, a_at, b_at, *sums], moved, strict=True):
            value.add_incoming(next_value, loop)
        builder.cbranch(builder.icmp_signed("<", following, k), loop, after)
        builder.position_at_end(after)
        results = [builder.phi(VECTOR) for _ in begun]
        for result, first, value in zip(results, begun, new, strict=True):
            result.add_incoming(first, before)
            result.add_incoming(value, loop)
        return results

    def one_step(self, rows, a_at, b_at, sums, masks):
        builder, fma = self.builder, self.function("llvm.fma.v16f32", VECTOR, [VECTOR] * 3)
        pointers = [self.address(b_at, ir.Constant(WORD, 0), 0, vector) for vector in range(self.vectors)]
        columns = [
            builder.load(pointer, align=FLOAT) if self.whole else self.masked_load(pointer, mask)
            for pointer, mask in zip(pointers, masks, strict=True)
        ]
        new: list[ir.Value] = []
        for row in rows:
            number = builder.load(builder.bitcast(builder.gep(row, [a_at]), SINGLE.as_pointer()), align=FLOAT)
            spread = self.spread(number, VECTOR)
            new += [builder.call(fma, [spread, column, sums[len(new) + i]]) for i, column in enumerate(columns)]
        return new


# rows of tiles --------------------------------------------------------------------------------------------------------
def _panel(vectors, whole):
    """A function: c = start + a @ b for any number of rows, and columns of one panel."""
    tall, middle, one = (_tile(rows, vectors, whole) for rows in (TALL, MIDDLE, 1))

    @njit(**COMPILED)
    def panel(a, a_row, a_step, b, b_row, k, start, start_row, c, c_row, columns, rows):
        stay_alone()
        row = 0
        while rows - row >= TALL:
            to, begun = c + row * c_row, start + row * start_row
            tall(a + row * a_row, a_row, a_step, b, b_row, k, begun, start_row, to, c_row, columns)
            row += TALL
        while rows - row >= MIDDLE:
            to, begun = c + row * c_row, start + row * start_row
            middle(a + row * a_row, a_row, a_step, b, b_row, k, begun, start_row, to, c_row, columns)
            row += MIDDLE
        while row < rows:
            to, begun = c + row * c_row, start + row * start_row
            one(a + row * a_row, a_row, a_step, b, b_row, k, begun, start_row, to, c_row, columns)
            row += 1

    return panel


_whole, _ragged, _narrow = _panel(PANEL // LANES, True), _panel(PANEL // LANES, False), _panel(1, False)


@njit(**COMPILED)
def panel(a, a_row, a_step, b, b_row, k, start, start_row, c, c_row, columns, rows):
    """c (rows, columns) = start + a (rows, k) @ b (k, columns), of up to PANEL columns."""
    if columns == PANEL:
        _whole(a, a_row, a_step, b, b_row, k, start, start_row, c, c_row, columns, rows)
    elif columns > LANES:
        _ragged(a, a_row, a_step, b, b_row, k, start, start_row, c, c_row, columns, rows)
    else:
        _narrow(a, a_row, a_step, b, b_row, k, start, start_row, c, c_row, columns, rows)
