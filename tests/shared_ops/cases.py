"""One table: op -> example inputs. `test_every_op.py` asks each op the same questions about them."""

from typing import Any, NamedTuple

import numpy as np

from shared_ops.random import seeded


class Case(NamedTuple):
    """Inputs and settings of one call. `smooth`: inputs whose gradient is checked; None means all floats."""

    args: tuple[Any, ...]
    attrs: dict[str, Any] = {}  # noqa: RUF012 - read only
    smooth: tuple[int, ...] | None = None


_draw = np.random.default_rng(0)


def n(*shape):
    """Normal values, none within 0.05 of zero, where some ops have a kink."""
    x = _draw.normal(size=shape)
    return x + 0.05 * np.sign(x)


def pos(*shape):
    return _draw.uniform(0.5, 2.0, size=shape)


def far(*shape):
    """Values no two of which are near each other, so that a small step changes no order."""
    size = int(np.prod(shape))
    return (_draw.permutation(size) / max(size, 1) * 4 - 2 + 0.01).reshape(shape)


def i(high, *shape):
    return _draw.integers(0, high, size=shape)


def b(*shape):
    return _draw.random(shape) < 0.5


CONV = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}
TALL = {"stride": (1, 1), "padding": (0, 0), "dilation": (2, 1), "groups": 1}
POOL = {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 0)}
STATE = seeded(5)

CASES: dict[str, list[Case]] = {
    # elementwise
    "add": [
        Case((n(2, 3), n(3))),
        Case((i(5, 2, 3), n(3))),
        Case((i(5, 3), 0.5)),
        Case((n(2, 1), n(1, 3))),
        Case((n(3), 2.5)),
        Case((n(), n(2))),
    ],
    "sub": [Case((n(3), i(9, 3))), Case((n(2, 3), n(2, 1))), Case((1, n(3)))],
    "mul": [Case((n(2, 3), i(9, 3))), Case((n(2, 3), n(1, 3))), Case((n(2), 3)), Case((n(0, 3), n(3)))],
    "div": [Case((n(2, 3), pos(3))), Case((1, pos(3))), Case((i(5, 3), i(5, 3) + 1))],
    "neg": [Case((n(3),))],
    "pow": [
        Case((n(3), 0)),
        Case((i(3, 3), 2)),
        Case((n(3), 2)),
        Case((pos(3), 0.5)),
        Case((pos(2, 3), n(3))),
        Case((2.0, n(3))),
    ],
    "abs": [Case((n(3),))],
    "sign": [Case((n(3),), smooth=())],
    "exp": [Case((n(2, 3),)), Case((i(3, 4),))],
    "log": [Case((pos(3),))],
    "sqrt": [Case((pos(3),))],
    "sin": [Case((n(3),))],
    "cos": [Case((n(3),))],
    "tanh": [Case((n(3),))],
    "sigmoid": [Case((n(3),))],
    "relu": [Case((n(2, 3),)), Case((i(5, 3) - 2,))],
    "leaky_relu": [Case((n(5),)), Case((n(5),), {"negative_slope": 0.2})],
    "softplus": [Case((n(5),))],
    "maximum": [Case((n(3), i(9, 3))), Case((n(2, 3), n(3))), Case((n(4), 0))],
    "minimum": [Case((n(3), i(9, 3))), Case((n(2, 3), n(3))), Case((n(4), 0.0))],
    "clamp": [
        Case((i(9, 3),), {"min": 2.5}),
        Case((n(5),), {"min": 0}),
        Case((n(5),), {"min": -0.5, "max": 0.5}),
        Case((n(5),), {"max": 0.25}),
    ],
    "where": [
        Case((b(3), 1.0, 0.0)),
        Case((b(3), n(3), i(9, 3))),
        Case((b(2, 3), n(3), n(2, 1))),
        Case((b(3), n(3), 0)),
    ],
    "eq": [Case((i(2, 5), i(2, 5)))],
    "ne": [Case((i(2, 5), 1))],
    "lt": [Case((n(3), n(2, 1)))],
    "le": [Case((n(3), 0))],
    "gt": [Case((n(3), n(3)))],
    "ge": [Case((n(3), n(3)))],
    "cast": [Case((n(3),), {"dtype": "float64"}), Case((i(3, 3),), {"dtype": "float32"})],
    # reductions
    "sum": [
        Case((i(9, 4).astype("uint8"),)),
        Case((n(2, 3),)),
        Case((n(2, 3, 4),), {"axis": (0, -1)}),
        Case((n(2, 3),), {"axis": 1, "keepdim": True}),
    ],
    "mean": [Case((n(2, 3),)), Case((n(2, 3, 4),), {"axis": (0, 2)}), Case((i(9, 4),))],
    "amax": [Case((far(2, 3),)), Case((far(2, 3),), {"axis": 0}), Case((far(2, 3),), {"axis": 1, "keepdim": True})],
    "amin": [Case((far(2, 3),)), Case((far(2, 3, 2),), {"axis": (0, 2)})],
    "argmax": [Case((n(2, 3),)), Case((n(2, 3),), {"axis": -1}), Case((n(2, 3),), {"axis": 0, "keepdim": True})],
    # shape
    "reshape": [Case((n(2, 6),), {"shape": (3, -1)}), Case((n(1),), {"shape": ()})],
    "permute": [Case((n(2, 3, 4),), {"dims": (2, 0, 1)}), Case((n(2, 3),), {"dims": (-1, 0)})],
    "expand": [Case((n(2, 1),), {"shape": (4, 2, 3)}), Case((n(3),), {"shape": (2, -1)})],
    "sum_to": [Case((n(4, 2, 3),), {"shape": (2, 1)}), Case((n(2, 3),), {"shape": (2, 3)})],
    "cat": [Case((n(2, 3), i(9, 1, 3))), Case((n(2, 3), n(1, 3))), Case((n(2, 3), n(2, 1), n(2, 2)), {"axis": -1})],
    "stop_gradient": [Case((n(2, 3),))],
    # index
    "getitem": [
        Case((n(4, 3),), {"index": (slice(1, None, 2),)}),
        Case((n(4, 3, 2),), {"index": (-1, Ellipsis, None, 0)}),
        Case((n(4, 3),), {"index": (slice(None, None, -1), slice(0, 2))}),
    ],
    "put": [Case((n(2, 3),), {"shape": (4, 3), "index": (slice(1, 3),)})],
    "take": [Case((n(4, 3), i(4, 2, 2))), Case((n(4, 3), np.array([0, 0, -1]))), Case((n(4, 3), i(4, 5), i(3, 5)))],
    "take_add": [Case((n(5, 3), i(4, 5)), {"shape": (4, 3)})],
    "one_hot": [Case((i(4, 2, 3),), {"num_classes": 4}), Case((i(4, 3),), {"num_classes": 5, "dtype": "float32"})],
    # linear
    "matmul": [
        Case((n(2, 3), i(9, 3, 4))),
        Case((n(2, 3), n(3, 4))),
        Case((n(5, 2, 3), n(3, 4))),
        Case((n(2, 3), n(5, 3, 4))),
        Case((n(3), n(3))),
        Case((n(3), n(3, 4))),
        Case((n(2, 5, 3), n(3))),
        Case((n(3), n(5, 3, 4))),
    ],
    "linear": [Case((n(2, 3), n(4, 3), n(4))), Case((n(2, 5, 3), n(4, 3), n(4))), Case((n(3), n(4, 3), n(4)))],
    # convolution and pooling
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
    # normalising
    "softmax": [Case((i(9, 2, 3),)), Case((n(2, 3),)), Case((n(2, 3, 2),), {"axis": 1})],
    "log_softmax": [Case((n(2, 3),)), Case((n(2, 3),), {"axis": 0})],
    "dropout": [Case((n(4, 3), STATE), {"p": 0.4}), Case((n(4, 3), STATE), {"p": 1.0})],
    "softmax_cross_entropy": [Case((n(3, 4), np.array([0, 3, 1]))), Case((n(0, 4), i(4, 0)))],
    "nll": [Case((n(3, 4), np.array([0, 3, 1])))],
    # random
    "random_normal": [Case((STATE,), {"shape": (2, 3), "mean": 1.0, "stddev": 2.0})],
    "random_uniform": [Case((STATE,), {"shape": (4,), "low": -1.0, "high": 1.0, "dtype": "float64"})],
    "random_permutation": [Case((STATE,), {"n": 7})],
    # updates: their gradient is nobody's
    "sgd": [Case((n(3), n(3), 0.1)), Case((n(3), n(3), 0.1), {"weight_decay": 0.2})],
    "sgd_momentum": [
        Case((n(3), n(3), n(3), 0.1), {"momentum": 0.9}),
        Case((n(3), n(3), n(3), 0.1), {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ],
    "adam": [Case((n(3), n(3), n(3), pos(3), 3, 0.1)), Case((n(3), n(3), n(3), pos(3), 1, 0.1), {"weight_decay": 0.1})],
}

ALL = [(name, case) for name, cases in CASES.items() for case in cases]
IDS = [f"{name}-{k}" for name, cases in CASES.items() for k in range(len(cases))]
