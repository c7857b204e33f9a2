"""Pooling over float32 images (n, c, h, w), plane by plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy import ndarray

from shared_ops.kernels.formula import F4
from shared_ops.kernels.scalar import COMPILED, f4
from shared_ops.pool import pooled_size


@njit(**COMPILED)
def _greatest_of_plane(x, out, indices, plane, sizes, window):
    h, w, oh, ow = sizes
    kh, kw, sh, sw, ph, pw, dh, dw = window
    start = plane * h * w
    for oy in range(oh):
        for ox in range(ow):
            top, left = oy * sh - ph, ox * sw - pw
            best, at = f4(-np.inf), np.int64(-1)
            for ki in range(kh):
                iy = top + ki * dh
                if 0 <= iy < h:
                    for kj in range(kw):
                        ix = left + kj * dw
                        if 0 <= ix < w:
                            value = x[start + iy * w + ix]
                            wins = value > best or at < 0 or (value != value and best == best)
                            at = iy * w + ix if wins else at
                            best = value if wins else best
            out[(plane * oh + oy) * ow + ox] = best
            indices[(plane * oh + oy) * ow + ox] = at


@njit(**COMPILED)
def _greatest_of_fours(x, out, indices, plane, w, oh, ow):
    """Windows of 2 x 2 side by side, without a branch."""
    for oy in range(oh):
        top = plane * 4 * oh * ow + 2 * oy * w
        for ox in range(ow):
            first = top + 2 * ox
            a, b, c, d = x[first], x[first + 1], x[first + w], x[first + w + 1]
            right = not (b <= a or a != a)
            best, at = (b, 1) if right else (a, 0)
            below = not (c <= best or best != best)
            best, at = (c, w) if below else (best, at)
            last = not (d <= best or best != best)
            best, at = (d, w + 1) if last else (best, at)
            out[(plane * oh + oy) * ow + ox] = best
            indices[(plane * oh + oy) * ow + ox] = 2 * oy * w + 2 * ox + at


@njit(parallel=True, **COMPILED)
def greatest(x, out, indices, planes, sizes, window, fours):
    """The greatest value of every window and its place in the plane; NaN is the greatest, of equals the first."""
    for plane in prange(planes):
        if fours:
            _greatest_of_fours(x, out, indices, np.int64(plane), sizes[1], sizes[2], sizes[3])
        else:
            _greatest_of_plane(x, out, indices, np.int64(plane), sizes, window)


@njit(parallel=True, **COMPILED)
def put_back(y, indices, out, planes, values, places):
    """out[plane, index] += y; the number of the first value whose index is no place in a plane, or -1."""
    wrong = np.full(planes, -1, np.int64)
    for plane in prange(planes):
        plane = np.int64(plane)
        start = plane * places
        for i in range(start, start + places):
            out[i] = f4(0)
        for i in range(plane * values, (plane + 1) * values):
            at = indices[i]
            if 0 <= at < places:
                out[start + at] += y[i]
            else:
                wrong[plane] = i
    return wrong.max()


@njit(parallel=True, **COMPILED)
def means(x, out, planes, sizes, window, padded_too):
    """The mean of every window."""
    h, w, oh, ow = sizes
    kh, kw, sh, sw, ph, pw = window
    for plane in prange(planes):
        plane = np.int64(plane)
        for oy in range(oh):
            top = oy * sh - ph
            first, last = max(0, top), min(h, top + kh)
            tall = min(top + kh, h + ph) - top if padded_too else last - first
            for ox in range(ow):
                left = ox * sw - pw
                near, far = max(0, left), min(w, left + kw)
                wide = min(left + kw, w + pw) - left if padded_too else far - near
                total = f4(0)
                for iy in range(first, last):
                    for ix in range(near, far):
                        total += x[(plane * h + iy) * w + ix]
                out[(plane * oh + oy) * ow + ox] = total / f4(tall * wide)


@njit(parallel=True, **COMPILED)
def spread_means(g, out, planes, sizes, window, padded_too):
    """What `means` took, given back in equal parts."""
    h, w, oh, ow = sizes
    kh, kw, sh, sw, ph, pw = window
    for plane in prange(planes):
        plane = np.int64(plane)
        for i in range(plane * h * w, (plane + 1) * h * w):
            out[i] = f4(0)
        for oy in range(oh):
            top = oy * sh - ph
            first, last = max(0, top), min(h, top + kh)
            tall = min(top + kh, h + ph) - top if padded_too else last - first
            for ox in range(ow):
                left = ox * sw - pw
                near, far = max(0, left), min(w, left + kw)
                wide = min(left + kw, w + pw) - left if padded_too else far - near
                share = g[(plane * oh + oy) * ow + ox] / f4(tall * wide)
                for iy in range(first, last):
                    for ix in range(near, far):
                        out[(plane * h + iy) * w + ix] += share


def _images(*arrays: Any) -> bool:
    return all(type(a) is ndarray and a.ndim == 4 and a.dtype is F4 and a.size for a in arrays)


def _outs(x: ndarray, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> tuple[int, ...]:
    axes = zip(x.shape[2:], kernel_size, stride, padding, dilation, strict=True)
    return tuple(pooled_size(*axis, ceil_mode) for axis in axes)


def max_pool(x: Any, *, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:
    """The greatest value of each window, and its index in its plane."""
    if not _images(x):
        return NotImplemented
    size = _outs(x, kernel_size, stride, padding, dilation, ceil_mode)
    if min(size) < 1:
        return NotImplemented
    x = np.ascontiguousarray(x)
    out, indices = np.empty((*x.shape[:2], *size), F4), np.empty((*x.shape[:2], *size), np.int64)
    window = (*kernel_size, *stride, *padding, *dilation)
    fours = window == (2, 2, 2, 2, 0, 0, 1, 1) and x.shape[2] == 2 * size[0] and x.shape[3] == 2 * size[1]
    sizes = (*x.shape[2:], *size)
    greatest(x.ravel(), out.ravel(), indices.ravel(), x.shape[0] * x.shape[1], sizes, window, fours)
    return out, indices


def max_unpool(y: Any, indices: Any, *, size: Any) -> Any:
    """Each value added at its index in its plane, zeros elsewhere."""
    if not _images(y) or type(indices) is not ndarray or indices.dtype != np.int64 or indices.shape != y.shape:
        return NotImplemented
    planes, places = y.shape[0] * y.shape[1], size[0] * size[1]
    out = np.empty((*y.shape[:2], *size), F4)
    if not out.size:
        return NotImplemented
    y, indices = np.ascontiguousarray(y), np.ascontiguousarray(indices)
    wrong = put_back(y.ravel(), indices.ravel(), out.ravel(), planes, y.size // planes, places)
    return NotImplemented if wrong >= 0 else out  # the plain kernel says which index it is


def _mean_window(kernel_size: Any, stride: Any, padding: Any) -> tuple[int, ...]:
    return (*kernel_size, *stride, *padding)


def avg_pool(
    x: Any,
    *,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
) -> Any:
    """The mean of each window."""
    if not _images(x) or divisor_override is not None:
        return NotImplemented
    size = _outs(x, kernel_size, stride, padding, (1, 1), ceil_mode)
    if min(size) < 1:
        return NotImplemented
    x, out = np.ascontiguousarray(x), np.empty((*x.shape[:2], *size), F4)
    window = _mean_window(kernel_size, stride, padding)
    sizes = (*x.shape[2:], *size)
    means(x.ravel(), out.ravel(), x.shape[0] * x.shape[1], sizes, window, bool(count_include_pad))
    return out


def avg_unpool(
    g: Any,
    *,
    size: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
) -> Any:
    """Each mean given back to its window in equal parts."""
    if not _images(g) or divisor_override is not None or min(size) < 1:
        return NotImplemented
    g, out = np.ascontiguousarray(g), np.empty((*g.shape[:2], *size), F4)
    if _outs(out, kernel_size, stride, padding, (1, 1), ceil_mode) != g.shape[2:]:
        return NotImplemented
    window = _mean_window(kernel_size, stride, padding)
    sizes = (*size, *g.shape[2:])
    spread_means(g.ravel(), out.ravel(), g.shape[0] * g.shape[1], sizes, window, bool(count_include_pad))
    return out


KERNELS = {"max_pool": max_pool, "max_unpool": max_unpool, "avg_pool": avg_pool, "avg_unpool": avg_unpool}
