"""Einstein's summation: products and sums of arrays by the names of their axes, `bij,bjk->bik`.

Beyond NumPy and PyTorch, a result may name an axis twice, `i->ii`: it is zero off that diagonal. So the gradient of
every summation is a summation again.
"""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Sequence
from typing import Any

from shared_ops.op import op
from shared_ops.shape import expand, reshape
from shared_ops.spec import Spec, SpecError, check, result_dtype

Terms = tuple[tuple[str, ...], str]  # the names of each operand's axes, one letter an axis; those of the result


@functools.lru_cache(4096)
def terms_of(equation: str, ranks: tuple[int, ...]) -> Terms:
    """An equation for operands of these ranks with each axis named; `...` becomes letters, from the last axis on.

    Without `->` the result has the letters that come once, in the order of the alphabet, after those of `...`.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    given = left.split(",")
    check(len(given) == len(ranks), "einsum needs a term for each operand", equation=equation, operands=len(ranks))
    for term in [*given, right]:
        rest = term.replace("...", "", 1)
        check(not rest or (rest.isascii() and rest.isalpha()), "einsum needs letters and ...", equation=equation)
    free = [c for c in string.ascii_letters if c not in equation]
    widths = []
    for term, rank in zip(given, ranks, strict=True):
        width = rank - len(term.replace("...", ""))
        fits = width >= 0 if "..." in term else width == 0
        check(fits, "einsum needs a letter for each axis", equation=equation, term=term, axes=rank)
        widths.append(width)
    most = max(widths, default=0)
    check(most <= len(free), "einsum has no letters left for the axes of ...", equation=equation)
    letters = "".join(free[:most])
    named = tuple(t.replace("...", letters[most - w :]) for t, w in zip(given, widths, strict=True))
    if not arrow:
        every = "".join(given).replace(".", "")
        out = letters + "".join(sorted(c for c in set(every) if every.count(c) == 1))
    else:
        out = right.replace("...", letters)
    for c in out:
        check(any(c in term for term in named), "einsum's result has a letter no operand has", equation=equation)
    return named, out


def sizes_of(terms: Sequence[str], shapes: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """The size of each letter: axes of one letter agree, or are 1."""
    sizes: dict[str, Any] = {}
    for term, shape in zip(terms, shapes, strict=True):
        own: dict[str, Any] = {}
        for c, n in zip(term, shape, strict=True):
            for known, may_repeat in ((own, False), (sizes, True)):
                if c in known and known[c] != n and not (may_repeat and 1 in (n, known[c])):
                    raise SpecError(f"einsum needs axes of one letter to agree; got sizes of {c}: {known[c]} and {n}")
            own[c] = n
            if c not in sizes or sizes[c] == 1:
                sizes[c] = n
    return sizes


@op
def einsum(xp, *operands, equation):
    """Products of operands, summed over the axes that the result does not name: `ij,jk->ik`; several from the left."""
    dtype = result_dtype(*[Spec(a.shape, a.dtype) for a in operands])
    arrays = [xp.asarray(a, dtype) for a in operands]
    terms, out = terms_of(equation, tuple(a.ndim for a in arrays))
    sizes = sizes_of(terms, [a.shape for a in arrays])
    later = [set(out).union(*terms[i + 1 :]) for i in range(len(terms))]
    x, names = _one(xp, arrays[0], terms[0], later[0])
    for a, term, needed in zip(arrays[1:], terms[1:], later[1:], strict=True):
        x, names = _two(xp, x, names, *_one(xp, a, term, needed | set(names)), needed)
    return xp.asarray(_laid_out(xp, x, names, out, sizes))


@einsum.spec
def einsum_spec(*operands, equation):
    check(isinstance(equation, str), "einsum needs an equation like ij,jk->ik", equation=equation)
    check(len(operands) > 0, "einsum needs operands", operands=operands)
    check(all(isinstance(x, Spec) for x in operands), "einsum needs arrays, not Python numbers", operands=operands)
    dtype = result_dtype(*operands)
    check(dtype.kind != "b", "einsum needs numbers, not booleans alone", operands=operands)
    terms, out = terms_of(equation, tuple(x.ndim for x in operands))
    sizes = sizes_of(terms, [x.shape for x in operands])
    return Spec(tuple(sizes[c] for c in out), dtype)


@einsum.grad
def einsum_grad(g, operands, equation, wants):
    """For each operand: g times the others, summed to its axes; repeated to those that it had alone."""
    terms, out = terms_of(equation, tuple(len(x.shape) for x in operands))
    grads: list[Any] = [None] * len(operands)
    for i, term in enumerate(terms):
        if wants[i]:
            others = [(t, x) for j, (t, x) in enumerate(zip(terms, operands, strict=True)) if j != i]
            axes = "".join(dict.fromkeys(term))
            elsewhere = set(out).union(*[t for t, _ in others])
            shared = "".join(c for c in axes if c in elsewhere)
            left = ",".join([out, *[t for t, _ in others]])
            part = einsum(g, *[x for _, x in others], equation=f"{left}->{shared}")
            found = sizes_of([out, *[t for t, _ in others]], [g.shape, *[x.shape for _, x in others]])
            own = dict(zip(term, operands[i].shape, strict=True))
            have = tuple(found.get(c, 1) for c in axes)
            want = tuple(n if own[c] == 1 else own[c] for c, n in zip(axes, have, strict=True))
            if shared != axes or want != have:
                part = expand(reshape(part, shape=have), shape=want)
            grads[i] = part if axes == term else einsum(part, equation=f"{axes}->{term}")
    return tuple(grads)


# how ----------------------------------------------------------------------------------------------------------------
def _one(xp: Any, x: Any, names: str, needed: set[str]) -> tuple[Any, str]:
    """One operand with each letter once, without the axes that nothing needs."""
    for c in [c for c in dict.fromkeys(names) if names.count(c) > 1]:
        while names.count(c) > 1:
            first = names.index(c)
            second = names.index(c, first + 1)
            x = xp.diagonal(x, axis1=first, axis2=second)  # which comes last
            names = names[:first] + names[first + 1 : second] + names[second + 1 :] + c
    alone = tuple(k for k, c in enumerate(names) if c not in needed)
    if alone:
        x = x.sum(alone, dtype=x.dtype)
        names = "".join(c for c in names if c in needed)
    return x, names


def _two(xp: Any, a: Any, a_names: str, b: Any, b_names: str, needed: set[str]) -> tuple[Any, str]:
    """The product of two operands, summed over the letters that nothing needs: as products of matrices."""
    sizes = dict(zip(a_names, a.shape, strict=True))
    unlike = {c for c, n in zip(b_names, b.shape, strict=True) if c in sizes and n != sizes[c]}
    a, a_names = _dropped(a, a_names, unlike)  # an axis of 1 repeats itself
    b, b_names = _dropped(b, b_names, unlike)
    both = [c for c in a_names if c in b_names]
    batch, summed = [c for c in both if c in needed], [c for c in both if c not in needed]
    rows, columns = [c for c in a_names if c not in both], [c for c in b_names if c not in both]
    a, b = _axes(a, a_names, [*batch, *rows, *summed]), _axes(b, b_names, [*batch, *summed, *columns])
    kept, width = len(batch), len(summed)
    shape = (*a.shape[: kept + len(rows)], *b.shape[kept + width :])
    deep = math.prod(b.shape[kept : kept + width])
    left = a.reshape(*a.shape[:kept], math.prod(a.shape[kept : kept + len(rows)]), deep)
    right = b.reshape(*b.shape[:kept], deep, math.prod(b.shape[kept + width :]))
    x = (xp.matmul(left, right) if summed else left * right).reshape(shape)
    lone = {c for c in (*rows, *columns) if c not in needed}  # letters that met an axis of 1
    names = "".join([*batch, *rows, *columns])
    return _one(xp, x, names, needed) if lone else (x, names)


def _dropped(x: Any, names: str, unlike: set[str]) -> tuple[Any, str]:
    """Without the axes of 1 among these letters."""
    gone = [k for k, c in enumerate(names) if c in unlike and x.shape[k] == 1]
    kept = [k for k in range(len(names)) if k not in gone]
    return x.reshape([x.shape[k] for k in kept]), "".join(names[k] for k in kept)


def _axes(x: Any, names: str, order: Sequence[str]) -> Any:
    return x.transpose([names.index(c) for c in order])


def _laid_out(xp: Any, x: Any, names: str, out: str, sizes: dict[str, Any]) -> Any:
    """The axes in the order of the result; a letter that it has several times names a diagonal of it."""
    once = "".join(dict.fromkeys(out))
    x = _axes(x, names, once)
    if once == out:
        return x
    spread = xp.zeros([sizes[c] for c in out], x.dtype)
    view, left = spread, out
    for c in once:
        while left.count(c) > 1:
            first = left.index(c)
            second = left.index(c, first + 1)
            view = _diagonal(xp, view, first, second)
            left = left[:second] + left[second + 1 :]
    view[...] = x
    return spread


def _diagonal(xp: Any, x: Any, first: int, second: int) -> Any:
    """A view of the diagonal of two axes, in the place of the first; unlike NumPy's own, it can be written."""
    strides = [s + (x.strides[second] if k == first else 0) for k, s in enumerate(x.strides) if k != second]
    shape = [n for k, n in enumerate(x.shape) if k != second]
    return xp.lib.stride_tricks.as_strided(x, shape, strides)
