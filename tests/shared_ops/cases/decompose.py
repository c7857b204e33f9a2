"""Solving and decomposing. `test_decompose.py` compares with PyTorch: shuffled values would not do."""

import numpy as np

from cases.draw import Case, n


def well(*shape):
    """Matrices far from singular, with eigenvalues far from each other."""
    size = shape[-1]
    return np.asarray(n(*shape) * 0.2 + np.diag(np.arange(1.0, size + 1)))


def definite(*shape):
    x = well(*shape)
    return np.asarray(x @ np.swapaxes(x, -1, -2) + np.eye(shape[-1]))


def spread(*shape):
    """Of any shape, with singular values far from each other."""
    u, s, vh = np.linalg.svd(n(*shape), full_matrices=False)
    return np.asarray(u * np.arange(s.shape[-1], 0, -1.0) @ vh)


CASES: dict[str, list[Case]] = {
    "inverse": [Case((well(3, 3),)), Case((well(2, 1, 2, 2),)), Case((n(0, 0),)), Case((n(0, 2, 2),))],
    "solve": [
        Case((well(3, 3), n(3, 2))),
        Case((well(3, 3), n(3))),
        Case((well(2, 3, 3), n(3, 2))),
        Case((well(2, 3, 3), n(2, 3))),
        Case((well(2, 3, 3), n(3))),
        Case((well(3, 3), n(2, 3, 1))),
        Case((well(2, 2), n(2, 0))),
    ],
    "det": [Case((well(3, 3),)), Case((well(2, 1, 2, 2),)), Case((n(0, 0),)), Case((n(1, 1),))],
    "cofactor": [Case((well(3, 3),)), Case((well(2, 2, 2),)), Case((n(1, 1),))],
    "slogdet": [Case((well(3, 3),)), Case((well(2, 1, 2, 2),)), Case((n(0, 0),))],
    "cholesky": [
        Case((definite(3, 3),)),
        Case((definite(2, 2, 2),)),
        Case((definite(3, 3),), {"upper": True}),
        Case((n(0, 0),)),
    ],
    "qr": [
        Case((spread(3, 3),)),
        Case((spread(4, 2),)),
        Case((spread(2, 4),)),
        Case((spread(2, 3, 2),)),
        Case((n(0, 2),)),
    ],
    "eigh": [Case((well(3, 3),)), Case((well(2, 2, 2),)), Case((n(0, 0),))],
    "svd": [
        Case((spread(3, 3),)),
        Case((spread(4, 2),)),
        Case((spread(2, 4),)),
        Case((spread(2, 3, 2),)),
        Case((spread(3, 2),), {"full_matrices": True}, smooth=()),
        Case((n(0, 2),)),
        Case((n(2, 0),), {"full_matrices": True}, smooth=()),
    ],
}

TORCH = dict.fromkeys(CASES)
