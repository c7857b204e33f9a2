"""Solving and decomposing: inverse, determinants, Cholesky, QR, eigenvalues, singular values; of one matrix or a batch.

The gradients are those of Giles 2008, "Collected matrix derivative results", and of PyTorch where it goes beyond.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from shared_ops.elementwise import alike, div, eq, where
from shared_ops.linalg import matmul
from shared_ops.matrix import tril
from shared_ops.op import op
from shared_ops.reduce import sum
from shared_ops.shape import cat, transpose, unsqueeze
from shared_ops.spec import Shape, Spec, SpecError, broadcast_shape, check, is_float, result_dtype


def _matrices(name: str, x: Any, square: bool = True) -> Spec:
    fits = isinstance(x, Spec) and is_float(x.dtype)
    check(fits and x.ndim >= 2, f"{name} needs a matrix of floats, or a batch of them", input=x)
    check(not square or x.shape[-1] == x.shape[-2], f"{name} needs square matrices", input=x)
    return x


def _raising(xp: Any) -> Any:
    """CuPy raises for a matrix that does not do only when it is asked to."""
    if xp is np:
        return contextlib.nullcontext()
    return import_module("cupyx").errstate(linalg="raise")


def _computed(xp: Any, rule: str, function: Callable, x: Any, *others: Any, alone: Callable | None = None) -> Any:
    """function(x, ...). Raises SpecError with the rule, and says which of the matrices breaks it: `alone` tells."""
    with _raising(xp):
        try:
            return function(x, *others)
        except np.linalg.LinAlgError:
            for at in np.ndindex(x.shape[:-2]):
                try:
                    (alone or function)(x[at])
                except np.linalg.LinAlgError:
                    which = f"matrix {list(at)} of the batch, which is not" if at else "one that is not"
                    raise SpecError(f"{rule}; got {which}") from None
            raise


# inverse ------------------------------------------------------------------------------------------------------------
@op
def inverse(xp, x):
    """The matrix that undoes x: (..., n, n) -> (..., n, n)."""
    return _computed(xp, "inverse needs invertible matrices", xp.linalg.inv, x)


@inverse.spec
def inverse_spec(x):
    return _matrices("inverse", x)


@inverse.grad
def inverse_grad(g, out):
    back = transpose(out)
    return -matmul(matmul(back, g), back)


def _is_vector(a: Shape, b: Shape) -> bool:
    """PyTorch's rule for what is solved for: one vector, or one for each matrix; else columns of matrices."""
    return len(b) == 1 or (len(b) == len(a) - 1 and tuple(b) == tuple(a[:-1]))


@op
def solve(xp, a, b):
    """x with a @ x = b: (..., n, n), (..., n, k) -> (..., n, k); or vectors, (..., n, n), (..., n) -> (..., n)."""
    a, b = alike(xp, a, b)
    vector = _is_vector(a.shape, b.shape)
    rule = "solve needs invertible matrices"
    x = _computed(xp, rule, xp.linalg.solve, a, b[..., None] if vector else b, alone=xp.linalg.inv)
    return x[..., 0] if vector else x


@solve.spec
def solve_spec(a, b):
    _matrices("solve", a)
    check(isinstance(b, Spec) and is_float(b.dtype) and b.ndim >= 1, "solve needs vectors or matrices of floats", b=b)
    vector = _is_vector(a.shape, b.shape)
    rows = b.shape[-1 if vector else -2]
    check(rows == a.shape[-1], "solve needs b to have as many rows as a", a=a, b=b)
    batch = broadcast_shape(a.shape[:-2], b.shape[: -1 if vector else -2])
    return Spec((*batch, rows, *(() if vector else b.shape[-1:])), result_dtype(a, b))


@solve.grad
def solve_grad(g, a, b, out, wants):
    vector = _is_vector(a.shape, b.shape)
    if vector:
        g, out = unsqueeze(g, -1), unsqueeze(out, -1)
    gb = solve(transpose(a), g)
    ga = -matmul(gb, transpose(out)) if wants[0] else None
    return ga, gb[..., 0] if vector else gb


# determinants -------------------------------------------------------------------------------------------------------
@op
def det(xp, x):
    """Determinant: (..., n, n) -> (...)."""
    return xp.asarray(xp.linalg.det(x))


@det.spec
def det_spec(x):
    return Spec(_matrices("det", x).shape[:-2], x.dtype)


@det.grad
def det_grad(g, x):
    return unsqueeze(unsqueeze(g, -1), -1) * cofactor(x)


@op
def cofactor(xp, x):
    """The determinant's slopes, det(x) * inverse(x).T, of a singular matrix too: (..., n, n) -> (..., n, n)."""
    u, s, vh = _computed(xp, "cofactor needs finite matrices", xp.linalg.svd, x)
    others = xp.where(xp.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1, dtype=s.dtype)
    turn = xp.linalg.det(u) * xp.linalg.det(vh)
    return xp.matmul(u * (others * turn[..., None])[..., None, :], vh)


@cofactor.spec
def cofactor_spec(x):
    return _matrices("cofactor", x)


@cofactor.grad
def cofactor_grad(g, x, out):
    back = transpose(inverse(x))
    whole = sum(g * out, axis=(-2, -1), keepdim=True)
    return whole * back - matmul(matmul(back, transpose(g)), out)


@op(outputs=("sign", "logabsdet"))
def slogdet(xp, x):
    """Sign of the determinant, and the logarithm of its size, in nats: (..., n, n) -> (...), (...)."""
    sign, size = xp.linalg.slogdet(x)
    return xp.asarray(sign), xp.asarray(size)


@slogdet.spec
def slogdet_spec(x):
    out = Spec(_matrices("slogdet", x).shape[:-2], x.dtype)
    return out, out


@slogdet.grad
def slogdet_grad(gs, x):
    _, g = gs  # the sign has no slope
    return None if g is None else unsqueeze(unsqueeze(g, -1), -1) * transpose(inverse(x))


# Cholesky, QR -------------------------------------------------------------------------------------------------------
@op
def cholesky(xp, x, *, upper=False):
    """The lower triangle l with l @ l.T = x, or its transpose: (..., n, n) -> (..., n, n).

    x counts as (x + x.T) / 2.
    """
    x = (x + x.swapaxes(-1, -2)) * x.dtype.type(0.5)
    low = _computed(xp, "cholesky needs positive definite matrices", xp.linalg.cholesky, x)
    return low.swapaxes(-1, -2) if upper else low


@cholesky.spec
def cholesky_spec(x, *, upper=False):
    return _matrices("cholesky", x)


@cholesky.grad
def cholesky_grad(g, out, upper):
    low, g = (transpose(out), transpose(g)) if upper else (out, g)
    back = transpose(low)
    inner = solve(back, _lower_half(matmul(back, g)))
    gx = solve(back, transpose(inner))
    return (gx + transpose(gx)) * 0.5


def _lower_half(x: Any) -> Any:
    """The lower triangle with half the diagonal: with its transpose added, a symmetric matrix's own self."""
    return (tril(x) + tril(x, diagonal=-1)) * 0.5


@op(outputs=("q", "r"))
def qr(xp, x):
    """Orthonormal columns times an upper triangle: (..., m, n) -> (..., m, k), (..., k, n), with k = min(m, n)."""
    return tuple(xp.linalg.qr(x))


@qr.spec
def qr_spec(x):
    *batch, m, n = _matrices("qr", x, square=False).shape
    k = _least("qr", m, n)
    return Spec((*batch, m, k), x.dtype), Spec((*batch, k, n), x.dtype)


def _least(name: str, m: Any, n: Any) -> int:
    check(isinstance(m, int) and isinstance(n, int), f"{name} needs matrices of known size", rows=m, columns=n)
    return min(m, n)


@qr.grad
def qr_grad(gs, x, q, r):
    gq, gr = gs
    m, n = x.shape[-2:]
    if m >= n:
        return _tall_qr_grad(gq, gr, q, r)
    right = x[..., m:]  # q comes of the left columns alone; r's right ones are q.T @ right
    g_left, g_right = (None, None) if gr is None else (gr[..., :m], gr[..., m:])
    if g_right is not None:
        gq = _total(gq, matmul(right, transpose(g_right)))
    gx_left = _tall_qr_grad(gq, g_left, q, r[..., :m])
    gx_right = right * 0 if g_right is None else matmul(q, g_right)
    return cat(gx_left, gx_right, axis=-1)


def _tall_qr_grad(gq: Any, gr: Any, q: Any, r: Any) -> Any:
    """Walter & Lehmann 2012, for at least as many rows as columns."""
    skew = None if gr is None else matmul(gr, transpose(r))
    if gq is not None:
        skew = _total(skew, -matmul(transpose(q), gq))
    upper = _lower_half(transpose(skew))
    inner = _total(gq, matmul(q, upper + transpose(upper)))
    return transpose(solve(r, transpose(inner)))


def _total(x: Any, y: Any) -> Any:
    """The sum of two gradients, either of which may not have come."""
    return y if x is None else x if y is None else x + y


# eigenvalues, singular values ---------------------------------------------------------------------------------------
@op(outputs=("eigenvalues", "eigenvectors"))
def eigh(xp, x):
    """Eigenvalues of symmetric matrices, rising, and the vectors as columns: (..., n, n) -> (..., n), (..., n, n).

    x counts as (x + x.T) / 2.
    """
    x = (x + x.swapaxes(-1, -2)) * x.dtype.type(0.5)
    return tuple(_computed(xp, "eigh needs finite matrices", xp.linalg.eigh, x))


@eigh.spec
def eigh_spec(x):
    *batch, n, _ = _matrices("eigh", x).shape
    return Spec((*batch, n), x.dtype), x


@eigh.grad
def eigh_grad(gs, eigenvalues, eigenvectors):
    gw, gv = gs
    w, v = eigenvalues, eigenvectors
    gx = None if gw is None else matmul(v * unsqueeze(gw, -2), transpose(v))
    if gv is not None:
        turn = _over_gaps(_skew(matmul(transpose(v), gv)), unsqueeze(w, -2) - unsqueeze(w, -1)) * 0.5
        gx = _total(gx, matmul(matmul(v, turn), transpose(v)))
    return (gx + transpose(gx)) * 0.5


def _skew(x: Any) -> Any:
    return x - transpose(x)


def _over_gaps(x: Any, gaps: Any) -> Any:
    """x / gaps; 0 / 0, as on the diagonal, is 0. Equal values have no vectors of their own: infinite, as in PyTorch."""
    return div(x, where(eq(gaps, 0), where(eq(x, 0), 1.0, 0.0), gaps))


@op(outputs=("u", "s", "vh"))
def svd(xp, x, *, full_matrices=False):
    """u @ diag(s) @ vh = x, s falling: (..., m, n) -> (..., m, k), (..., k), (..., k, n), with k = min(m, n).

    With full_matrices u and vh are square, and have no gradient.
    """
    *batch, m, n = x.shape
    if 0 in (m, n):  # which LAPACK does not take
        k, s = (m, n) if full_matrices else (0, 0), xp.zeros((*batch, 0), x.dtype)
        eye = [xp.broadcast_to(xp.eye(a, b, dtype=x.dtype), (*batch, a, b)).copy() for a, b in ((m, k[0]), (k[1], n))]
        return eye[0], s, eye[1]
    return tuple(_computed(xp, "svd needs finite matrices", lambda x: xp.linalg.svd(x, full_matrices), x))


@svd.spec
def svd_spec(x, *, full_matrices=False):
    *batch, m, n = _matrices("svd", x, square=False).shape
    k = _least("svd", m, n)
    u, vh = ((m, m), (n, n)) if full_matrices else ((m, k), (k, n))
    return tuple(Spec((*batch, *sizes), x.dtype) for sizes in (u, (k,), vh))


@svd.grad
def svd_grad(gs, u, s, vh, full_matrices):
    gu, g, gvh = gs
    check(not full_matrices, "svd has a gradient with full_matrices=False only", full_matrices=full_matrices)
    row, column, v = unsqueeze(s, -2), unsqueeze(s, -1), transpose(vh)
    gaps = row * row - column * column
    middle = gx = None
    if gu is not None:
        inside = matmul(transpose(u), gu)
        middle = _over_gaps(_skew(inside), gaps) * row
        if u.shape[-2] > u.shape[-1]:  # what of gu lies outside u's columns
            gx = matmul(div(gu - matmul(u, inside), row), vh)
    if gvh is not None:
        inside = matmul(gvh, v)
        middle = _total(middle, column * _over_gaps(_skew(transpose(inside)), gaps))
        if vh.shape[-1] > vh.shape[-2]:
            gx = _total(gx, matmul(u, div(gvh - matmul(inside, vh), column)))
    if middle is not None:
        gx = _total(gx, matmul(matmul(u, middle), vh))
    return gx if g is None else _total(gx, matmul(u * unsqueeze(g, -2), vh))
