"""Softmax, losses, normalisation, pooling and embedding: forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.row import Library, Prepare, Row, Section, forward_and_backward, normal, whole

TITLE, GOAL = "layers forward + backward", 1.2


def _simple(name: str, *shape: int) -> Prepare:
    """A function of F and one tensor, with the same call in both libraries."""

    def prepare(lib: Library) -> Callable[[], Any]:
        function = CALLS[name](lib)
        x = lib.tensor(normal(*shape), requires_grad=True)
        gradient = lib.tensor(normal(*function(x).shape, seed=1))
        return forward_and_backward([x], function, gradient)

    return prepare


CALLS: dict[str, Callable[[Library], Callable]] = {
    "softmax": lambda lib: lambda x: lib.F.softmax(x, -1),
    "log_softmax": lambda lib: lambda x: lib.F.log_softmax(x, -1),
    "max pooling 2x2": lambda lib: lambda x: lib.F.max_pool2d(x, 2),
    "max pooling 3x3 s2 p1": lambda lib: lambda x: lib.F.max_pool2d(x, 3, 2, 1),
    "avg pooling 2x2": lambda lib: lambda x: lib.F.avg_pool2d(x, 2),
    "avg pooling 3x3 s2 p1": lambda lib: lambda x: lib.F.avg_pool2d(x, 3, 2, 1),
}


def _cross_entropy(n: int, classes: int) -> Prepare:
    def prepare(lib: Library) -> Callable[[], Any]:
        x, labels = lib.tensor(normal(n, classes), requires_grad=True), lib.tensor(whole(classes, n))
        return forward_and_backward([x], lambda x: lib.F.cross_entropy(x, labels))

    return prepare


# name: our function and PyTorch's, of x, weight and bias; the op table gives the statistics too
NORMS: dict[str, tuple[Callable, Callable]] = {
    "layer norm": (
        lambda ops: lambda x, w, b: ops.layer_norm(x, w, b)[0],
        lambda F: lambda x, w, b: F.layer_norm(x, w.shape, w, b),
    ),
    "rms norm": (
        lambda ops: lambda x, w: ops.rms_norm(x, w)[0],
        lambda F: lambda x, w: F.rms_norm(x, w.shape, w),
    ),
    "batch norm": (
        lambda ops: lambda x, w, b: ops.batch_norm(x, w, b)[0],
        lambda F: lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
    ),
    "group norm": (
        lambda ops: lambda x, w, b: ops.group_norm(x, w, b, num_groups=8)[0],
        lambda F: lambda x, w, b: F.group_norm(x, 8, w, b),
    ),
}


def _norm(name: str, channel_axis: int, *shape: int) -> Prepare:
    def prepare(lib: Library) -> Callable[[], Any]:
        ours, theirs = NORMS[name]
        function = ours(lib.ops) if lib.ours else theirs(lib.F)
        affine = 1 if name == "rms norm" else 2
        shared = [normal(shape[channel_axis], seed=2 + i) for i in range(affine)]
        inputs = [lib.tensor(a, requires_grad=True) for a in (normal(*shape), *shared)]
        return forward_and_backward(inputs, function, lib.tensor(normal(*shape, seed=1)))

    return prepare


def _embedding(rows: int, width: int, *ids: int) -> Prepare:
    def prepare(lib: Library) -> Callable[[], Any]:
        weight, at = lib.tensor(normal(rows, width), requires_grad=True), lib.tensor(whole(rows, *ids))
        gradient = lib.tensor(normal(*ids, width, seed=1))
        function = (lambda w: lib.ops.take(w, at)) if lib.ours else (lambda w: lib.F.embedding(at, w))
        return forward_and_backward([weight], function, gradient)

    return prepare


def sections() -> list[Section]:
    rows: list[Row] = []

    def add(part: str, prepare: Callable[..., Prepare], *shapes: tuple[int, ...]) -> None:
        rows.extend(Row(TITLE, part, "x".join(map(str, shape)), prepare(*shape), GOAL) for shape in shapes)

    add("softmax", lambda *s: _simple("softmax", *s), (256, 1000), (4096, 128))
    add("log_softmax", lambda *s: _simple("log_softmax", *s), (256, 1000), (4096, 128))
    add("cross-entropy", _cross_entropy, (64, 10), (256, 1000), (2048, 1000))
    add("layer norm", lambda *s: _norm("layer norm", -1, *s), (64, 256), (4096, 512))
    add("rms norm", lambda *s: _norm("rms norm", -1, *s), (64, 256), (4096, 512))
    add("batch norm", lambda *s: _norm("batch norm", 1, *s), (32, 64, 32, 32), (256, 512))
    add("group norm", lambda *s: _norm("group norm", 1, *s), (32, 64, 32, 32), (32, 64, 8, 8))
    for kind in ("max", "avg"):
        for window, shape in (("2x2", (64, 16, 28, 28)), ("3x3 s2 p1", (32, 64, 32, 32))):
            rows.append(_pool_row(f"{kind} pooling", window, shape))
    add("embedding", _embedding, (10000, 128, 32, 64))
    return [Section(TITLE, rows)]


def _pool_row(part: str, window: str, shape: tuple[int, ...]) -> Row:
    size = f"{'x'.join(map(str, shape))} {window}"
    return Row(TITLE, part, size, _simple(f"{part} {window}", *shape), GOAL)
