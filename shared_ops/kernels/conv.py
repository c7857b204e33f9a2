"""Convolution over float32 images, by matrix products over tiles of columns.

For one image, in a frame of zeros, and a tile of output rows the values under every window are laid out as columns that
stay in the core's cache, and one product with the weights gives that tile of the output, in place. Images are spread
over the threads; each product runs on the thread that laid out its columns. Depthwise convolution has loops of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy import ndarray

from shared_ops.fold import out_size
from shared_ops.kernels import depthwise
from shared_ops.kernels.formula import F4
from shared_ops.kernels.frame import cropped, padded
from shared_ops.kernels.gemm import BLAS, PLAIN, TRANSPOSED, call_sgemm
from shared_ops.kernels.planes import COMPILED
from shared_ops.kernels.scalar import f4
from shared_ops.kernels.vector import LANES, load, store

TILE = 80_000  # values of columns at once, a third of a second-level cache
PARTS = 8  # sums of weight gradients, added in order: a fixed number, so that bits do not depend on threads


@njit(**COMPILED)
def lay_out(x, col, geometry, top, bottom):
    """The values under the windows of output rows top … bottom, one row for each channel and place in the kernel."""
    c, h, w, kh, kw, ow, sh, sw, ph, pw, dh, dw = geometry
    high, wide, to = h + 2 * ph, w + 2 * pw, 0
    for ci in range(c):
        for ki in range(kh):
            for kj in range(kw):
                for oy in range(top, bottom):
                    source = (ci * high + oy * sh + ki * dh) * wide + kj * dw
                    if sw == 1:
                        for j in range(0, ow, LANES):
                            store(col, to + j, to + ow, load(x, source + j, source + ow, f4(0)))
                    else:
                        for j in range(ow):
                            col[to + j] = x[source + j * sw]
                    to += ow


@njit(**COMPILED)
def add_back(col, x, geometry, top, bottom):
    """Add columns to where `lay_out` took them from."""
    c, h, w, kh, kw, ow, sh, sw, ph, pw, dh, dw = geometry
    high, wide, source = h + 2 * ph, w + 2 * pw, 0
    for ci in range(c):
        for ki in range(kh):
            for kj in range(kw):
                for oy in range(top, bottom):
                    to = (ci * high + oy * sh + ki * dh) * wide + kj * dw
                    if sw == 1:
                        for j in range(0, ow, LANES):
                            there = load(x, to + j, to + ow, f4(0))
                            store(x, to + j, to + ow, there + load(col, source + j, source + ow, f4(0)))
                    else:
                        for j in range(ow):
                            x[to + j * sw] += col[source + j]
                    source += ow


@njit(**COMPILED)
def _frame(geometry):
    c, h, w, _, _, _, _, _, ph, pw, _, _ = geometry
    return np.empty(c * (h + 2 * ph) * (w + 2 * pw), np.float32)


@njit(parallel=True, **COMPILED)
def forward(sgemm, x, weight, out, sizes, geometry, rows):
    """out[n, o, place] = weight[o, :] @ columns[:, place] for every image and group, `rows` output rows at a time."""
    n, groups, o, oh, direct = sizes
    c, h, w, kh, kw, ow, _, _, ph, pw, _, _ = geometry
    depth, places = c * kh * kw, oh * ow
    for image in prange(n * groups):
        image = np.int64(image)
        weights = weight.ctypes.data + 4 * (image % groups) * o * depth
        to = out.ctypes.data + 4 * image * o * places
        if direct:  # a 1 x 1 kernel: the image is its columns
            columns = x.ctypes.data + 4 * image * c * h * w
            call_sgemm(sgemm, PLAIN, PLAIN, o, places, depth, weights, depth, columns, places, 0.0, to, places)
        else:
            frame, col = _frame(geometry), np.empty(depth * rows * ow, np.float32)
            padded(x, image * c * h * w, frame, c, h, w, ph, pw)
            for top in range(0, oh, rows):
                bottom = min(oh, top + rows)
                width = (bottom - top) * ow
                lay_out(frame, col, geometry, top, bottom)
                part, columns = to + 4 * top * ow, col.ctypes.data
                call_sgemm(sgemm, PLAIN, PLAIN, o, width, depth, weights, depth, columns, width, 0.0, part, places)


@njit(parallel=True, **COMPILED)
def backward_input(sgemm, g, weight, dx, sizes, geometry, rows):
    """dx = the columns weight.T @ g, added back, for every image and group."""
    n, groups, o, oh, direct = sizes
    c, h, w, kh, kw, ow, _, _, ph, pw, _, _ = geometry
    depth, places = c * kh * kw, oh * ow
    for image in prange(n * groups):
        image = np.int64(image)
        weights = weight.ctypes.data + 4 * (image % groups) * o * depth
        source = g.ctypes.data + 4 * image * o * places
        if direct:
            to = dx.ctypes.data + 4 * image * c * h * w
            call_sgemm(sgemm, TRANSPOSED, PLAIN, depth, places, o, weights, depth, source, places, 0.0, to, places)
        else:
            frame, col = _frame(geometry), np.empty(depth * rows * ow, np.float32)
            frame[:] = f4(0)
            for top in range(0, oh, rows):
                bottom = min(oh, top + rows)
                width = (bottom - top) * ow
                part, to = source + 4 * top * ow, col.ctypes.data
                call_sgemm(sgemm, TRANSPOSED, PLAIN, depth, width, o, weights, depth, part, places, 0.0, to, width)
                add_back(col, frame, geometry, top, bottom)
            cropped(frame, dx, image * c * h * w, c, h, w, ph, pw)


@njit(parallel=True, **COMPILED)
def backward_weight(sgemm, g, x, partial, sizes, geometry, rows):
    """partial[part] = the sum of g @ columns.T over a part of the images; partial starts as zeros."""
    n, groups, o, oh, direct = sizes
    c, h, w, kh, kw, ow, _, _, ph, pw, _, _ = geometry
    depth, places, parts = c * kh * kw, oh * ow, partial.shape[0]
    for task in prange(parts * groups):
        task = np.int64(task)
        part, group = task // groups, task % groups
        to = partial.ctypes.data + 4 * (part * groups + group) * o * depth
        frame, col = _frame(geometry), np.empty(1 if direct else depth * rows * ow, np.float32)
        for i in range(part * n // parts, (part + 1) * n // parts):
            image = i * groups + group
            source, gradient = image * c * h * w, g.ctypes.data + 4 * image * o * places
            if direct:
                columns = x.ctypes.data + 4 * source
                call_sgemm(
                    sgemm, PLAIN, TRANSPOSED, o, depth, places, gradient, places, columns, places, 1.0, to, depth
                )
            else:
                padded(x, source, frame, c, h, w, ph, pw)
                for top in range(0, oh, rows):
                    bottom = min(oh, top + rows)
                    width = (bottom - top) * ow
                    lay_out(frame, col, geometry, top, bottom)
                    at, columns = gradient + 4 * top * ow, col.ctypes.data
                    call_sgemm(sgemm, PLAIN, TRANSPOSED, o, depth, width, at, places, columns, width, 1.0, to, depth)


def _plan(x_shape: Any, w_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """(sizes, geometry, output rows in one tile, output size) of a convolution of such an x and w."""
    n, _, h, w = x_shape
    o, cg, kh, kw = w_shape
    oh, ow = (out_size(*v) for v in zip((h, w), (kh, kw), stride, padding, dilation, strict=True))
    direct = (kh, kw) == (1, 1) and tuple(stride) == (1, 1) and tuple(padding) == (0, 0)
    sizes = (n, groups, o // groups, oh, direct)
    geometry = (cg, h, w, kh, kw, ow, *stride, *padding, *dilation)
    rows = max(1, min(oh, TILE // max(1, cg * kh * kw * ow)))
    return sizes, geometry, rows, (oh, ow)


def _frame_covers(x_shape: Any, sizes: Any, geometry: Any) -> bool:
    """Whether every window lies inside the frame, so that nothing else is read: so it is, unless sizes do not fit."""
    _, h, w, kh, kw, ow, sh, sw, ph, pw, dh, dw = geometry
    tall = (sizes[3] - 1) * sh + (kh - 1) * dh < h + 2 * ph
    return tall and (ow - 1) * sw + (kw - 1) * dw < w + 2 * pw and min(ph, pw) >= 0 and min(sh, sw, dh, dw) >= 1


def _fits(*arrays: Any) -> bool:
    return bool(BLAS.sgemm) and all(type(a) is ndarray and a.dtype is F4 and a.ndim == 4 and a.size for a in arrays)


def conv(x: Any, w: Any, *bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """(n, c, h, w), (o, c/groups, kh, kw) -> (n, o, oh, ow)."""
    if not _fits(x, w) or x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        return NotImplemented
    sizes, geometry, rows, size = _plan(x.shape, w.shape, stride, padding, dilation, groups)
    if min(size) < 1 or not _frame_covers(x.shape, sizes, geometry):
        return NotImplemented
    if len(bias) > 1 or any(type(b) is not ndarray or b.dtype is not F4 or b.shape != w.shape[:1] for b in bias):
        return NotImplemented
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    out = np.empty((x.shape[0], w.shape[0], *size), F4)
    if w.shape[1] == 1 and w.shape[0] == groups:
        depthwise.forward(x.ravel(), w.ravel(), out.ravel(), (x.shape[0] * groups, groups, size[0]), geometry)
        return _with_bias(out, bias)
    with BLAS.one_thread_a_call():
        forward(BLAS.sgemm, x.ravel(), w.ravel(), out.ravel(), sizes, geometry, rows)
    return _with_bias(out, bias)


def _with_bias(out: ndarray, bias: tuple[ndarray, ...]) -> ndarray:
    """The output with each channel's bias added in place."""
    for b in bias:
        add_channels(out.ravel(), np.ascontiguousarray(b), out.shape[0] * out.shape[1], out.shape[2] * out.shape[3])
    return out


@njit(parallel=True, **COMPILED)
def add_channels(out, bias, planes, places):
    for plane in prange(planes):
        plane = np.int64(plane)
        value = bias[plane % bias.size]
        for i in range(plane * places, (plane + 1) * places):
            out[i] += value


def conv_input(g: Any, w: Any, *, size: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """(n, o, oh, ow), (o, c/groups, kh, kw) -> (n, c, h, w)."""
    if not _fits(g, w) or g.shape[1] != w.shape[0] or w.shape[0] % groups:
        return NotImplemented
    shape = (g.shape[0], w.shape[1] * groups, *size)
    sizes, geometry, rows, places = _plan(shape, w.shape, stride, padding, dilation, groups)
    if tuple(places) != g.shape[2:] or min(size) < 1 or not _frame_covers(shape, sizes, geometry):
        return NotImplemented
    g, w = np.ascontiguousarray(g), np.ascontiguousarray(w)
    dx = np.empty(shape, F4)
    if w.shape[1] == 1 and w.shape[0] == groups:
        depthwise.backward_input(g.ravel(), w.ravel(), dx.ravel(), (g.shape[0] * groups, groups, places[0]), geometry)
        return dx
    with BLAS.one_thread_a_call():
        backward_input(BLAS.sgemm, g.ravel(), w.ravel(), dx.ravel(), sizes, geometry, rows)
    return dx


def conv_weight(g: Any, x: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """(n, o, oh, ow), (n, c, h, w) -> (o, c/groups, kh, kw)."""
    if not _fits(g, x) or g.shape[0] != x.shape[0] or x.shape[1] % groups or g.shape[1] % groups:
        return NotImplemented
    shape = (g.shape[1], x.shape[1] // groups, *kernel)
    sizes, geometry, rows, places = _plan(x.shape, shape, stride, padding, dilation, groups)
    if tuple(places) != g.shape[2:] or not _frame_covers(x.shape, sizes, geometry):
        return NotImplemented
    g, x = np.ascontiguousarray(g), np.ascontiguousarray(x)
    if shape[1] == 1 and shape[0] == groups:
        each = np.empty((g.shape[0], groups, *kernel), F4)
        how = (g.shape[0] * groups, groups, places[0]), geometry
        depthwise.backward_weight(g.ravel(), x.ravel(), each.ravel(), *how)
        return each.sum(0).reshape(shape)
    partial = np.zeros((min(PARTS, g.shape[0]), *shape), F4)
    with BLAS.one_thread_a_call():
        backward_weight(BLAS.sgemm, g.ravel(), x.ravel(), partial, sizes, geometry, rows)
    return partial.sum(0)


KERNELS = {"conv": conv, "conv_input": conv_input, "conv_weight": conv_weight}
