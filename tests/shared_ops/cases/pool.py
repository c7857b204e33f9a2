"""Pooling."""

from cases.draw import Case, far, i, n

HALF = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0)}
POOL = {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 0)}
OVER = {"kernel_size": (3, 2), "stride": (2, 3), "padding": (1, 0)}
LINE = {"kernel_size": (3,), "stride": (2,), "padding": (1,)}
BOX = {"kernel_size": (2, 1, 2), "stride": (1, 2, 2), "padding": (1, 0, 0)}
FULL = {"ceil_mode": False, "count_include_pad": True, "divisor_override": None}
PART = {"ceil_mode": True, "count_include_pad": False, "divisor_override": None}
CEIL = {"ceil_mode": True, "count_include_pad": True, "divisor_override": None}
THREE = {"ceil_mode": False, "count_include_pad": True, "divisor_override": 3}

CASES: dict[str, list[Case]] = {
    "max_pool": [
        Case((far(2, 2, 4, 4),), {**HALF, "dilation": (1, 1), "ceil_mode": False}),
        Case((far(1, 2, 5, 5),), {**POOL, "dilation": (1, 1), "ceil_mode": False}),
        Case((far(1, 2, 6, 5),), {**OVER, "dilation": (1, 2), "ceil_mode": True}),
        Case((far(2, 1, 6),), {**LINE, "dilation": (2,), "ceil_mode": True}),
        Case((far(1, 2, 2, 3, 4),), {**BOX, "dilation": (1, 1, 1), "ceil_mode": False}),
        Case((far(0, 2, 4, 4),), {**HALF, "dilation": (1, 1), "ceil_mode": False}),
        Case((i(99, 1, 2, 4, 4) - 50,), {**POOL, "dilation": (1, 1), "ceil_mode": False}),
    ],
    "max_unpool": [
        Case((n(1, 2, 3, 3), i(25, 1, 2, 3, 3)), {"size": (5, 5)}),
        Case((n(2, 1, 4), i(3, 2, 1, 4)), {"size": (3,)}),  # some indices come more than once
        Case((n(0, 1, 4), i(3, 0, 1, 4)), {"size": (3,)}),
    ],
    "max_pool_at": [
        Case((n(1, 2, 5, 5), i(25, 1, 2, 3, 3))),
        Case((n(2, 1, 3), i(3, 2, 1, 4))),
        Case((n(0, 1, 3), i(3, 0, 1, 4))),
    ],
    "avg_pool": [
        Case((n(1, 2, 4, 4),), {**HALF, **FULL}),
        Case((n(1, 2, 5, 5),), {**POOL, **FULL}),
        Case((n(1, 2, 6, 6),), {**OVER, **PART}),
        Case((n(1, 2, 6, 6),), {**OVER, **CEIL}),
        Case((n(1, 2, 5, 5),), {**POOL, **THREE}),
        Case((n(2, 1, 6),), {**LINE, **CEIL}),
        Case((n(1, 2, 2, 3, 4),), {**BOX, **PART}),
        Case((n(0, 2, 4, 4),), {**HALF, **FULL}),
    ],
    "avg_unpool": [
        Case((n(1, 2, 3, 3),), {"size": (5, 5), **POOL, **FULL}),
        Case((n(1, 2, 4, 3),), {"size": (6, 7), **OVER, **PART}),
        Case((n(2, 1, 4),), {"size": (6,), **LINE, **CEIL}),
        Case((n(1, 2, 3, 2, 2),), {"size": (2, 3, 4), **BOX, **THREE}),
    ],
    "adaptive_avg_pool": [
        Case((n(2, 2, 5, 4),), {"output_size": (3, 2)}),
        Case((n(2, 2, 5, 4),), {"output_size": (1, 1)}),
        Case((n(1, 2, 3),), {"output_size": (5,)}),
        Case((n(1, 1, 3, 4, 2),), {"output_size": (2, 3, 1)}),
        Case((n(0, 2, 3),), {"output_size": (2,)}),
    ],
    "adaptive_avg_unpool": [
        Case((n(2, 2, 3, 2),), {"size": (5, 4)}),
        Case((n(1, 2, 5),), {"size": (3,)}),
    ],
    "adaptive_max_pool": [
        Case((far(2, 2, 5, 4),), {"output_size": (3, 2)}),
        Case((far(1, 2, 3),), {"output_size": (5,)}),
        Case((far(1, 1, 3, 4, 2),), {"output_size": (2, 3, 1)}),
        Case((far(0, 2, 3),), {"output_size": (2,)}),
        Case((i(99, 1, 2, 3, 3),), {"output_size": (2, 2)}),
    ],
}


def _named(t, name, rank):
    return getattr(t.nn.functional, f"{name}{rank}d")


def _max_pool(t, x, **how):
    return _named(t, "max_pool", x.ndim - 2)(x, **how, return_indices=True)


def _avg_pool(t, x, *, divisor_override, **how):
    more = {} if x.ndim == 3 else {"divisor_override": divisor_override}
    return _named(t, "avg_pool", x.ndim - 2)(x, **how, **more)


def _slope(t, y, size, pool):
    """The gradient of pooling an image of that size, which is linear."""
    x = t.zeros((*y.shape[:2], *size), dtype=y.dtype, requires_grad=True)
    return t.autograd.grad(pool(x), x, y, create_graph=True)[0]


def _adaptive(t, x, output_size, name, **more):
    x = x if x.is_floating_point() else x.double()
    return _named(t, f"adaptive_{name}_pool", x.ndim - 2)(x, output_size, **more)


def _max_unpool(t, y, indices, *, size):
    out = t.zeros((*y.shape[:2], *size), dtype=y.dtype).flatten(2)
    return out.scatter_add(2, indices.flatten(2), y.flatten(2)).reshape(*y.shape[:2], *size)


TORCH = {
    "max_pool": _max_pool,
    "max_unpool": _max_unpool,
    "max_pool_at": lambda t, x, indices: x.flatten(2).gather(2, indices.flatten(2)).reshape(indices.shape),
    "avg_pool": _avg_pool,
    "avg_unpool": lambda t, y, *, size, **how: _slope(t, y, size, lambda x: _avg_pool(t, x, **how)),
    "adaptive_avg_pool": lambda t, x, *, output_size: _adaptive(t, x, output_size, "avg"),
    "adaptive_avg_unpool": lambda t, y, *, size: _slope(
        t, y, size, lambda x: _adaptive(t, x, tuple(y.shape[2:]), "avg")
    ),
    "adaptive_max_pool": lambda t, x, *, output_size: _adaptive(t, x, output_size, "max", return_indices=True),
}
