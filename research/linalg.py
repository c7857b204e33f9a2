"""torch.linalg's names."""

from __future__ import annotations

from typing import Any

from research.creation import eye
from shared_ops import ops
from shared_ops.ops import cholesky, det, eigh, qr, slogdet, solve, svd
from shared_ops.ops import inverse as inv


def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    """The vector norm of all values, or along an axis; 2, the Euclidean one, unless told."""
    return vector_norm(A, 2.0 if ord in (None, "fro") else ord, dim, keepdim)


def vector_norm(x: Any, ord: float = 2.0, dim: Any = None, keepdim: bool = False) -> Any:
    """(sum of |x|**ord) ** (1 / ord), over all values or along axes."""
    return ops.norm(x, ord=float(ord), axis=tuple(dim) if isinstance(dim, list) else dim, keepdim=keepdim)


def matrix_power(A: Any, n: int) -> Any:
    """A square matrix times itself, n times in all: (..., d, d) -> (..., d, d). Below 0, of its inverse."""
    if n == 0:
        return ops.expand(eye(A.shape[-1], dtype=A.dtype), shape=tuple(A.shape))
    base, out = (A if n > 0 else inv(A)), None
    n = abs(n)
    while n:
        if n % 2:
            out = base if out is None else ops.matmul(out, base)
        n //= 2
        base = ops.matmul(base, base) if n else base
    return out


def svdvals(A: Any) -> Any:
    """Singular values, the greatest first: (..., m, n) -> (..., min(m, n))."""
    return svd(A)[1]


def eigvalsh(A: Any) -> Any:
    """Eigenvalues of a symmetric matrix, the least first: (..., n, n) -> (..., n)."""
    return eigh(A)[0]


def multi_dot(tensors: Any) -> Any:
    """The product of several matrices, from the left."""
    out, *rest = tensors
    for matrix in rest:
        out = ops.matmul(out, matrix)
    return out


__all__ = [
    "cholesky",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "matrix_power",
    "multi_dot",
    "norm",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "vector_norm",
]
