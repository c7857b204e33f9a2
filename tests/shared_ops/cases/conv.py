"""Convolution and pooling."""

from cases.draw import Case, far, i, n

CONV = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}
TALL = {"stride": (1, 1), "padding": (0, 0), "dilation": (2, 1), "groups": 1}
POOL = {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 0)}

CASES: dict[str, list[Case]] = {
    "conv2d": [Case((n(2, 3, 5, 4), n(4, 3, 3, 2))), Case((n(2, 4, 5, 5), n(6, 2, 3, 2)), CONV)],
    "conv2d_input": [
        Case((n(2, 4, 1, 3), n(4, 3, 3, 2)), {"size": (5, 4), **TALL}),
        Case((n(2, 6, 3, 3), n(6, 2, 3, 2)), {"size": (5, 5), **CONV}),
    ],
    "conv2d_weight": [Case((n(2, 6, 3, 3), n(2, 4, 5, 5)), {"kernel": (3, 2), **CONV})],
    "max_pool2d": [
        Case((far(2, 2, 4, 4),), {"kernel_size": (2, 2), "stride": (2, 2)}),
        Case((far(1, 2, 5, 5),), POOL),
    ],
    "unpool2d": [Case((n(1, 2, 3, 3), i(6, 1, 2, 3, 3)), {"size": (5, 5), **POOL})],
    "pick2d": [Case((n(1, 2, 5, 5), i(6, 1, 2, 3, 3)), POOL)],
    "avg_pool2d": [Case((n(1, 2, 4, 4),), {"kernel_size": (2, 2), "stride": (2, 2)}), Case((n(1, 2, 5, 5),), POOL)],
    "spread2d": [Case((n(1, 2, 3, 3),), {"size": (5, 5), **POOL})],
}

TORCH = {}
