"""Convolution, and windows as columns."""

from cases.draw import Case, i, n

PLAIN = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
CONV = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}
TALL = {"stride": (1, 1), "padding": (0, 0), "dilation": (2, 1), "groups": 1}
LINE = {"stride": (2,), "padding": (1,), "dilation": (1,), "groups": 1}
BOX = {"stride": (1, 2, 1), "padding": (0, 1, 0), "dilation": (1, 1, 2), "groups": 1}
DEEP = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 3}
POINT = {**PLAIN, "groups": 1}
COLUMNS = {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}

CASES: dict[str, list[Case]] = {
    "conv": [
        Case(
            (n(2, 3, 5, 4), n(4, 3, 3, 2), n(4)), {"stride": (1, 1), "padding": (1, 0), "dilation": (1, 1), "groups": 1}
        ),
        Case((n(2, 3, 5, 4), n(4, 3, 3, 2)), POINT),
        Case((n(2, 4, 5, 5), n(6, 2, 3, 2)), CONV),
        Case((n(1, 3, 4, 4), n(6, 1, 3, 3)), DEEP),  # depthwise
        Case((n(2, 3, 3, 2), n(5, 3, 1, 1)), POINT),
        Case((n(2, 2, 6), n(3, 2, 3)), LINE),
        Case((n(1, 2, 3, 3, 4), n(2, 2, 2, 3, 2)), BOX),
        Case((n(0, 2, 3, 3), n(4, 2, 3, 2)), POINT),
        Case((i(5, 1, 2, 3, 3), i(5, 4, 2, 3, 2)), POINT),
        Case((i(5, 1, 2, 3, 3), n(4, 2, 3, 2)), POINT),
    ],
    "conv_input": [
        Case((n(2, 4, 1, 3), n(4, 3, 3, 2)), {"size": (5, 4), **TALL}),
        Case((n(2, 6, 3, 3), n(6, 2, 3, 2)), {"size": (5, 5), **CONV}),
        Case((n(2, 3, 3), n(3, 2, 3)), {"size": (6,), **LINE}),  # the last value is in no window but one
        Case((n(1, 2, 2, 2, 2), n(2, 2, 2, 3, 2)), {"size": (3, 3, 4), **BOX}),
        Case((n(0, 4, 1, 2), n(4, 2, 3, 2)), {"size": (3, 3), **POINT}),
    ],
    "conv_weight": [
        Case((n(2, 6, 3, 3), n(2, 4, 5, 5)), {"kernel": (3, 2), **CONV}),
        Case((n(2, 3, 3), n(2, 2, 6)), {"kernel": (3,), **LINE}),
        Case((n(1, 6, 4, 4), n(1, 3, 4, 4)), {"kernel": (3, 3), **DEEP}),
        Case((n(1, 2, 2, 2, 2), n(1, 2, 3, 3, 4)), {"kernel": (2, 3, 2), **BOX}),
        Case((n(0, 4, 1, 2), n(0, 2, 3, 3)), {"kernel": (3, 2), **POINT}),
    ],
    "im2col": [
        Case((n(2, 2, 5, 5),), COLUMNS),
        Case((n(1, 2, 4),), {"kernel_size": (2,), "stride": (1,), "padding": (1,), "dilation": (2,)}),
        Case((i(9, 1, 1, 3, 3),), {"kernel_size": (2, 2), **PLAIN}),
        Case((n(0, 2, 3, 3),), {"kernel_size": (2, 2), **PLAIN}),
    ],
    "col2im": [
        Case((n(2, 12, 3),), {"size": (5, 5), **COLUMNS}),
        Case((n(2, 8, 4),), {"size": (3, 3), "kernel_size": (2, 2), **PLAIN}),
    ],
}


def _conv(t, x, w, *bias, **how):
    dtype = t.promote_types(x.dtype, w.dtype)
    return (t.conv1d, t.conv2d, t.conv3d)[x.ndim - 3](x.to(dtype), w.to(dtype), *bias, **how)


def _conv_input(t, y, w, *, size, **how):
    x = t.zeros((len(y), w.shape[1] * how["groups"], *size), dtype=y.dtype, requires_grad=True)
    return t.autograd.grad(_conv(t, x, w, **how), x, y, create_graph=True)[0]


def _conv_weight(t, y, x, *, kernel, **how):
    w = t.zeros((y.shape[1], x.shape[1] // how["groups"], *kernel), dtype=y.dtype, requires_grad=True)
    return t.autograd.grad(_conv(t, x, w, **how), w, y, create_graph=True)[0]


def _im2col(t, x, **how):
    if x.ndim == 4:
        return t.nn.functional.unfold(x * 1.0, **how)
    return t.nn.functional.unfold(x[:, :, None], **{k: (int(k != "padding"), *v) for k, v in how.items()})


TORCH = {
    "conv": _conv,
    "conv_input": _conv_input,
    "conv_weight": _conv_weight,
    "im2col": _im2col,
    "col2im": lambda t, y, *, size, **how: t.nn.functional.fold(y, size, **how),
}
