"""Convolution over images (n, c, *size) with any number of image axes.

Each gradient is an op of its own, and each of those has the others as its gradient: the family is closed, so second
order comes for nothing. Settings of the ops are tuples with one number for each image axis.
"""

from __future__ import annotations

import math

from shared_ops.dim import Dim
from shared_ops.fold import (
    add_columns,
    check_fits,
    check_images,
    check_settings,
    columns_of,
    out_sizes,
    per_axis,
)
from shared_ops.index import getitem, put
from shared_ops.op import op
from shared_ops.reduce import sum
from shared_ops.shape import reshape
from shared_ops.spec import Spec, check, result_dtype, shape_of, spec_of

VALUES_AT_ONCE = 1 << 24  # columns hold each value once for each place in the kernel: only so many at a time


def _parts(n, values):
    """The batch in slices whose columns, of that many values an image, are not too much at once."""
    step = max(1, VALUES_AT_ONCE // max(values, 1))
    return [slice(i, i + step) for i in range(0, n, step)]


def _alike(xp, x, y):
    dtype = result_dtype(spec_of(x), spec_of(y))
    return xp.asarray(x, dtype), xp.asarray(y, dtype)


def _conv_spec(name, x, w, stride, padding, dilation, groups):
    check(len(shape_of(x)) >= 3, f"{name} needs images (n, c, *size)", x=x)
    check(len(shape_of(w)) == x.ndim, f"{name} needs weights (o, c/groups, *kernel)", w=w)
    check(isinstance(groups, int) and groups >= 1, f"{name} needs at least one group", groups=groups)
    fits = x.shape[1] == w.shape[1] * groups
    check(fits, f"{name} needs x's channels to be w's times groups", x=x, w=w, groups=groups)
    check(w.shape[0] % groups == 0, f"{name} needs output channels that groups divides", w=w, groups=groups)
    check_settings(name, x.ndim - 2, stride=stride, padding=padding, dilation=dilation)
    fits = all(isinstance(n, Dim) or n > 0 for n in w.shape[2:])
    check(fits, f"{name} needs a kernel with at least one value", w=w)
    size = out_sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    check_fits(name, size, x, w.shape[2:])
    dtype = result_dtype(x, w)
    check(dtype.kind not in "bc", f"{name} needs real numbers", x=x, w=w)
    return Spec((x.shape[0], w.shape[0], *size), dtype)


@op
def conv(xp, x, w, *bias, stride, padding, dilation, groups):
    """Cross-correlation: (n, c, *size), (o, c/groups, *kernel), (o,) -> (n, o, *out); or without bias."""
    x, w = _alike(xp, x, w)
    n, (o, _, *kernel) = x.shape[0], w.shape
    size, depth = out_sizes(x.shape[2:], kernel, stride, padding, dilation), math.prod(w.shape[1:])
    windows = math.prod(size)
    out, rows = xp.empty((n, o, *size), x.dtype), w.reshape(groups, o // groups, depth)
    for part in _parts(n, groups * depth * windows):
        columns = columns_of(xp, x[part], kernel, stride, padding, dilation).reshape(-1, groups, depth, windows)
        out[part] = xp.matmul(rows, columns).reshape(-1, o, *size)
    for b in bias:
        out += b.astype(out.dtype, copy=False).reshape(o, *(1,) * len(size))  # the output is ours to change
    return out


@conv.spec
def conv_spec(x, w, *bias, stride, padding, dilation, groups):
    out = _conv_spec("conv", x, w, stride, padding, dilation, groups)
    check(len(bias) < 2, "conv takes one bias, or none", bias=bias)
    for b in bias:
        fits = shape_of(b) == (w.shape[0],) and b.dtype == w.dtype
        check(fits, "conv needs one bias of the weights' dtype for each of w's output channels", w=w, bias=b)
    return out


@conv.grad
def conv_grad(g, x, w, wants, stride, padding, dilation, groups):
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    gx = conv_input(g, w, size=tuple(x.shape[2:]), **how) if wants[0] else None
    gw = conv_weight(g, x, kernel=tuple(w.shape[2:]), **how) if wants[1] else None
    others = (0, *range(2, len(x.shape)))
    return gx, gw, *[sum(g, axis=others) if wanted else None for wanted in wants[2:]]


@op
def conv_input(xp, y, w, *, size, stride, padding, dilation, groups):
    """The gradient of conv for its images, which is transposed convolution: (n, o, *out) -> (n, c, *size)."""
    y, w = _alike(xp, y, w)
    n, o, *out = y.shape
    _, c, *kernel = w.shape
    depth, windows = c * math.prod(kernel), math.prod(out)
    images, rows = xp.empty((n, groups * c, *size), y.dtype), w.reshape(groups, o // groups, depth).transpose(0, 2, 1)
    for part in _parts(n, groups * depth * windows):
        columns = xp.matmul(rows, y[part].reshape(-1, groups, o // groups, windows))
        columns = columns.reshape(-1, groups * c, *kernel, *out)
        images[part] = add_columns(xp, columns, size, stride, padding, dilation)
    return images


@conv_input.spec
def conv_input_spec(y, w, *, size, stride, padding, dilation, groups):
    check(len(shape_of(y)) >= 3, "conv_input needs y (n, o, *out)", y=y)
    check(len(shape_of(w)) == y.ndim, "conv_input needs weights (o, c/groups, *kernel)", w=w)
    fine = isinstance(size, tuple | list) and len(size) == y.ndim - 2
    fine = fine and all(isinstance(n, Dim) or (isinstance(n, int) and n > 0) for n in size)
    check(fine, "conv_input needs size with a number of at least 1 for each image axis", size=size)
    images = Spec((y.shape[0], w.shape[1] * groups, *size), result_dtype(y, w))
    made = _conv_spec("conv_input", images, w, stride, padding, dilation, groups)
    _check_made("conv_input", y, made)
    return images


def _check_made(name, y, made):
    """y has the shape of conv's output; of a size that is not known yet only the run can tell."""
    pairs = zip(y.shape, made.shape, strict=True)
    fits = y.ndim == made.ndim and all(isinstance(n, Dim) or isinstance(m, Dim) or n == m for n, m in pairs)
    check(fits, f"{name} needs y to have the shape of conv's output", y=y, output=made)


@conv_input.grad
def conv_input_grad(g, y, w, wants, stride, padding, dilation, groups):
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    gy = conv(g, w, **how) if wants[0] else None
    gw = conv_weight(y, g, kernel=tuple(w.shape[2:]), **how) if wants[1] else None
    return gy, gw


@op
def conv_weight(xp, y, x, *, kernel, stride, padding, dilation, groups):
    """The gradient of conv for its weights: (n, o, *out), (n, c, *size) -> (o, c/groups, *kernel)."""
    y, x = _alike(xp, y, x)
    n, o, *out = y.shape
    c, windows = x.shape[1], math.prod(out)
    depth = c // groups * math.prod(kernel)
    total = xp.zeros((groups, o // groups, depth), y.dtype)
    for part in _parts(n, groups * depth * windows):
        columns = columns_of(xp, x[part], kernel, stride, padding, dilation).reshape(-1, groups, depth, windows)
        rows = y[part].reshape(-1, groups, o // groups, windows)
        for one_y, one_x in zip(rows, columns, strict=True):  # image by image, so that no image's is copied once more
            total += xp.matmul(one_y, one_x.transpose(0, 2, 1))
    return total.reshape(o, c // groups, *kernel)


@conv_weight.spec
def conv_weight_spec(y, x, *, kernel, stride, padding, dilation, groups):
    check(len(shape_of(x)) >= 3, "conv_weight needs images (n, c, *size)", x=x)
    check(len(shape_of(y)) == x.ndim, "conv_weight needs y (n, o, *out)", y=y)
    check(isinstance(groups, int) and groups >= 1, "conv_weight needs at least one group", groups=groups)
    check_settings("conv_weight", x.ndim - 2, kernel=kernel)
    weight = Spec((y.shape[1], x.shape[1] // groups, *kernel), result_dtype(y, x))
    made = _conv_spec("conv_weight", x, weight, stride, padding, dilation, groups)
    _check_made("conv_weight", y, made)
    return weight


@conv_weight.grad
def conv_weight_grad(g, y, x, wants, stride, padding, dilation, groups):
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    gy = conv(x, g, **how) if wants[0] else None
    gx = conv_input(y, g, size=tuple(x.shape[2:]), **how) if wants[1] else None
    return gy, gx


# the names of PyTorch ---------------------------------------------------------------------------------------------
def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """(n, c, length), (o, c/groups, k), (o,) -> (n, o, out). Padding may be "same" or "valid"."""
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """(n, c, h, w), (o, c/groups, kh, kw), (o,) -> (n, o, oh, ow). Padding may be "same" or "valid"."""
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """(n, c, d, h, w), (o, c/groups, kd, kh, kw), (o,) -> (n, o, od, oh, ow). Padding may be "same" or "valid"."""
    return _conv("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Each value times the kernel, added up: (n, c, length), (c, o/groups, k), (o,) -> (n, o, out)."""
    return _transpose("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Each value times the kernel, added up: (n, c, h, w), (c, o/groups, kh, kw), (o,) -> (n, o, oh, ow)."""
    return _transpose("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Each value times the kernel, added up: (n, c, d, h, w), (c, o/groups, kd, kh, kw), (o,) -> (n, o, …)."""
    return _transpose("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _conv(name, rank, x, w, bias, stride, padding, dilation, groups):
    check_images(name, rank, x)
    check(len(shape_of(spec_of(w))) == rank + 2, f"{name} needs weights (o, c/groups, *kernel)", w=spec_of(w))
    stride, dilation = per_axis(stride, rank), per_axis(dilation, rank)
    if isinstance(padding, str):
        padding, extra = _named_padding(name, rank, padding, w.shape[2:], stride, dilation)
    else:
        padding, extra = per_axis(padding, rank), (0,) * rank
    together = _bias_fits(name, w, bias, w.shape[0])
    out = conv(x, w, *together, stride=stride, padding=padding, dilation=dilation, groups=groups)
    if any(extra):
        out = getitem(out, index=(..., *(slice(1, None) if e else slice(None) for e in extra)))
    return out if together else _plus(out, bias, rank)


def _named_padding(name, rank, padding, kernel, stride, dilation):
    """The padding on both sides, and per axis whether it makes a window too many at the start.

    An odd sum of paddings puts one more at the end, as in PyTorch.
    """
    check(padding in ("same", "valid"), f"{name} needs padding as numbers, 'same' or 'valid'", padding=padding)
    if padding == "valid":
        return (0,) * rank, (0,) * rank
    check(all(s == 1 for s in stride), f"{name} needs stride 1 where the padding is 'same'", stride=stride)
    check_settings(name, rank, dilation=dilation)
    sums = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((n + 1) // 2 for n in sums), tuple(n % 2 for n in sums)


def _transpose(name, rank, x, w, bias, stride, padding, output_padding, groups, dilation):
    check_images(name, rank, x)
    check(len(shape_of(spec_of(w))) == rank + 2, f"{name} needs weights (c, o/groups, *kernel)", w=spec_of(w))
    stride, padding, dilation, extra = (per_axis(v, rank) for v in (stride, padding, dilation, output_padding))
    check_settings(name, rank, stride=stride, padding=padding, dilation=dilation, output_padding=extra)
    for e, s, d in zip(extra, stride, dilation, strict=True):
        check(e < max(s, d), f"{name} needs output_padding below stride or dilation", output_padding=extra)
    check(x.shape[1] == w.shape[0], f"{name} needs x's channels to be w's first size", x=spec_of(x), w=spec_of(w))
    how = {"stride": stride, "dilation": dilation, "groups": groups}
    size = _transposed_size(x, w, stride, padding, dilation, extra)
    fits = all(isinstance(n, Dim) or n > 0 for n in size)
    check(fits, f"{name} needs padding that leaves values", x=spec_of(x), padding=padding)
    if all(e < s for e, s in zip(extra, stride, strict=True)):
        out = conv_input(x, w, size=size, padding=padding, **how)
    else:
        none = (0,) * rank
        out = conv_input(x, w, size=_transposed_size(x, w, stride, none, dilation, none), padding=none, **how)
        out = _cut(out, padding, extra)
    _bias_fits(name, w, bias, out.shape[1])
    return _plus(out, bias, rank)


def _transposed_size(x, w, *settings):
    axes = zip(x.shape[2:], w.shape[2:], *settings, strict=True)
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, d, e in axes)


def _cut(full, padding, extra):
    """Images without their padding, but for so many values at the end; those past the images are 0."""
    ends = [e - p for e, p in zip(extra, padding, strict=True)]
    inner = (slice(p, end if end < 0 else None) for p, end in zip(padding, ends, strict=True))
    out = getitem(full, index=(..., *inner))
    past = tuple(max(end, 0) for end in ends)
    if not any(past):
        return out
    size = (n + e for n, e in zip(out.shape[2:], past, strict=True))
    return put(out, shape=(*out.shape[:2], *size), index=(..., *(slice(None, -e if e else None) for e in past)))


def _bias_fits(name, w, bias, channels):
    """The bias as conv takes it: none, or one of the weights' dtype."""
    if bias is None:
        return ()
    shape = shape_of(spec_of(bias))
    check(shape == (channels,), f"{name} needs one bias for each output channel", bias=spec_of(bias))
    return (bias,) if bias.dtype == w.dtype else ()


def _plus(out, bias, rank):
    return out if bias is None else out + reshape(bias, shape=(1, -1, *(1,) * rank))
