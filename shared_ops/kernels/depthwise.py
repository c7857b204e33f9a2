"""Depthwise convolution: every channel by a kernel of its own, plane by plane, without columns."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from shared_ops.kernels.frame import cropped, padded
from shared_ops.kernels.scalar import COMPILED, f4
from shared_ops.kernels.vector import LANES, load, spread, store, total


@njit(parallel=True, **COMPILED)
def forward(x, weight, out, sizes, geometry):
    """out[plane] = the cross-correlation of x[plane] with its channel's kernel."""
    planes, channels, oh = sizes
    _, h, w, kh, kw, ow, sh, sw, ph, pw, dh, dw = geometry
    wide = w + 2 * pw
    for plane in prange(planes):
        plane = np.int64(plane)
        frame, kernel = np.empty((h + 2 * ph) * wide, np.float32), plane % channels * kh * kw
        padded(x, plane * h * w, frame, 1, h, w, ph, pw)
        for oy in range(oh):
            to = (plane * oh + oy) * ow
            if sw == 1:
                for j in range(0, ow, LANES):
                    sums = spread(f4(0))
                    for ki in range(kh):
                        source = (oy * sh + ki * dh) * wide
                        for kj in range(kw):
                            at = source + kj * dw
                            sums = sums + spread(weight[kernel + ki * kw + kj]) * load(frame, at + j, at + ow, f4(0))
                    store(out, to + j, to + ow, sums)
            else:
                for j in range(ow):
                    one = f4(0)
                    for ki in range(kh):
                        source = (oy * sh + ki * dh) * wide + j * sw
                        for kj in range(kw):
                            one += weight[kernel + ki * kw + kj] * frame[source + kj * dw]
                    out[to + j] = one


@njit(parallel=True, **COMPILED)
def backward_input(g, weight, dx, sizes, geometry):
    """dx[plane] = each g times the kernel that was over it, added up."""
    planes, channels, oh = sizes
    _, h, w, kh, kw, ow, sh, sw, ph, pw, dh, dw = geometry
    wide = w + 2 * pw
    for plane in prange(planes):
        plane = np.int64(plane)
        frame, kernel = np.zeros((h + 2 * ph) * wide, np.float32), plane % channels * kh * kw
        for oy in range(oh):
            source = (plane * oh + oy) * ow
            for ki in range(kh):
                for kj in range(kw):
                    to, value = (oy * sh + ki * dh) * wide + kj * dw, weight[kernel + ki * kw + kj]
                    if sw == 1:
                        for j in range(0, ow, LANES):
                            there = load(frame, to + j, to + ow, f4(0))
                            more = spread(value) * load(g, source + j, source + ow, f4(0))
                            store(frame, to + j, to + ow, there + more)
                    else:
                        for j in range(ow):
                            frame[to + j * sw] += value * g[source + j]
        cropped(frame, dx, plane * h * w, 1, h, w, ph, pw)


@njit(parallel=True, **COMPILED)
def backward_weight(g, x, each, sizes, geometry):
    """each[plane] = for every place in the kernel, the sum of g times what was under that place."""
    planes, _, oh = sizes
    _, h, w, kh, kw, ow, sh, sw, ph, pw, dh, dw = geometry
    wide = w + 2 * pw
    for plane in prange(planes):
        plane = np.int64(plane)
        frame = np.empty((h + 2 * ph) * wide, np.float32)
        padded(x, plane * h * w, frame, 1, h, w, ph, pw)
        for ki in range(kh):
            for kj in range(kw):
                sums, rest = spread(f4(0)), f4(0)
                for oy in range(oh):
                    a, b = (plane * oh + oy) * ow, (oy * sh + ki * dh) * wide + kj * dw
                    if sw == 1:
                        for j in range(0, ow, LANES):
                            sums = sums + load(g, a + j, a + ow, f4(0)) * load(frame, b + j, b + ow, f4(0))
                    else:
                        for j in range(ow):
                            rest += g[a + j] * frame[b + j * sw]
                each[(plane * kh + ki) * kw + kj] = total(sums) + rest
