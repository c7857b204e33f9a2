"""Triangles and diagonals of matrices."""

from __future__ import annotations

from shared_ops.dim import Dim
from shared_ops.op import op
from shared_ops.spec import Spec, axes_of, check, one_array


def _matrices(name):
    """Spec rule of an op on the last two axes."""

    def rule(x, *, diagonal=0):
        check(one_array(x).ndim >= 2, f"{name} needs matrices, (..., n, m)", x=x)
        check(type(diagonal) is int, f"{name} needs a whole number as diagonal", diagonal=diagonal)
        return x

    return rule


@op(spec=_matrices("tril"))
def tril(xp, x, *, diagonal=0):
    """Each matrix with zeros above a diagonal; 0 is the main one, 1 the one above it: (..., n, m) -> (..., n, m)."""
    return xp.tril(x, diagonal)


@tril.grad
def tril_grad(g, diagonal):
    return tril(g, diagonal=diagonal)


@op(spec=_matrices("triu"))
def triu(xp, x, *, diagonal=0):
    """Each matrix with zeros below a diagonal; 0 is the main one, 1 the one above it: (..., n, m) -> (..., n, m)."""
    return xp.triu(x, diagonal)


@triu.grad
def triu_grad(g, diagonal):
    return triu(g, diagonal=diagonal)


@op
def diagonal(xp, x, *, offset=0, dim1=0, dim2=1):
    """The values at [i, i + offset] of two axes, which go; they are the last axis: (n, m, ...) -> (..., k)."""
    return xp.diagonal(x, offset, dim1, dim2)


@diagonal.spec
def diagonal_spec(x, *, offset=0, dim1=0, dim2=1):
    check(one_array(x).ndim >= 2, "diagonal needs at least two axes", x=x)
    check(type(offset) is int, "diagonal needs a whole number as offset", offset=offset)
    check(type(dim1) is int and type(dim2) is int, "diagonal needs two axes", dim1=dim1, dim2=dim2)
    axes = axes_of((dim1, dim2), x.ndim, "diagonal")
    n, m = (x.shape[a] for a in axes)
    if isinstance(n, Dim) or isinstance(m, Dim):
        check(n == m and offset == 0, "the diagonal of unknown sizes is sure for square matrices", x=x, offset=offset)
        length = n
    else:
        length = max(0, min(n, m - offset) if offset >= 0 else min(n + offset, m))
    return Spec((*(s for a, s in enumerate(x.shape) if a not in axes), length), x.dtype)


@diagonal.grad
def diagonal_grad(g, x_spec, offset, dim1, dim2):
    return diagonal_put(g, shape=x_spec.shape, offset=offset, dim1=dim1, dim2=dim2)


@op
def diagonal_put(xp, x, *, shape, offset=0, dim1=0, dim2=1):
    """Zeros of a shape, with x on a diagonal: the gradient of diagonal."""
    out = xp.zeros(shape, x.dtype)
    at = xp.arange(x.shape[-1])
    matrices = xp.moveaxis(out, (dim1, dim2), (-2, -1))
    matrices[..., at + max(-offset, 0), at + max(offset, 0)] = x
    return out


@diagonal_put.spec
def diagonal_put_spec(x, *, shape, offset=0, dim1=0, dim2=1):
    whole = Spec(tuple(shape), one_array(x).dtype)
    part = diagonal_spec(whole, offset=offset, dim1=dim1, dim2=dim2)
    check(part.shape == x.shape, "diagonal_put needs x to have the shape of the diagonal", x=x, diagonal=part)
    return whole


@diagonal_put.grad
def diagonal_put_grad(g, offset, dim1, dim2):
    return diagonal(g, offset=offset, dim1=dim1, dim2=dim2)


_diagonal = diagonal  # an argument of diag has the same name


def diag_embed(x, offset=0, dim1=-2, dim2=-1):
    """Matrices with x on a diagonal, in two new axes: (..., n) -> (..., n, n)."""
    check(len(x.shape) > 0, "diag_embed needs at least one axis", shape=tuple(x.shape))
    check(type(offset) is int, "diag_embed needs a whole number as offset", offset=offset)
    dim1, dim2 = axes_of((dim1, dim2), len(x.shape) + 1, "diag_embed")
    n = x.shape[-1] + (offset if offset >= 0 else -offset)
    sizes = iter(x.shape[:-1])
    shape = tuple(n if a in (dim1, dim2) else next(sizes) for a in range(len(x.shape) + 1))
    return diagonal_put(x, shape=shape, offset=offset, dim1=dim1, dim2=dim2)


def diag(x, diagonal=0):
    """The matrix with a vector on a diagonal, or the diagonal of a matrix."""
    check(len(x.shape) in (1, 2), "diag needs a vector or a matrix", shape=tuple(x.shape))
    return diag_embed(x, diagonal) if len(x.shape) == 1 else _diagonal(x, offset=diagonal)
