"""Indexing, gathering and scattering."""

import numpy as np

from cases.draw import Case, b, i, n


def once(count, *shape):
    """Whole numbers below count, none of them twice on the last axis."""
    rows = [np.random.default_rng(k).permutation(count)[: shape[-1]] for k in range(int(np.prod(shape[:-1])))]
    return np.reshape(rows, shape)


CASES: dict[str, list[Case]] = {
    "getitem": [
        Case((n(4, 3),), {"index": (slice(1, None, 2),)}),
        Case((n(4, 3, 2),), {"index": (-1, Ellipsis, None, 0)}),
        Case((n(4, 3),), {"index": (slice(None, None, -1), slice(0, 2))}),
        Case((i(9, 4, 3),), {"index": (slice(3, 1), -1)}),
        Case((n(3),), {"index": (-3,)}),
        Case((n(),), {"index": (None,)}),
        Case((n(0, 2),), {"index": (slice(None), 1)}),
    ],
    "put": [
        Case((n(2, 3),), {"shape": (4, 3), "index": (slice(1, 3),)}),
        Case((n(),), {"shape": (3,), "index": (-1,)}),
        Case((n(2, 2),), {"shape": (4, 2), "index": (slice(None, None, -2), Ellipsis)}),
    ],
    "take": [
        Case((n(4, 3), i(4, 2, 2))),
        Case((n(4, 3), np.array([0, 0, -1]))),
        Case((n(4, 3), i(4, 5), i(3, 5))),
        Case((n(4, 3), i(3, 5)), {"axis": (1,)}),
        Case((n(2, 4, 3), i(4, 2, 1), i(3, 5)), {"axis": (1, -1)}),
        Case((n(4, 2, 3), i(4, 2), i(3, 2)), {"axis": (0, 2)}),
        Case((n(4, 3), np.array(-1))),
        Case((n(4, 3), np.array(2)), {"axis": (1,), "negative": False}),
        Case((i(9, 4), i(4, 3).astype("uint8"))),
        Case((n(4, 3), i(4, 0))),
        Case((n(0, 3), i(4, 0))),
    ],
    "take_add": [
        Case((n(5, 3), i(4, 5)), {"shape": (4, 3)}),
        Case((n(2, 2, 3), np.array([[0, -1], [0, 0]])), {"shape": (4, 3)}),
        Case((n(4, 5), i(3, 5)), {"shape": (4, 3), "axis": (1,)}),
        Case((n(2, 3), i(4, 2), i(3, 2)), {"shape": (4, 3, 3), "axis": (0, 2)}),
        Case((n(3), np.array(1)), {"shape": (2, 3)}),
        Case((n(0, 3), i(4, 0)), {"shape": (2, 3)}),
    ],
    "index_put": [
        Case((n(4, 3), n(2, 3), np.array([3, 0]))),
        Case((n(4, 3), n(3), np.array([-1, 0]))),
        Case((n(4, 3), 1.5, i(4, 5), i(3, 5))),
        Case((n(4, 3), n(4, 5), i(3, 5)), {"axis": (1,), "accumulate": True}),
        Case((n(4, 3), n(1), i(4, 5)), {"accumulate": True}),
        Case((i(9, 4), i(9, 2), np.array([1, 2]))),
        Case((n(4), n(0), i(4, 0))),
    ],
    "one_hot": [
        Case((i(4, 2, 3),), {"num_classes": 4}),
        Case((i(4, 3),), {"num_classes": 5, "dtype": "float32"}),
        Case((i(4),), {"num_classes": 4}),
        Case((i(4, 0),), {"num_classes": 3}),
    ],
    "embedding": [
        Case((i(5, 2, 3), n(5, 4))),
        Case((i(5, 7), n(5, 4)), {"padding_idx": 1}, smooth=()),  # its row gets no gradient
        Case((np.array([4, 4, 0, 4]), n(5, 2)), {"padding_idx": -1}, smooth=()),
        Case((np.array(2), n(3, 2))),
        Case((i(5, 0), n(5, 2))),
        Case((i(5, 3).astype("int32"), n(5, 0))),
    ],
    "embedding_weight": [
        Case((n(2, 3, 4), i(5, 2, 3)), {"count": 5}),
        Case((n(4, 2), np.array([4, 4, 0, 4])), {"count": 5, "padding_idx": -1}),
        Case((n(4, 2), np.array([1, 0, 1, 2])), {"count": 3, "padding_idx": 1}),
        Case((n(2), np.array(2)), {"count": 3}),
        Case((n(0, 2), i(5, 0)), {"count": 3}),
    ],
    "gather": [
        Case((n(3, 4), i(4, 3, 2)), {"axis": 1}),
        Case((n(3, 4), i(3, 5, 2)), {"axis": 0}),
        Case((n(2, 3, 4), i(3, 2, 5, 1)), {"axis": -2}),
        Case((n(2, 4), np.array([[0, 0, 1, 3, 3, 3]])), {"axis": -1}),
        Case((n(4), np.array([-1, 0, -4])), {"axis": 0, "negative": True}),
        Case((i(9, 2, 4), i(4, 2, 4)), {"axis": 1}),
        Case((n(2, 4), i(4, 2, 0)), {"axis": 1}),
    ],
    "gather_add": [
        Case((n(3, 2), i(4, 3, 2)), {"shape": (3, 4), "axis": 1}),
        Case((n(5, 2), i(3, 5, 2)), {"shape": (3, 4), "axis": 0}),
        Case((n(2, 5, 1), i(3, 2, 5, 1)), {"shape": (2, 3, 4), "axis": -2}),
        Case((n(3), np.array([-1, 0, -4])), {"shape": (4,), "axis": 0, "negative": True}),
    ],
    "scatter": [
        Case((n(3, 4), once(4, 3, 2), n(3, 2)), {"axis": 1}),
        Case((n(3, 4), once(3, 4, 2).T, n(2, 4)), {"axis": 0}),
        Case((n(3, 4), once(4, 2, 2), n(3, 3)), {"axis": -1}),
        Case((n(3, 4), i(4, 3, 5), 2.5), {"axis": 1}),
        Case((i(9, 4), once(4, 2), i(9, 2)), {"axis": 0}),
        Case((b(4), once(4, 2), True), {"axis": 0}),
        Case((n(4), i(4, 0), n(0)), {"axis": 0}),
    ],
    "scatter_add": [
        Case((n(3, 4), i(4, 3, 6), n(3, 6)), {"axis": 1}),
        Case((n(3, 4), i(3, 5, 4), n(5, 4)), {"axis": 0}),
        Case((n(3, 4), i(4, 2, 2), n(3, 3)), {"axis": -1}),
        Case((i(9, 4), i(4, 6), i(9, 6)), {"axis": 0}),
        Case((n(4), i(4, 0), n(0)), {"axis": 0}),
    ],
}


def _getitem(t, x, *, index):
    """PyTorch has no steps below 0."""
    for axis, part in enumerate(index):
        if isinstance(part, slice) and (part.step or 1) < 0:
            x, index = x.flip(axis), (*index[:axis], slice(None, None, -part.step), *index[axis + 1 :])
    return x[index]


def _entries(t, ndim, indices, axis):
    places = range(len(indices)) if axis is None else [a % ndim for a in axis]
    entries = [slice(None)] * ndim
    for a, one in zip(places, indices, strict=True):
        entries[a] = one.long()
    return tuple(entries)


def _take(t, x, *indices, axis=None, negative=True):
    return x[_entries(t, x.ndim, indices, axis)]


def _take_add(t, x, *indices, shape, axis=None, negative=True):
    zeros = t.zeros(shape, dtype=x.dtype)
    places = t.arange(zeros.numel()).reshape(shape)[_entries(t, len(shape), indices, axis)]
    return zeros.reshape(-1).index_add(0, places.reshape(-1), x.reshape(-1)).reshape(shape)


def _index_put(t, x, value, *indices, axis=None, accumulate=False):
    value = value if hasattr(value, "dtype") else t.tensor(value, dtype=x.dtype)
    places = t.arange(x.numel()).reshape(x.shape)[_entries(t, x.ndim, indices, axis)]
    value = value.expand(places.shape).reshape(-1)
    return x.reshape(-1).index_put((places.reshape(-1),), value, accumulate).reshape(x.shape)


def _one_hot(t, x, *, num_classes, dtype="int64"):
    return t.nn.functional.one_hot(x, num_classes).to(getattr(t, dtype))


def _embedding(t, indices, weight, *, padding_idx=None):
    return t.nn.functional.embedding(indices, weight, padding_idx)


def _gather(t, x, index, *, axis, negative=False):
    return t.take_along_dim(x, index, axis) if negative else t.gather(x, axis, index)


def _gather_add(t, x, index, *, shape, axis, negative=False):
    return t.zeros(shape, dtype=x.dtype).scatter_add(axis, index % shape[axis], x)


def _source(src, index):
    """PyTorch gives no gradient to a source larger than the index."""
    return src[tuple(map(slice, index.shape))] if hasattr(src, "dtype") else src


TORCH = {
    "getitem": _getitem,
    "put": None,
    "take": _take,
    "take_add": _take_add,
    "index_put": _index_put,
    "one_hot": _one_hot,
    "embedding": _embedding,
    "embedding_weight": None,
    "gather": _gather,
    "gather_add": _gather_add,
    "scatter": lambda t, x, index, src, *, axis: t.scatter(x, axis, index, _source(src, index)),
    "scatter_add": lambda t, x, index, src, *, axis: t.scatter_add(x, axis, index, _source(src, index)),
}
