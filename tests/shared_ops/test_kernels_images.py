"""Fast convolution and pooling: what the plain kernels give, for drawn sizes and settings, and nothing beside it."""

import numba
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared_ops import ops
from shared_ops.bits import same_bits
from shared_ops.fold import out_size

DRAW = np.random.default_rng(8)
SENTINEL = np.float32(1e30)


def fenced(*shape):
    """An array between numbers that no result may contain and no kernel may change; and the whole of it."""
    count = int(np.prod(shape))
    whole = np.full(count + 128, SENTINEL)
    whole[64 : 64 + count] = DRAW.normal(size=count)
    return whole[64 : 64 + count].reshape(shape), whole


def fences_stand(*wholes):
    return all((w[:64] == SENTINEL).all() and (w[-64:] == SENTINEL).all() for w in wholes)


def near(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.data())
def test_convolution(data):
    pick = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    n, groups, cg, og = pick(1, 3), pick(1, 3), pick(1, 5), pick(1, 5)
    size, kernel = (pick(1, 19), pick(1, 19)), (pick(1, 4), pick(1, 4))
    stride, padding, dilation = (pick(1, 3), pick(1, 3)), (pick(0, 2), pick(0, 2)), (pick(1, 2), pick(1, 2))
    out = [out_size(*v) for v in zip(size, kernel, stride, padding, dilation, strict=True)]
    assume(min(out) > 0)
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    (x, all_x), (w, all_w) = fenced(n, groups * cg, *size), fenced(groups * og, cg, *kernel)
    g, all_g = fenced(n, groups * og, *out)
    near(ops.conv(x, w, **how), ops.conv.kernel(np, x, w, **how))
    near(ops.conv_input(g, w, size=size, **how), ops.conv_input.kernel(np, g, w, size=size, **how))
    near(ops.conv_weight(g, x, kernel=kernel, **how), ops.conv_weight.kernel(np, g, x, kernel=kernel, **how))
    assert fences_stand(all_x, all_w, all_g)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.data())
def test_pooling(data):
    pick = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    size, kernel, stride = (pick(2, 17), pick(2, 17)), (pick(1, 4), pick(1, 4)), (pick(1, 3), pick(1, 3))
    padding = (pick(0, kernel[0] // 2), pick(0, kernel[1] // 2))
    how = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": data.draw(st.booleans())}
    assume(all(out_size(*v) > 0 for v in zip(size, kernel, stride, padding, strict=True)))
    x, whole = fenced(2, 3, *size)
    if data.draw(st.booleans()):
        x[0, 0, 0, 0] = np.nan
    got, want = ops.max_pool(x, dilation=(1, 1), **how), ops.max_pool.kernel(np, x, dilation=(1, 1), **how)
    assert all(same_bits(a, b) for a, b in zip(got, want, strict=True))
    g = np.ones_like(got[0])
    near(ops.max_unpool(g, got[1], size=size), ops.max_unpool.kernel(np, g, got[1], size=size))
    mean = how | {"count_include_pad": data.draw(st.booleans()), "divisor_override": None}
    near(ops.avg_pool(x, **mean), ops.avg_pool.kernel(np, x, **mean))
    near(ops.avg_unpool(g, size=size, **mean), ops.avg_unpool.kernel(np, g, size=size, **mean))
    assert fences_stand(whole)


@pytest.mark.parametrize("groups", [1, 16])
def test_threads_do_not_change_bits(groups):
    x, w = DRAW.normal(size=(5, 16, 20, 20)).astype("f4"), DRAW.normal(size=(16, 16 // groups, 3, 3)).astype("f4")
    how = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": groups}
    found = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        g = ops.conv(x, w, **how)
        back = ops.conv_input(g, w, size=(20, 20), **how), ops.conv_weight(g, x, kernel=(3, 3), **how)
        found.append((g, *back))
    assert all(same_bits(a, b) for a, b in zip(*found, strict=True))
