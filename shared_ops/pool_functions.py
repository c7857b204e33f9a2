"""Pooling by PyTorch's names: settings as one number or several, a stride that is the kernel unless given.

Each checks the number of image axes and calls the op that serves any.
"""

from __future__ import annotations

import math

from shared_ops.adaptive import adaptive_avg_pool, adaptive_max_pool
from shared_ops.elementwise import mul
from shared_ops.fold import check_images, check_settings, per_axis
from shared_ops.pool import avg_pool, max_pool, max_unpool
from shared_ops.spec import check
from shared_ops.transcendental import pow


# the greatest value -----------------------------------------------------------------------------------------------
def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The greatest value of each window: (n, c, length) -> (n, c, out); also its index, where that is asked for."""
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The greatest value of each window: (n, c, h, w) -> (n, c, oh, ow); also its index, where that is asked for."""
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The greatest value of each window: (n, c, d, h, w) -> (n, c, od, oh, ow); also its index, where asked for."""
    return _max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max_pool(name, rank, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    check_images(name, rank, x)
    how = _settings(rank, kernel_size, stride, padding)
    out = max_pool(x, **how, dilation=per_axis(dilation, rank), ceil_mode=ceil_mode)
    return tuple(out) if return_indices else out[0]


def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Values put back where max_pool1d found them, zeros elsewhere: (n, c, out) -> (n, c, length)."""
    return _max_unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Values put back where max_pool2d found them, zeros elsewhere: (n, c, oh, ow) -> (n, c, h, w)."""
    return _max_unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Values put back where max_pool3d found them, zeros elsewhere: (n, c, od, oh, ow) -> (n, c, d, h, w)."""
    return _max_unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def _max_unpool(name, rank, x, indices, kernel_size, stride, padding, output_size):
    """Values found by several windows are added, where PyTorch leaves open which it keeps."""
    check_images(name, rank, x)
    how = _settings(rank, kernel_size, stride, padding)
    check_settings(name, rank, **how)
    axes = zip(x.shape[2:], how["kernel_size"], how["stride"], how["padding"], strict=True)
    size = tuple((n - 1) * s - 2 * p + k for n, k, s, p in axes)
    if output_size is not None:
        size = tuple(output_size)[-rank:]
    return max_unpool(x, indices, size=size)


# the mean ---------------------------------------------------------------------------------------------------------
def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window: (n, c, length) -> (n, c, out)."""
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of each window: (n, c, h, w) -> (n, c, oh, ow)."""
    how = (ceil_mode, count_include_pad, divisor_override)
    return _avg_pool("avg_pool2d", 2, input, kernel_size, stride, padding, *how)


def avg_pool3d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of each window: (n, c, d, h, w) -> (n, c, od, oh, ow)."""
    how = (ceil_mode, count_include_pad, divisor_override)
    return _avg_pool("avg_pool3d", 3, input, kernel_size, stride, padding, *how)


def _avg_pool(name, rank, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    check_images(name, rank, x)
    how = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad, "divisor_override": divisor_override}
    return avg_pool(x, **_settings(rank, kernel_size, stride, padding), **how)


def _settings(rank, kernel_size, stride, padding):
    kernel_size = per_axis(kernel_size, rank)
    stride = kernel_size if stride is None else per_axis(stride, rank)
    return {"kernel_size": kernel_size, "stride": stride, "padding": per_axis(padding, rank)}


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The p-norm of each window, of the sum of x ** p as in PyTorch: (n, c, length) -> (n, c, out)."""
    return _lp_pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The p-norm of each window, of the sum of x ** p as in PyTorch: (n, c, h, w) -> (n, c, oh, ow)."""
    return _lp_pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The p-norm of each window, of the sum of x ** p as in PyTorch: (n, c, d, h, w) -> (n, c, od, oh, ow)."""
    return _lp_pool("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)


def _lp_pool(name, rank, x, norm_type, kernel_size, stride, ceil_mode):
    fine = isinstance(norm_type, int | float) and norm_type != 0 and math.isfinite(norm_type)
    check(fine, f"{name} needs norm_type as a finite number but 0", norm_type=norm_type)
    mean = _avg_pool(name, rank, pow(x, norm_type), kernel_size, stride, 0, ceil_mode, True, None)
    total = mul(mean, math.prod(per_axis(kernel_size, rank)))
    return pow(total, 1 / norm_type)


# windows that fit an output size ----------------------------------------------------------------------------------
def adaptive_avg_pool1d(input, output_size):
    """The means of evenly laid windows: (n, c, length) -> (n, c, output_size). None keeps a size."""
    return adaptive_avg_pool(input, output_size=_output_size("adaptive_avg_pool1d", 1, input, output_size))


def adaptive_avg_pool2d(input, output_size):
    """The means of evenly laid windows: (n, c, h, w) -> (n, c, *output_size). None keeps a size."""
    return adaptive_avg_pool(input, output_size=_output_size("adaptive_avg_pool2d", 2, input, output_size))


def adaptive_avg_pool3d(input, output_size):
    """The means of evenly laid windows: (n, c, d, h, w) -> (n, c, *output_size). None keeps a size."""
    return adaptive_avg_pool(input, output_size=_output_size("adaptive_avg_pool3d", 3, input, output_size))


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """The greatest values of evenly laid windows: (n, c, length) -> (n, c, output_size). None keeps a size."""
    return _adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """The greatest values of evenly laid windows: (n, c, h, w) -> (n, c, *output_size). None keeps a size."""
    return _adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input, output_size, return_indices=False):
    """The greatest values of evenly laid windows: (n, c, d, h, w) -> (n, c, *output_size). None keeps a size."""
    return _adaptive_max_pool("adaptive_max_pool3d", 3, input, output_size, return_indices)


def _adaptive_max_pool(name, rank, x, output_size, return_indices):
    out = adaptive_max_pool(x, output_size=_output_size(name, rank, x, output_size))
    return tuple(out) if return_indices else out[0]


def _output_size(name, rank, x, output_size):
    check_images(name, rank, x)
    output_size = per_axis(output_size, rank)
    check(len(output_size) == rank, f"{name} needs output_size with a number for each axis", output_size=output_size)
    return tuple(n if m is None else m for n, m in zip(x.shape[2:], output_size, strict=True))
