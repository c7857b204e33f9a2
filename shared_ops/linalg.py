"""Matrix products."""

from __future__ import annotations

import math
from typing import Any

from shared_ops.elementwise import alike
from shared_ops.op import op
from shared_ops.reduce import sum
from shared_ops.shape import reshape, transpose, unsqueeze
from shared_ops.spec import Spec, broadcast_shape, check, result_dtype


@op
def matmul(xp, a, b):
    """Matrix product: (..., n, k), (..., k, m) -> (..., n, m); a vector counts as one row, or one column."""
    a, b = alike(xp, a, b)
    if a.ndim > 2 and b.ndim == 2:  # one product of many rows is quicker than many of a few
        return xp.matmul(a.reshape(math.prod(a.shape[:-1]), a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[1])
    return xp.matmul(a, b)


@matmul.spec
def matmul_spec(a, b):
    check(isinstance(a, Spec) and isinstance(b, Spec), "matmul needs two arrays; * multiplies by a number", a=a, b=b)
    check(a.ndim >= 1 and b.ndim >= 1, "matmul needs vectors or matrices", a=a, b=b)
    check(a.shape[-1] == b.shape[-2 if b.ndim > 1 else 0], "matmul needs a's columns to match b's rows", a=a, b=b)
    rows = a.shape[-2:-1] if a.ndim > 1 else ()
    columns = b.shape[-1:] if b.ndim > 1 else ()
    return Spec((*broadcast_shape(a.shape[:-2], b.shape[:-2]), *rows, *columns), _numbers("matmul", a, b))


@matmul.grad
def matmul_grad(g, a, b, wants):
    row, column = len(a.shape) == 1, len(b.shape) == 1
    if column:
        b, g = unsqueeze(b, -1), unsqueeze(g, -1)
    if row:
        a, g = unsqueeze(a, 0), unsqueeze(g, -2)
    ga = matmul(g, transpose(b)) if wants[0] else None
    if wants[1] and len(a.shape) > 2 and len(b.shape) == 2:  # the rows of all matrices in one product
        count = math.prod(a.shape[:-1])
        a, g = reshape(a, shape=(count, a.shape[-1])), reshape(g, shape=(count, b.shape[1]))
    gb = matmul(transpose(a), g) if wants[1] else None
    if row and ga is not None:
        ga = ga[..., 0, :]
    if column and gb is not None:
        gb = gb[..., 0]
    return ga, gb


def _numbers(name: str, *arrays: Spec) -> Any:
    """The dtype of the product."""
    dtype = result_dtype(*arrays)
    check(dtype.kind != "b", f"{name} needs numbers, not booleans alone", inputs=arrays)
    return dtype


# a dense layer ------------------------------------------------------------------------------------------------------
@op
def linear(xp, x, w, *bias):
    """A dense layer: (..., i), (o, i), (o,) -> (..., o), x @ w.T + bias; or without bias."""
    rows, w = alike(xp, x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), w)
    out = xp.matmul(rows, w.T)
    for b in bias:
        if b.dtype == out.dtype:
            out += b  # the product is ours to change
        else:
            out = xp.add(*alike(xp, out, b))
    return out.reshape(*x.shape[:-1], w.shape[0])


@linear.spec
def linear_spec(x, w, *bias):
    arrays = (x, w, *bias)
    check(len(bias) < 2 and all(isinstance(a, Spec) for a in arrays), "linear needs arrays x, w, bias", inputs=arrays)
    check(x.ndim >= 1 and w.ndim == 2, "linear needs x (..., i) and w (o, i)", x=x, w=w)
    check(x.shape[-1] == w.shape[1], "linear needs x's last size to match w's columns", x=x, w=w)
    for b in bias:
        check(b.ndim == 1 and b.shape[0] == w.shape[0], "linear needs one bias for each of w's rows", w=w, bias=b)
    return Spec((*x.shape[:-1], w.shape[0]), _numbers("linear", *arrays))


@linear.grad
def linear_grad(g, x, w, wants):
    count = math.prod(x.shape[:-1])
    rows = reshape(g, shape=(count, w.shape[0]))
    gx = matmul(g, w) if wants[0] else None
    gw = matmul(transpose(rows), reshape(x, shape=(count, w.shape[1]))) if wants[1] else None
    return gx, gw, *[sum(rows, axis=0) if wanted else None for wanted in wants[2:]]


# products of a certain rank, by PyTorch's names ---------------------------------------------------------------------
def _of_rank(name: str, *wanted: tuple[Any, int]) -> None:
    words = {1: "a vector", 2: "a matrix", 3: "a batch of matrices"}
    for at, (x, ndim) in enumerate(wanted, 1):
        came = tuple(getattr(x, "shape", ()))
        check(len(came) == ndim, f"{name} needs {words[ndim]} as input {at}", shape=came)


def dot(a: Any, b: Any) -> Any:
    """Sum of products: (n,), (n,) -> ()."""
    _of_rank("dot", (a, 1), (b, 1))
    return matmul(a, b)


def outer(a: Any, b: Any) -> Any:
    """Every product of two values: (n,), (m,) -> (n, m)."""
    _of_rank("outer", (a, 1), (b, 1))
    return unsqueeze(a, 1) * unsqueeze(b, 0)


def mv(a: Any, b: Any) -> Any:
    """Matrix times vector: (n, k), (k,) -> (n,)."""
    _of_rank("mv", (a, 2), (b, 1))
    return matmul(a, b)


def mm(a: Any, b: Any) -> Any:
    """Matrix product: (n, k), (k, m) -> (n, m)."""
    _of_rank("mm", (a, 2), (b, 2))
    return matmul(a, b)


def bmm(a: Any, b: Any) -> Any:
    """Matrix products of a batch: (b, n, k), (b, k, m) -> (b, n, m)."""
    _of_rank("bmm", (a, 3), (b, 3))
    check(a.shape[0] == b.shape[0], "bmm needs as many matrices in both batches", a=tuple(a.shape), b=tuple(b.shape))
    return matmul(a, b)


def addmm(x: Any, a: Any, b: Any, beta: float = 1, alpha: float = 1) -> Any:
    """beta * x + alpha * (a @ b): (n, m), (n, k), (k, m) -> (n, m); x broadcasts; with beta 0 it does not count."""
    product = mm(a, b) if alpha == 1 else mm(a, b) * alpha
    return product if beta == 0 else (x if beta == 1 else x * beta) + product
