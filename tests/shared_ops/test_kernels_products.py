"""Matrix products: right for every size and layout, the same bits in any parts, and nothing touched outside."""

import itertools
import subprocess
import sys

import numba
import numpy as np
import pytest

from shared_ops import ops
from shared_ops.bits import same_bits
from shared_ops.kernels.tile import LANES, PANEL, TALL

DRAW = np.random.default_rng(12)


def matrix(n, m, layout):
    """A float32 matrix, dense, or the transpose of one, or a part of a larger one, or read backwards."""
    if layout == "turned":
        return matrix(m, n, "dense").T
    if layout == "part":
        return matrix(n + 3, m + 5, "dense")[3:, 5:]
    if layout == "backwards":
        return matrix(n, m, "dense")[::-1, ::-1]
    return DRAW.standard_normal((n, m), dtype=np.float32)


def near(got, a, b, bias=0):
    exact = a.astype("float64") @ b.astype("float64") + bias
    assert got.dtype == np.float32
    assert got.shape == exact.shape
    most = ((np.abs(a) @ np.abs(b)).astype("float64") + np.abs(bias)) * 1e-6 * np.sqrt(a.shape[-1])
    assert (np.abs(got - exact) <= most).all()


@pytest.mark.parametrize("n", [1, TALL - 1, 3 * TALL + 5, 150])
@pytest.mark.parametrize("k", [1, LANES - 1, 300])
@pytest.mark.parametrize("m", [1, LANES, LANES + 1, PANEL, 3 * PANEL + 7])
def test_sizes_and_layouts(n, k, m):
    for one, other in itertools.product(["dense", "turned", "part", "backwards"], repeat=2):
        a, b = matrix(n, k, one), matrix(k, m, other)
        near(ops.matmul(a, b), a, b)
    bias, w = matrix(1, m, "dense")[0], matrix(m, k, "dense")
    near(ops.linear(a, w, bias), a, w.T, bias)


@pytest.mark.parametrize("batch", [(1,), (5,), (2, 3)])
def test_batches(batch):
    a, b = DRAW.standard_normal((*batch, 30, 50), "float32"), DRAW.standard_normal((*batch, 70, 50), "float32")
    b = np.swapaxes(b, -1, -2)
    near(ops.matmul(a, b), a, b)
    near(ops.matmul(a[..., ::2, :], b[..., ::-1]), a[..., ::2, :], b[..., ::-1])
    near(ops.matmul(a, b.reshape(-1, *b.shape[-2:])[0]), a, b.reshape(-1, *b.shape[-2:])[0])


def test_same_bits_at_any_number_of_threads_and_among_any_rows():
    a, b, w = matrix(300, 700, "dense"), matrix(700, 100, "dense"), matrix(700, 800, "dense")
    everything = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        everything.append([ops.matmul(a, b), ops.matmul(a, w)])
    assert all(same_bits(one, other) for one, other in zip(*everything, strict=True))
    for rows in (1, 7, 130):
        assert same_bits(ops.matmul(a[:rows], b), everything[0][0][:rows])


def test_nan_stays_in_its_row_and_column():
    a, b = matrix(40, 30, "dense"), matrix(30, 50, "dense")
    a[3, 4], b[5, 6] = np.nan, np.inf
    out = ops.matmul(a, b)
    assert np.isnan(out[3]).all()
    assert not np.isfinite(out[:, 6]).any()
    assert np.isfinite(np.delete(np.delete(out, 3, 0), 6, 1)).all()


GUARDED = """
import ctypes, itertools, mmap
import numpy as np
from shared_ops.kernels import conv, gemm

PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)

def guarded(shape, at_end):
    "An array whose end, or start, lies at a page that nobody may touch."
    size = int(np.prod(shape)) * 4
    pages = -(-size // PAGE)
    room = mmap.mmap(-1, (pages + 2) * PAGE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(room))
    for page in (0, pages + 1):
        assert libc.mprotect(ctypes.c_void_p(base + page * PAGE), PAGE, 0) == 0
    offset = PAGE + (pages * PAGE - size if at_end else 0)
    array = np.frombuffer(room, np.float32, size // 4, offset).reshape(shape)
    array[...] = np.random.default_rng(1).standard_normal(shape)
    return array

for n, k, m in itertools.product([1, 13, 130], [1, 17, 300], [1, 16, 33, 70]):
    for at_end in (False, True):
        a, b, turned, bias = (guarded(s, at_end) for s in [(n, k), (k, m), (m, k), (m,)])
        gemm.product(a, b, bias), gemm.product(a, turned.T), gemm.product(guarded((k, n), at_end).T, b)
for h, o, kernel, stride, padding, dilation in [
    (9, 5, 3, 1, 1, 1), (33, 17, 3, 2, 0, 1), (14, 40, 5, 1, 2, 1), (40, 3, 1, 1, 0, 1), (20, 3, 2, 3, 1, 2),
    (8, 4, 1, 1, 1, 1), (12, 2, 3, 1, 1, 2), (16, 2, 3, 2, 3, 1)
]:
    settings = dict(stride=(stride,) * 2, padding=(padding,) * 2, dilation=(dilation,) * 2, groups=1)
    for at_end in (False, True):
        x, w = guarded((2, 3, h, h), at_end), guarded((o, 3, kernel, kernel), at_end)
        g = guarded(conv.conv(x, w, guarded((o,), at_end), **settings).shape, at_end)
        conv.conv_input(g, w, size=(h, h), **settings)
        conv.conv_weight(g, x, kernel=(kernel,) * 2, **settings)
print("nothing outside")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="pages are guarded by mprotect")
def test_nothing_is_read_outside():
    """Addresses know no bounds, so the arrays lie against pages whose touch ends the process."""
    run = subprocess.run([sys.executable, "-c", GUARDED], capture_output=True, text=True, check=False, timeout=280)
    assert run.stdout == "nothing outside\n", (run.returncode, run.stderr[-2000:])
