"""Matrix products."""

from cases.draw import Case, i, n


def _sum(equation, *arrays):
    return Case(arrays, {"equation": equation})


CASES: dict[str, list[Case]] = {
    "matmul": [
        Case((n(2, 3), i(9, 3, 4))),
        Case((n(2, 3), n(3, 4))),
        Case((n(5, 2, 3), n(3, 4))),
        Case((n(2, 3), n(5, 3, 4))),
        Case((n(5, 1, 2, 3), n(4, 3, 2))),
        Case((n(3), n(3))),
        Case((n(3), n(3, 4))),
        Case((n(2, 5, 3), n(3))),
        Case((n(3), n(5, 3, 4))),
        Case((i(9, 2, 3), i(9, 3, 4))),
        Case((n(2, 0), n(0, 3))),
        Case((n(0, 2, 3), n(3, 4))),
    ],
    "linear": [
        Case((n(2, 3), n(4, 3), n(4))),
        Case((n(2, 5, 3), n(4, 3), n(4))),
        Case((n(3), n(4, 3), n(4))),
        Case((n(2, 3), n(4, 3))),
        Case((n(0, 3), n(4, 3), n(4))),
        Case((n(2, 0), n(4, 0), n(4))),
        Case((i(9, 2, 3), n(4, 3), n(4))),
    ],
    "einsum": [
        _sum("ij,jk->ik", n(2, 3), n(3, 4)),
        _sum("ij,jk", n(2, 3), i(9, 3, 4)),
        _sum("ij->", n(2, 3)),
        _sum("ba", n(2, 3)),
        _sum("ii->i", n(3, 3)),
        _sum("iji->j", n(3, 2, 3)),
        _sum("i,j->ij", n(2), n(3)),
        _sum("bhqd,bhkd->bhqk", n(2, 3, 2, 2), n(2, 3, 4, 2)),
        _sum("...ij,...jk->...ik", n(3, 1, 2, 3), n(2, 3, 2)),
        _sum("a...->...a", n(2, 3, 1)),
        _sum("iij,jk,kl->il", n(2, 2, 3), n(3, 2), n(2, 3)),
        _sum("ij,ij->j", n(1, 3), n(2, 3)),
        _sum(",i->i", n(), n(3)),
        _sum("ij,jk->ik", n(2, 0), n(0, 3)),
        _sum("ij,jk->ki", i(9, 2, 3), i(9, 3, 2)),
    ],
}

TORCH = {
    "matmul": lambda t, a, b: t.matmul(*_alike(t, a, b)),
    "linear": lambda t, x, w, *bias: t.nn.functional.linear(*_alike(t, x, w, *bias)),
    "einsum": lambda t, *operands, equation: t.einsum(equation, *_alike(t, *operands)),
}


def _alike(t, *tensors):
    """In the dtype that ours promote to; PyTorch's products take one dtype only."""
    dtype = next((x.dtype for x in tensors if x.is_floating_point()), t.int64)
    return [x.to(dtype) for x in tensors]
