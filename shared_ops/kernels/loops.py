"""One loop for every elementwise kernel: over the elements, or in chunks over the threads.

A *chunk kernel* is compiled machine code `(pointer …, count, number …)` that works on `count` elements of dense arrays:
inputs first, then outputs. The loops here are compiled once for each combination of array types, a chunk kernel in far
less time than a parallel loop of its own would be. An element's value never depends on the chunk it falls into, so
neither does it on the number of threads.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from shared_ops.kernels.threads import PARALLEL

CHUNK = 16384  # elements: several float32 arrays of it fit into a core's cache
SERIAL_BELOW = 32768 if PARALLEL else 1 << 62  # elements: waking threads costs as much as this many


def _emit_call(context, builder, address, kinds, arrays, starts, count, numbers, how_many):
    """The call of the kernel at an address, each pointer moved to where its array's part starts."""
    word, single, byte = ir.IntType(64), ir.FloatType(), ir.IntType(8)
    pointers = []
    for i, kind in enumerate(kinds):
        array = context.make_array(kind)(context, builder, builder.extract_value(arrays, i))
        size = ir.Constant(word, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
        data = builder.bitcast(array.data, byte.as_pointer())
        pointers.append(builder.gep(data, [builder.mul(starts[i], size)]))
    values = cgutils.unpack_tuple(builder, numbers, how_many)
    signature = [byte.as_pointer()] * len(pointers) + [word] + [single] * how_many
    kernel = ir.FunctionType(ir.VoidType(), signature).as_pointer()
    builder.call(builder.inttoptr(address, kernel), [*pointers, count, *values])
    return context.get_dummy_value()


def _float32s(numbers):
    return types.UniTuple(types.float32, len(numbers))


@intrinsic
def call_chunk(typing_context, address, arrays, start, count, numbers):
    """Call the chunk kernel at an address for the elements start … start + count of one-dimensional arrays."""

    def generate(context, builder, signature, arguments):
        address, tuple_of_arrays, start, count, values = arguments
        starts = [start] * len(arrays)
        return _emit_call(context, builder, address, arrays.types, tuple_of_arrays, starts, count, values, len(numbers))

    return types.void(types.int64, arrays, types.int64, types.int64, _float32s(numbers)), generate


@intrinsic
def call_chunk_at(typing_context, address, arrays, starts, count, numbers):
    """The same, with a start of its own for each array."""

    def generate(context, builder, signature, arguments):
        address, tuple_of_arrays, tuple_of_starts, count, values = arguments
        starts = cgutils.unpack_tuple(builder, tuple_of_starts, len(arrays))
        return _emit_call(context, builder, address, arrays.types, tuple_of_arrays, starts, count, values, len(numbers))

    places = types.UniTuple(types.int64, len(arrays))
    return types.void(types.int64, arrays, places, types.int64, _float32s(numbers)), generate


@njit(cache=True, nogil=True)
def run_serial(address, arrays, numbers):
    call_chunk(address, arrays, 0, arrays[0].size, numbers)


@njit(cache=True, nogil=True)
def run_one(address, x, out):
    """The same for one input and no numbers: a tuple takes Numba as long to unpack as an array."""
    call_chunk(address, (x, out), 0, x.size, ())


@njit(cache=True, nogil=True, parallel=True)
def run_parallel(address, arrays, numbers):
    size = arrays[0].size
    for chunk in prange((size + CHUNK - 1) // CHUNK):
        start = chunk * CHUNK
        call_chunk(address, arrays, start, min(CHUNK, size - start), numbers)


def run_flat(address: int, arrays: tuple[Any, ...], numbers: tuple[float, ...] = ()) -> None:
    """Run a chunk kernel over all elements of one-dimensional dense arrays of one size."""
    (run_serial if arrays[0].size < SERIAL_BELOW else run_parallel)(address, arrays, numbers)


@njit(cache=True, nogil=True, parallel=True)
def run_rows(address, x, y, out, rows, inner, x_steps, y_steps, middle):
    """Two arrays of which one is repeated along outer axes: row by row.

    Row r is number r // middle of the outer axis and r % middle of the middle one; `steps` say how far apart
    neighbours are along each in x and y, 0 where the array repeats itself.
    """
    a_block = max(1, CHUNK // inner)
    blocks = (rows + a_block - 1) // a_block
    for block in prange(blocks):
        for r in range(block * a_block, min(rows, (block + 1) * a_block)):
            outer, mid = r // middle, r % middle
            starts = (outer * x_steps[0] + mid * x_steps[1], outer * y_steps[0] + mid * y_steps[1], r * inner)
            call_chunk_at(address, (x, y, out), starts, inner, ())


@njit(cache=True, nogil=True, parallel=True)
def run_rows_with_number(address, x, y, out, rows, inner, x_steps, y_steps, middle):
    """The same where y has one number for each row."""
    a_block = max(1, CHUNK // inner)
    blocks = (rows + a_block - 1) // a_block
    for block in prange(blocks):
        for r in range(block * a_block, min(rows, (block + 1) * a_block)):
            outer, mid = r // middle, r % middle
            number = y[outer * y_steps[0] + mid * y_steps[1]]
            starts = (outer * x_steps[0] + mid * x_steps[1], r * inner)
            call_chunk_at(address, (x, out), starts, inner, (number,))
