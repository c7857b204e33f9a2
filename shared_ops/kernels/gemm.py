"""Matrix products on all cores: OpenBLAS's one-thread product, called on parts by Numba's threads.

OpenBLAS's own threads are a second pool, which fights with Numba's, and its parts depend on how many threads there
are. Here the parts depend on the shapes and the machine's cores alone, so a product has the same bits at any thread
count, and it is quicker. Where NumPy brings another BLAS along there is no `sgemm` to call: NumPy's matmul does it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.extending import intrinsic

from shared_ops.kernels.formula import F4
from shared_ops.kernels.threads import PARALLEL

SMALLEST = 1 << 18  # multiplications: below, NumPy's call is quicker, and OpenBLAS keeps to one thread
WORTH_SPLITTING = 1 << 20  # multiplications
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
NARROWEST = 32  # rows or columns of a part

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112  # CBLAS's names for how matrices lie


class _Blas:
    """The OpenBLAS that NumPy has loaded: where its sgemm is, and how many threads it may use."""

    def __init__(self) -> None:
        self.sgemm = 0
        for path in sorted(Path(np.__file__).parent.parent.glob("numpy.libs/*openblas64*")):
            library = ctypes.CDLL(str(path))
            try:
                sgemm = library.scipy_cblas_sgemm64_
                self.set_threads, self.threads = (
                    library.scipy_openblas_set_num_threads64_,
                    library.scipy_openblas_get_num_threads64_,
                )
            except AttributeError:
                continue
            self.sgemm = ctypes.cast(sgemm, ctypes.c_void_p).value or 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def one_thread_a_call(self) -> Iterator[None]:
        """OpenBLAS keeps to its caller's thread inside; one at a time, for its count of threads is the process's."""
        with self._lock:
            threads = self.threads()
            self.set_threads(1)
            try:
                yield
            finally:
                self.set_threads(threads)


BLAS = _Blas()


@intrinsic
def call_sgemm(typing_context, sgemm, trans_a, trans_b, m, n, k, a, lda, b, ldb, beta, c, ldc):
    """c = a @ b + beta * c by the CBLAS function at an address; matrices by theirs, all row-major."""

    def generate(context, builder, signature, arguments):
        sgemm, trans_a, trans_b, m, n, k, a, lda, b, ldb, beta, c, ldc = arguments
        word, flag, single = ir.IntType(64), ir.IntType(32), ir.FloatType()
        function = ir.FunctionType(
            ir.VoidType(), [flag] * 3 + [word] * 3 + [single, word, word, word, word, single, word, word]
        )
        one = ir.Constant(single, 1.0)
        order, trans_a, trans_b = (
            ir.Constant(flag, ROW_MAJOR),
            builder.trunc(trans_a, flag),
            builder.trunc(trans_b, flag),
        )
        builder.call(
            builder.inttoptr(sgemm, function.as_pointer()),
            [order, trans_a, trans_b, m, n, k, one, a, lda, b, ldb, beta, c, ldc],
        )
        return context.get_dummy_value()

    return types.void(*[types.int64] * 10, types.float32, types.int64, types.int64), generate


@njit(cache=True, nogil=True)
def one_part(sgemm, a, b, c, size, layout, place):
    """Part `place` of the product: a range of c's rows or of its columns."""
    m, n, k = size
    trans_a, lda, trans_b, ldb, ldc, parts, by_rows = layout
    if by_rows:
        start, end = m * place // parts, m * (place + 1) // parts
        a += 4 * (start * lda if trans_a == PLAIN else start)
        c += 4 * start * ldc
        m = end - start
    else:
        start, end = n * place // parts, n * (place + 1) // parts
        b += 4 * (start if trans_b == PLAIN else start * ldb)
        c += 4 * start
        n = end - start
    call_sgemm(sgemm, trans_a, trans_b, m, n, k, a, lda, b, ldb, 0.0, c, ldc)


@njit(cache=True, nogil=True, parallel=True)
def all_parts(sgemm, a, b, c, size, layout, batch, steps):
    """The products of a batch of matrices, `steps` bytes apart, each in parts."""
    parts = layout[5]
    if batch * parts == 1:
        one_part(sgemm, a, b, c, size, layout, 0)
    else:
        for t in prange(batch * parts):
            i = t // parts
            one_part(sgemm, a + i * steps[0], b + i * steps[1], c + i * steps[2], size, layout, t % parts)


def layout_of(x: np.ndarray) -> tuple[np.ndarray, int, int]:
    """The array, whether its last two axes are a matrix or the transpose of one, and how far apart its rows are."""
    rows, columns = x.strides[-2:]
    n, m = x.shape[-2:]
    if columns == 4 and rows % 4 == 0 and rows >= 4 * m:
        return x, PLAIN, rows // 4
    if rows == 4 and columns % 4 == 0 and columns >= 4 * n:
        return x, TRANSPOSED, columns // 4
    x = np.ascontiguousarray(x)
    return x, PLAIN, max(1, m)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(batch, n, k), (batch, k, m) -> (batch, n, m), or without batch: float32, none of the sizes 0."""
    if not BLAS.sgemm:
        return np.matmul(a, b)
    a, trans_a, lda = layout_of(a)
    b, trans_b, ldb = layout_of(b)
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    batch = a.shape[0] if a.ndim == 3 else 1
    out = np.empty((*a.shape[:-1], n), F4)
    parts = 1
    if batch < CORES and m * n * k * batch >= WORTH_SPLITTING and PARALLEL:
        parts = max(1, min(CORES // batch, max(m, n) // NARROWEST))
    steps = (a.strides[0], b.strides[0], out.strides[0]) if a.ndim == 3 else (0, 0, 0)
    layout = (trans_a, lda, trans_b, ldb, n, parts, m >= n)
    pointers = [x.__array_interface__["data"][0] for x in (a, b, out)]
    with BLAS.one_thread_a_call():
        all_parts(BLAS.sgemm, *pointers, (m, n, k), layout, batch, steps)
    return out
