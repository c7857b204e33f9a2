"""Work in place on many float32 arrays by one call: compiled code takes the arrays' addresses and sizes by itself.

A *row kernel* is compiled machine code `(row, start, count, numbers, notes)`, all addresses and counts: `row` is where
the addresses of a row's arrays are, of which it works on elements start … start + count; `numbers` are the settings,
float32; `notes` are two float64 for each chunk, to leave something in or to find something. Chunks do not depend on
the number of threads, so neither do the results.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import cfunc, njit, prange, types
from numba.extending import intrinsic

from shared_ops.kernels.threads import PARALLEL

CHUNK = 16384  # elements: a row's arrays of it fit into a core's cache
SERIAL_BELOW = 65536 if PARALLEL else 1 << 62  # elements in all: waking threads costs as much as this many

# Where NumPy's array object keeps what is asked of it (PyArrayObject_fields in NumPy's ndarraytypes.h).
HEADER = object.__basicsize__
TYPE, DATA, NDIM, SIZES, DTYPE, FLAGS = HEADER - 8, HEADER, HEADER + 8, HEADER + 16, HEADER + 40, HEADER + 48
NDARRAY, FLOAT32 = id(np.ndarray), id(np.dtype(np.float32))  # new in each process, so compiled code is told them
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400


def _pointer(element: Any) -> Any:
    """An intrinsic that takes an address for a pointer to such elements."""

    @intrinsic
    def at(typing_context, address):
        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(element)(types.int64), generate

    return at


floats_at, doubles_at, words_at, ints_at = map(_pointer, (types.float32, types.float64, types.int64, types.int32))
WORDS = (types.int64,) * 5


def _call_row(typing_context, address, row, start, count, numbers, notes):
    """Call the row kernel at an address."""

    def generate(context, builder, signature, arguments):
        kernel = ir.FunctionType(ir.VoidType(), [ir.IntType(64)] * 5).as_pointer()
        builder.call(builder.inttoptr(arguments[0], kernel), arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, *WORDS), generate


call_row: Any = intrinsic(_call_row)


@functools.cache
def row_kernel(function: Callable) -> Any:
    """The compiled form of a row kernel; its `.address` is good as long as it is kept, so it is."""
    return cfunc(types.void(*WORDS), cache=True, error_model="numpy")(function)


@njit(cache=True, nogil=True, error_model="numpy")
def _overlapping(starts, ends, written):
    """Whether an array that is written shares memory with any other. Sorts all three (Shell 1959)."""
    n = starts.size
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            start, end, writes = starts[i], ends[i], written[i]
            j = i
            while j >= gap and starts[j - gap] > start:
                starts[j], ends[j], written[j] = starts[j - gap], ends[j - gap], written[j - gap]
                j -= gap
            starts[j], ends[j], written[j] = start, end, writes
        gap //= 3
    end_of_any, end_of_written = 0, 0
    for i in range(n):
        if starts[i] < (end_of_any if written[i] else end_of_written):
            return True
        end_of_any = max(end_of_any, ends[i])
        if written[i]:
            end_of_written = max(end_of_written, ends[i])
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def table_of(objects, width, reads, ndarray, float32):
    """The addresses and sizes of rows of arrays, given as the addresses of the array objects.

    Column `reads` is only read, or every column if that is -2. An empty table where something is no contiguous float32
    array that may be written, the arrays of a row differ in shape, or what is written overlaps with something.
    """
    rows = objects.size // width
    data, sizes = np.empty(objects.size, np.int64), np.empty(rows, np.int64)
    ends, written = np.empty(objects.size, np.int64), np.empty(objects.size, np.bool_)
    for i in range(objects.size):
        row, column = i // width, i % width
        array = objects[i]
        if words_at(array + TYPE)[0] != ndarray or words_at(array + DTYPE)[0] != float32:
            return data, sizes[:0]
        written[i] = reads != -2 and column != reads
        needs = (C_CONTIGUOUS | ALIGNED | WRITEABLE) if written[i] else (C_CONTIGUOUS | ALIGNED)
        if ints_at(array + FLAGS)[0] & needs != needs:
            return data, sizes[:0]
        first = objects[row * width]
        ndim, dims, first_dims = ints_at(array + NDIM)[0], words_at(array + SIZES)[0], words_at(first + SIZES)[0]
        if ndim != ints_at(first + NDIM)[0]:
            return data, sizes[:0]
        size = 1
        for axis in range(ndim):
            size *= words_at(dims)[axis]
            if words_at(dims)[axis] != words_at(first_dims)[axis]:
                return data, sizes[:0]
        sizes[row] = size
        data[i] = words_at(array + DATA)[0]
        ends[i] = data[i] + 4 * size
    if reads != -2 and _overlapping(data.copy(), ends, written):
        return data, sizes[:0]
    return data, sizes


@njit(cache=True, nogil=True, error_model="numpy")
def chunks_of(sizes):
    """How many chunks come before each row's own, and in all."""
    first = np.empty(sizes.size + 1, np.int64)
    first[0] = 0
    for row in range(sizes.size):
        first[row + 1] = first[row] + (sizes[row] + CHUNK - 1) // CHUNK
    return first


@njit(cache=True, nogil=True, parallel=True, error_model="numpy")
def run_chunks(kernel, data, sizes, first, width, numbers, notes):
    """Run a row kernel over every chunk of every row."""
    base, numbers_at, notes_at = np.int64(data.ctypes.data), np.int64(numbers.ctypes.data), np.int64(notes.ctypes.data)
    keeps = np.int64(16 if notes.size else 0)
    if sizes.sum() < SERIAL_BELOW:
        for row in range(sizes.size):
            for chunk in range(first[row], first[row + 1]):
                start = (chunk - first[row]) * CHUNK
                count = min(CHUNK, sizes[row] - start)
                call_row(kernel, base + 8 * width * row, start, count, numbers_at, notes_at + keeps * chunk)
    else:
        for chunk in prange(first[-1]):
            row, after = 0, sizes.size
            while after - row > 1:  # the last row that begins at or before this chunk
                middle = (row + after) // 2
                if first[middle] <= chunk:
                    row = middle
                else:
                    after = middle
            start = (chunk - first[row]) * CHUNK
            count = min(CHUNK, sizes[row] - start)
            call_row(kernel, base + 8 * width * row, start, count, numbers_at, notes_at + keeps * chunk)


@njit(cache=True, nogil=True, error_model="numpy")
def notes_of_rows(kernel, objects, numbers, ndarray, float32):
    """What a row kernel leaves about each chunk of arrays that are only read; and whether they are fit for it."""
    data, sizes = table_of(objects, 1, -2, ndarray, float32)
    if sizes.size == 0:
        return np.zeros((0, 2)), False
    first = chunks_of(sizes)
    notes = np.zeros((first[-1], 2))
    run_chunks(kernel, data, sizes, first, 1, numbers, notes.reshape(-1))
    return notes, True


@njit(cache=True, nogil=True, error_model="numpy")
def update_rows_by_norms(measure, update, objects, width, reads, numbers, ndarray, float32):
    """Run two row kernels; the second finds, in each chunk's notes, the sums of what the first left over its row."""
    data, sizes = table_of(objects, width, reads, ndarray, float32)
    if sizes.size == 0:
        return False
    first = chunks_of(sizes)
    notes = np.zeros((first[-1], 2))
    run_chunks(measure, data, sizes, first, width, numbers, notes.reshape(-1))
    for row in range(sizes.size):
        a, b = 0.0, 0.0
        for chunk in range(first[row], first[row + 1]):
            a, b = a + notes[chunk, 0], b + notes[chunk, 1]
        for chunk in range(first[row], first[row + 1]):
            notes[chunk, 0], notes[chunk, 1] = a, b
    run_chunks(update, data, sizes, first, width, numbers, notes.reshape(-1))
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def update_rows(kernel, objects, width, reads, numbers, ndarray, float32):
    """Run a row kernel over rows of arrays; False, and nothing is done, where they are not fit for it."""
    data, sizes = table_of(objects, width, reads, ndarray, float32)
    if sizes.size == 0:
        return False
    run_chunks(kernel, data, sizes, chunks_of(sizes), width, numbers, np.empty(0))
    return True


def _told_by_header(array: np.ndarray) -> tuple[int, ...]:
    """What compiled code takes for the address, dimensions, first size, dtype, flags and type of an array."""

    def word(address: int, kind: Any = ctypes.c_int64) -> int:
        return kind.from_address(address).value

    at = id(array)
    first_size = word(word(at + SIZES))
    return word(at + DATA), word(at + NDIM, ctypes.c_int), first_size, word(at + DTYPE), word(at + TYPE)


@functools.cache
def usable() -> bool:
    """Whether arrays are laid out here as `table_of` reads them: CPython's, on 64 bits."""
    if sys.implementation.name != "cpython" or sys.maxsize < 2**32 or np.ndarray.__basicsize__ < FLAGS + 4 - HEADER:
        return False
    array = np.zeros((3, 5), np.float32)
    return _told_by_header(array) == (array.ctypes.data, 2, 3, FLOAT32, NDARRAY)


def objects_of(arrays: Iterable[Any], count: int) -> np.ndarray:
    """Where the array objects are, as `table_of` takes them; it is for the caller to keep them alive."""
    return np.fromiter(map(id, arrays), np.int64, count)
