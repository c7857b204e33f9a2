"""Convolution over float32 images, by matrix products over tiles of columns.

For one image, in a frame of zeros, and a few output rows the values under every window are laid out as columns that
stay in the core's cache, and one product with the weights gives those rows of the output, in place. Images are spread
over the threads; each product runs on the thread that laid out its columns. Depthwise convolution has its own loops.
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
from shared_ops.kernels.multiply import address, multiply
from shared_ops.kernels.scalar import COMPILED, f4
from shared_ops.kernels.tile import FLOAT
from shared_ops.kernels.vector import LANES, load, move, store

TILE = 40_000  # values of columns at once, a sixth of a second-level cache
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
                        move(x, source, col, to, ow)
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
def forward(code, x, weight, out, sizes, geometry, rows):
    """out[n, o, place] = weight[o, :] @ columns[:, place] for every image and group, `rows` output rows at a time."""
    n, groups, o, oh, direct = sizes
    c, h, w, kh, kw, ow, _, _, ph, pw, _, _ = geometry
    depth, places = c * kh * kw, oh * ow
    across, down = depth * FLOAT, places * FLOAT
    for image in prange(n * groups):
        image = np.int64(image)
        weights = weight.ctypes.data + (image % groups) * o * across
        to = out.ctypes.data + image * o * down
        if direct:  # a 1 x 1 kernel: the image is its columns
            columns = x.ctypes.data + image * c * down
            multiply(code, weights, across, FLOAT, columns, down, FLOAT, 0, 0, to, down, o, places, depth)
        else:
            frame, col = _frame(geometry), np.empty(depth * rows * ow, np.float32)
            padded(x, image * c * h * w, frame, c, h, w, ph, pw)
            for top in range(0, oh, rows):
                bottom = min(oh, top + rows)
                width = (bottom - top) * ow
                lay_out(frame, col, geometry, top, bottom)
                part, row = to + top * ow * FLOAT, width * FLOAT
                multiply(code, weights, across, FLOAT, col.ctypes.data, row, FLOAT, 0, 0, part, down, o, width, depth)


@njit(parallel=True, **COMPILED)
def backward_input(code, g, weight, dx, sizes, geometry, rows):
    """dx = the columns weight.T @ g, added back, for every image and group."""
    n, groups, o, oh, direct = sizes
    c, h, w, kh, kw, ow, _, _, ph, pw, _, _ = geometry
    depth, places = c * kh * kw, oh * ow
    across, down = depth * FLOAT, places * FLOAT
    for image in prange(n * groups):
        image = np.int64(image)
        weights = weight.ctypes.data + (image % groups) * o * across
        source = g.ctypes.data + image * o * down
        if direct:
            to = dx.ctypes.data + image * c * down
            multiply(code, weights, FLOAT, across, source, down, FLOAT, 0, 0, to, down, depth, places, o)
        else:
            frame, col = _frame(geometry), np.empty(depth * rows * ow, np.float32)
            frame[:] = f4(0)
            for top in range(0, oh, rows):
                bottom = min(oh, top + rows)
                width = (bottom - top) * ow
                part, to, row = source + top * ow * FLOAT, col.ctypes.data, width * FLOAT
                multiply(code, weights, FLOAT, across, part, down, FLOAT, 0, 0, to, row, depth, width, o)
                add_back(col, frame, geometry, top, bottom)
            cropped(frame, dx, image * c * h * w, c, h, w, ph, pw)


@njit(parallel=True, **COMPILED)
def backward_weight(code, g, x, partial, sizes, geometry, rows):
    """partial[part] = the sum of columns @ g.T over a part of the images, (depth, o) a group; it starts as zeros."""
    n, groups, o, oh, direct = sizes
    c, h, w, kh, kw, ow, _, _, ph, pw, _, _ = geometry
    depth, places, parts = c * kh * kw, oh * ow, partial.shape[0]
    across, down = o * FLOAT, places * FLOAT
    for task in prange(parts * groups):
        task = np.int64(task)
        part, group = task // groups, task % groups
        to = partial.ctypes.data + (part * groups + group) * depth * across
        frame, col = _frame(geometry), np.empty(1 if direct else depth * rows * ow, np.float32)
        for i in range(part * n // parts, (part + 1) * n // parts):
            image = i * groups + group
            source, gradient = image * c * h * w, g.ctypes.data + image * o * down
            if direct:
                columns = x.ctypes.data + source * FLOAT
                multiply(code, columns, down, FLOAT, gradient, FLOAT, down, to, across, to, across, depth, o, places)
                continue
            padded(x, source, frame, c, h, w, ph, pw)
            for top in range(0, oh, rows):
                bottom = min(oh, top + rows)
                width = (bottom - top) * ow
                lay_out(frame, col, geometry, top, bottom)
                at, columns, row = gradient + top * ow * FLOAT, col.ctypes.data, width * FLOAT
                multiply(code, columns, row, FLOAT, at, FLOAT, down, to, across, to, across, depth, o, width)


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
    return all(type(a) is ndarray and a.dtype is F4 and a.ndim == 4 and a.size for a in arrays)


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
    forward(address(), x.ravel(), w.ravel(), out.ravel(), sizes, geometry, rows)
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
    backward_input(address(), g.ravel(), w.ravel(), dx.ravel(), sizes, geometry, rows)
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
    depth = shape[1] * kernel[0] * kernel[1]
    partial = np.zeros((min(PARTS, g.shape[0]), groups, depth, shape[0] // groups), F4)
    backward_weight(address(), g.ravel(), x.ravel(), partial, sizes, geometry, rows)
    return np.ascontiguousarray(partial.sum(0).transpose(0, 2, 1)).reshape(shape)


KERNELS = {"conv": conv, "conv_input": conv_input, "conv_weight": conv_weight}
