"""Convolution and pooling over images, (n, c, h, w).

Each gradient is an op of its own, and each of those has the others as its gradient: the family is closed, so second
order comes for nothing.
"""

from __future__ import annotations

from shared_ops.op import op
from shared_ops.spec import Spec, check, result_dtype


def out_size(size, kernel, stride, padding, dilation=1):
    """How many windows fit: Dumoulin & Visin 2016, relationship 15."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _pad(xp, x, padding, value=0):
    ph, pw = padding
    return xp.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=value) if ph or pw else x


def _windows(xp, x, kernel, stride, dilation):
    """A view of every window: (n, c, h, w) -> (n, c, oh, ow, kh, kw)."""
    n, c, h, w = x.shape
    (kh, kw), (sh, sw), (dh, dw) = kernel, stride, dilation
    oh, ow = out_size(h, kh, sh, 0, dh), out_size(w, kw, sw, 0, dw)
    s = x.strides
    strides = (s[0], s[1], s[2] * sh, s[3] * sw, s[2] * dh, s[3] * dw)
    return xp.lib.stride_tricks.as_strided(x, (n, c, oh, ow, kh, kw), strides)


def _add_windows(xp, windows, size, stride, padding, dilation):
    """Windows (n, c, oh, ow, kh, kw) added back into an image of a size (h, w): what `_windows` took apart."""
    n, c, oh, ow, kh, kw = windows.shape
    (h, w), (sh, sw), (ph, pw), (dh, dw) = size, stride, padding, dilation
    out = xp.zeros((n, c, h + 2 * ph, w + 2 * pw), windows.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * dh, i * dh + sh * oh, sh)
            columns = slice(j * dw, j * dw + sw * ow, sw)
            out[:, :, rows, columns] += windows[:, :, :, :, i, j]
    return out[:, :, ph : ph + h, pw : pw + w]


def _columns(xp, x, kernel, stride, padding, dilation, groups):
    """im2col: (n, c, h, w) -> (groups, n*oh*ow, c/groups*kh*kw)."""
    windows = _windows(xp, _pad(xp, x, padding), kernel, stride, dilation)
    n, c, oh, ow, kh, kw = windows.shape
    windows = windows.reshape(n, groups, c // groups, oh, ow, kh, kw).transpose(1, 0, 3, 4, 2, 5, 6)
    return windows.reshape(groups, n * oh * ow, c // groups * kh * kw)


def _rows(g, groups):
    """(n, o, oh, ow) -> (groups, n*oh*ow, o/groups)."""
    n, o, oh, ow = g.shape
    return g.reshape(n, groups, o // groups, oh, ow).transpose(1, 0, 3, 4, 2).reshape(groups, n * oh * ow, o // groups)


def _conv_spec(x, w, stride, padding, dilation, groups):
    check(x.ndim == 4, "conv2d needs images (n, c, h, w)", x=x)
    check(w.ndim == 4, "conv2d needs weights (o, c/groups, kh, kw)", w=w)
    check(isinstance(groups, int) and groups >= 1, "conv2d needs at least one group", groups=groups)
    check(
        x.shape[1] == w.shape[1] * groups, "conv2d needs x's channels to be w's times groups", x=x, w=w, groups=groups
    )
    check(w.shape[0] % groups == 0, "conv2d needs output channels that groups divides", w=w, groups=groups)
    _check_settings("conv2d", stride=stride, padding=padding, dilation=dilation)
    size = [out_size(*v) for v in zip(x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)]
    _check_fits("conv2d", size, x, w.shape[2:])
    return Spec((x.shape[0], w.shape[0], *size), result_dtype(x, w))


def _check_settings(name, **pairs):
    """Each setting is a pair of whole numbers; paddings start at 0, the others at 1."""
    for setting, pair in pairs.items():
        fine = len(pair) == 2 and all(isinstance(n, int) and n >= (setting != "padding") for n in pair)
        check(fine, f"{name} needs {setting} as two whole numbers that are not too small", **{setting: pair})


def _check_fits(name, size, x, kernel):
    fits = all(not isinstance(n, int) or n > 0 for n in size)
    check(fits, f"{name} needs images at least as large as its kernel", x=x, kernel=kernel)


@op
def conv2d(xp, x, w, *, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """Cross-correlation: (n, c, h, w), (o, c/groups, kh, kw) -> (n, o, oh, ow)."""
    o, _, kh, kw = w.shape
    columns = _columns(xp, x, (kh, kw), stride, padding, dilation, groups)
    out = xp.matmul(columns, w.reshape(groups, o // groups, -1).transpose(0, 2, 1))
    oh, ow = (out_size(*v) for v in zip(x.shape[2:], (kh, kw), stride, padding, dilation, strict=True))
    out = out.reshape(groups, x.shape[0], oh, ow, o // groups).transpose(1, 0, 4, 2, 3)
    return xp.ascontiguousarray(out).reshape(x.shape[0], o, oh, ow)


@conv2d.spec
def conv2d_spec(x, w, *, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    return _conv_spec(x, w, stride, padding, dilation, groups)


@conv2d.grad
def conv2d_grad(g, x, w, wants, stride, padding, dilation, groups):
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    gx = conv2d_input(g, w, size=tuple(x.shape[2:]), **how) if wants[0] else None
    gw = conv2d_weight(g, x, kernel=tuple(w.shape[2:]), **how) if wants[1] else None
    return gx, gw


@op
def conv2d_input(xp, y, w, *, size, stride, padding, dilation, groups):
    """The gradient of conv2d for its images, which is transposed convolution: (n, o, oh, ow) -> (n, c, h, w)."""
    (n, _, oh, ow), (o, c, kh, kw) = y.shape, w.shape
    columns = xp.matmul(_rows(y, groups), w.reshape(groups, o // groups, -1))
    windows = columns.reshape(groups, n, oh, ow, c, kh, kw).transpose(1, 0, 4, 2, 3, 5, 6)
    return _add_windows(xp, windows.reshape(n, groups * c, oh, ow, kh, kw), size, stride, padding, dilation)


@conv2d_input.spec
def conv2d_input_spec(y, w, *, size, stride, padding, dilation, groups):
    image = Spec((y.shape[0], w.shape[1] * groups, *size), result_dtype(y, w))
    made = _conv_spec(image, w, stride, padding, dilation, groups)
    check(made.shape == y.shape, "conv2d_input needs y to have the shape of conv2d's output", y=y, output=made)
    return image


@conv2d_input.grad
def conv2d_input_grad(g, y, w, wants, stride, padding, dilation, groups):
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    gy = conv2d(g, w, **how) if wants[0] else None
    gw = conv2d_weight(y, g, kernel=tuple(w.shape[2:]), **how) if wants[1] else None
    return gy, gw


@op
def conv2d_weight(xp, y, x, *, kernel, stride, padding, dilation, groups):
    """The gradient of conv2d for its weights: (n, o, oh, ow), (n, c, h, w) -> (o, c/groups, kh, kw)."""
    columns = _columns(xp, x, kernel, stride, padding, dilation, groups)
    out = xp.matmul(_rows(y, groups).transpose(0, 2, 1), columns)
    return out.reshape(y.shape[1], x.shape[1] // groups, *kernel)


@conv2d_weight.spec
def conv2d_weight_spec(y, x, *, kernel, stride, padding, dilation, groups):
    weight = Spec((y.shape[1], x.shape[1] // groups, *kernel), result_dtype(y, x))
    made = _conv_spec(x, weight, stride, padding, dilation, groups)
    check(made.shape == y.shape, "conv2d_weight needs y to have the shape of conv2d's output", y=y, output=made)
    return weight


@conv2d_weight.grad
def conv2d_weight_grad(g, y, x, wants, stride, padding, dilation, groups):
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    gy = conv2d(x, g, **how) if wants[0] else None
    gx = conv2d_input(y, g, size=tuple(x.shape[2:]), **how) if wants[1] else None
    return gy, gx


# pooling ----------------------------------------------------------------------------------------------------------
ONE_BY_ONE = (1, 1)


def _pool_spec(name, x, kernel_size, stride, padding):
    check(x.ndim == 4, f"{name} needs images (n, c, h, w)", x=x)
    _check_settings(name, kernel_size=kernel_size, stride=stride, padding=padding)
    for k, p in zip(kernel_size, padding, strict=True):
        check(p * 2 <= k, f"{name} pads at most half its kernel", kernel_size=kernel_size, padding=padding)
    size = [out_size(*v) for v in zip(x.shape[2:], kernel_size, stride, padding, strict=True)]
    _check_fits(name, size, x, kernel_size)
    return Spec((*x.shape[:2], *size), x.dtype)


def _pool_windows(xp, x, kernel_size, stride, padding, value):
    """(n, c, h, w) -> (n, c, oh, ow, kh*kw)."""
    windows = _windows(xp, _pad(xp, x, padding, value), kernel_size, stride, ONE_BY_ONE)
    return windows.reshape(*windows.shape[:4], kernel_size[0] * kernel_size[1])


@op(outputs=("out", "chosen"))
def max_pool2d(xp, x, *, kernel_size, stride, padding=(0, 0)):
    """The greatest value of each window: (n, c, h, w) -> (n, c, oh, ow), and where in its window it stood."""
    lowest = -xp.inf if x.dtype.kind == "f" else xp.iinfo(x.dtype).min
    windows = _pool_windows(xp, x, kernel_size, stride, padding, lowest)
    chosen = windows.argmax(axis=-1)
    return xp.take_along_axis(windows, chosen[..., None], axis=-1)[..., 0], chosen


@max_pool2d.spec
def max_pool2d_spec(x, *, kernel_size, stride, padding=(0, 0)):
    out = _pool_spec("max_pool2d", x, kernel_size, stride, padding)
    return out, Spec(out.shape, result_dtype(0))


@max_pool2d.grad
def max_pool2d_grad(g, x_spec, chosen, kernel_size, stride, padding):
    how = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    return unpool2d(g, chosen, size=x_spec.shape[2:], **how)


@op
def unpool2d(xp, y, chosen, *, size, kernel_size, stride, padding):
    """Each value back where it was chosen, zeros elsewhere: (n, c, oh, ow) -> (n, c, h, w)."""
    at = xp.arange(kernel_size[0] * kernel_size[1]) == chosen[..., None]
    windows = (y[..., None] * at).reshape(*y.shape, *kernel_size)
    return _add_windows(xp, windows, size, stride, padding, ONE_BY_ONE)


@unpool2d.spec
def unpool2d_spec(y, chosen, *, size, kernel_size, stride, padding):
    image = Spec((*y.shape[:2], *size), y.dtype)
    out = _pool_spec("unpool2d", image, kernel_size, stride, padding)
    check(y.shape == chosen.shape == out.shape, "unpool2d needs one choice for each window", y=y, chosen=chosen)
    return image


@unpool2d.grad
def unpool2d_grad(g, chosen, kernel_size, stride, padding):
    return pick2d(g, chosen, kernel_size=kernel_size, stride=stride, padding=padding), None


@op
def pick2d(xp, x, chosen, *, kernel_size, stride, padding):
    """The chosen value of each window: (n, c, h, w) -> (n, c, oh, ow)."""
    windows = _pool_windows(xp, x, kernel_size, stride, padding, 0)
    return xp.take_along_axis(windows, chosen[..., None], axis=-1)[..., 0]


@pick2d.spec
def pick2d_spec(x, chosen, *, kernel_size, stride, padding):
    out = _pool_spec("pick2d", x, kernel_size, stride, padding)
    check(out.shape == chosen.shape, "pick2d needs one choice for each window", x=x, chosen=chosen)
    return out


@pick2d.grad
def pick2d_grad(g, x_spec, chosen, kernel_size, stride, padding):
    how = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    return unpool2d(g, chosen, size=x_spec.shape[2:], **how), None


@op
def avg_pool2d(xp, x, *, kernel_size, stride, padding=(0, 0)):
    """The mean of each window, padding counted as zeros: (n, c, h, w) -> (n, c, oh, ow)."""
    return _pool_windows(xp, x, kernel_size, stride, padding, 0).mean(axis=-1, dtype=x.dtype)


@avg_pool2d.spec
def avg_pool2d_spec(x, *, kernel_size, stride, padding=(0, 0)):
    return _pool_spec("avg_pool2d", x, kernel_size, stride, padding)


@avg_pool2d.grad
def avg_pool2d_grad(g, x_spec, kernel_size, stride, padding):
    how = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    return spread2d(g, size=x_spec.shape[2:], **how)


@op
def spread2d(xp, y, *, size, kernel_size, stride, padding):
    """Each value divided evenly over its window: (n, c, oh, ow) -> (n, c, h, w)."""
    kh, kw = kernel_size
    windows = xp.broadcast_to((y / (kh * kw))[..., None, None], (*y.shape, kh, kw))
    return _add_windows(xp, windows, size, stride, padding, ONE_BY_ONE)


@spread2d.spec
def spread2d_spec(y, *, size, kernel_size, stride, padding):
    image = Spec((*y.shape[:2], *size), y.dtype)
    out = _pool_spec("spread2d", image, kernel_size, stride, padding)
    check(y.shape == out.shape, "spread2d needs one value for each window", y=y, image=image)
    return image


@spread2d.grad
def spread2d_grad(g, kernel_size, stride, padding):
    return avg_pool2d(g, kernel_size=kernel_size, stride=stride, padding=padding)
