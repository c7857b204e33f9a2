"""Matrix products."""

from __future__ import annotations

import math

from shared_ops.elementwise import alike
from shared_ops.op import op
from shared_ops.reduce import sum
from shared_ops.shape import reshape, transpose, unsqueeze
from shared_ops.spec import Spec, broadcast_shape, check, result_dtype


@op
def matmul(xp, a, b):
    """Matrix product: (..., n, k) @ (..., k, m) -> (..., n, m); a vector counts as one row, or one column."""
    return xp.matmul(*alike(xp, a, b))


@matmul.spec
def matmul_spec(a, b):
    check(isinstance(a, Spec) and isinstance(b, Spec), "matmul needs two arrays; * multiplies by a number", a=a, b=b)
    check(a.ndim >= 1 and b.ndim >= 1, "matmul needs vectors or matrices", a=a, b=b)
    check(a.shape[-1] == b.shape[-2 if b.ndim > 1 else 0], "matmul needs a's columns to match b's rows", a=a, b=b)
    rows = a.shape[-2:-1] if a.ndim > 1 else ()
    columns = b.shape[-1:] if b.ndim > 1 else ()
    return Spec((*broadcast_shape(a.shape[:-2], b.shape[:-2]), *rows, *columns), result_dtype(a, b))


@matmul.grad
def matmul_grad(g, a, b, wants):
    row, column = len(a.shape) == 1, len(b.shape) == 1
    if column:
        b, g = unsqueeze(b, -1), unsqueeze(g, -1)
    if row:
        a, g = unsqueeze(a, 0), unsqueeze(g, -2)
    ga = matmul(g, transpose(b)) if wants[0] else None
    gb = matmul(transpose(a), g) if wants[1] else None
    if row and ga is not None:
        ga = ga[..., 0, :]
    if column and gb is not None:
        gb = gb[..., 0]
    return ga, gb


@op
def linear(xp, x, w, b):
    """A dense layer: (..., i), (o, i), (o,) -> (..., o), x @ w.T + b."""
    rows = x.reshape(-1, x.shape[-1])
    rows, w = alike(xp, rows, w)
    return xp.add(*alike(xp, xp.matmul(rows, w.T), b)).reshape(*x.shape[:-1], w.shape[0])


@linear.spec
def linear_spec(x, w, b):
    check(x.ndim >= 1 and w.ndim == 2 and b.ndim == 1, "linear needs x (..., i), w (o, i) and b (o,)", x=x, w=w, b=b)
    check(x.shape[-1] == w.shape[1], "linear needs x's last size to match w's columns", x=x, w=w)
    check(b.shape[0] == w.shape[0], "linear needs one bias for each of w's rows", w=w, b=b)
    return Spec((*x.shape[:-1], w.shape[0]), result_dtype(x, w, b))


@linear.grad
def linear_grad(g, x, w, wants):
    count = math.prod(x.shape[:-1])
    rows = reshape(g, shape=(count, w.shape[0]))
    gx = matmul(g, w) if wants[0] else None
    gw = matmul(transpose(rows), reshape(x, shape=(count, w.shape[1]))) if wants[1] else None
    gb = sum(rows, axis=0) if wants[2] else None
    return gx, gw, gb
