"""Products of few rows with one matrix, many times over: the matrix is laid out once as the processor reads it.

OpenBLAS lays it out anew in each call, which for a few rows takes as long as the product. Here it is cut into blocks of
32 columns, each dense; rows come in tiles whose 16-number sums stay in registers. A row's sums are made in the order of
k whatever tile it falls into, so a row has the same bits among any others.
"""

from __future__ import annotations

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from shared_ops.kernels.formula import F4

COLUMNS = 32  # of a block: two vectors of 16 float32
MANY_REGISTERS = bool(llvm.get_host_cpu_features().get("avx512f"))  # 32 of 16 numbers each
TILE = 8 if MANY_REGISTERS else 3  # rows
WORD, SINGLE, VECTOR = ir.IntType(64), ir.FloatType(), ir.VectorType(ir.FloatType(), 16)


def pack(w: np.ndarray) -> np.ndarray:
    """(k, m) -> (blocks, k, 32), zeros beside the last columns."""
    k, m = w.shape
    blocks = -(-m // COLUMNS)
    if m % COLUMNS:
        wide = np.zeros((k, blocks * COLUMNS), F4)
        wide[:, :m] = w
        w = wide
    return np.ascontiguousarray(w.reshape(k, blocks, COLUMNS).transpose(1, 0, 2))


def _tile(rows):
    """An intrinsic: c (rows, 32) = a (rows, k) @ w (k, 32), by addresses; lda and ldc: floats from row to row."""

    @intrinsic
    def tile(typing_context, a, lda, w, k, c, ldc):
        return types.void(*[types.int64] * 6), lambda context, builder, signature, arguments: _emit(
            context, builder, rows, *arguments
        )

    return tile


def _emit(context, builder, rows, a, lda, w, k, c, ldc):
    def floats(address, row, stride):
        offset = builder.mul(stride, ir.Constant(WORD, 4 * row))
        return builder.inttoptr(builder.add(address, offset), SINGLE.as_pointer())

    fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(VECTOR, [VECTOR] * 3), "llvm.fma.v16f32")
    sources = [floats(a, row, lda) for row in range(rows)]
    weights = builder.inttoptr(w, VECTOR.as_pointer())
    before, loop, after = builder.block, builder.append_basic_block("steps"), builder.append_basic_block("stored")
    builder.branch(loop)
    builder.position_at_end(loop)
    at = builder.phi(WORD)
    at.add_incoming(ir.Constant(WORD, 0), before)
    sums = [builder.phi(VECTOR) for _ in range(2 * rows)]
    for s in sums:
        s.add_incoming(ir.Constant(VECTOR, [0.0] * 16), before)
    first = builder.shl(at, ir.Constant(WORD, 1))
    pair = [first, builder.add(first, ir.Constant(WORD, 1))]
    columns = [builder.load(builder.gep(weights, [place]), align=4) for place in pair]
    new: list[ir.Value] = []
    for source in sources:
        number = builder.load(builder.gep(source, [at]))
        one = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
        spread = builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), 16), [0] * 16))
        new += [builder.call(fma, [spread, column, sums[len(new) + i]]) for i, column in enumerate(columns)]
    following = builder.add(at, ir.Constant(WORD, 1))
    at.add_incoming(following, loop)
    for s, value in zip(sums, new, strict=True):
        s.add_incoming(value, loop)
    builder.cbranch(builder.icmp_signed("<", following, k), loop, after)
    builder.position_at_end(after)
    for row in range(rows):
        to = builder.bitcast(floats(c, row, ldc), VECTOR.as_pointer())
        for half in range(2):
            builder.store(new[2 * row + half], builder.gep(to, [ir.Constant(WORD, half)]), align=4)
    return context.get_dummy_value()


_many, _one = _tile(TILE), _tile(1)


@njit(inline="always", error_model="numpy")
def product_packed(a, lda, w, k, blocks, c, ldc, rows):
    """c (rows, 32 * blocks) = a (rows, k) @ w, packed; by addresses, k not 0."""
    for block in range(blocks):
        row = 0
        part = w + 4 * COLUMNS * k * block
        while rows - row >= TILE:
            _many(a + 4 * lda * row, lda, part, k, c + 4 * (ldc * row + COLUMNS * block), ldc)
            row += TILE
        while row < rows:
            _one(a + 4 * lda * row, lda, part, k, c + 4 * (ldc * row + COLUMNS * block), ldc)
            row += 1
