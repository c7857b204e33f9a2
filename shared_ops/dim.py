"""Dim: a size that is not known yet, such as `batch`, and integer arithmetic on it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from shared_ops.source import called_by_us

MOST_TERMS, LONGEST_TEXT = 64, 1000  # sizes come from files too, and must not take a machine's time

Monomial = tuple[str, ...]  # sorted names multiplied together; () is the constant term


class DimError(TypeError):
    """A program asked an unknown size for a number."""


class Dim:
    """A polynomial with integer coefficients over named sizes: `batch`, `8*batch`, `batch*steps + 1`.

    Two Dims are equal when they are the same polynomial. Asking one for its value (`int(d)`, `d > 3`, `d == 3`)
    raises `DimError`: that would freeze one batch size into a program that should serve all of them.
    A division that does not come out even stays as a name of its own: `(batch + 1)//2`.
    """

    __slots__ = ("terms",)

    def __init__(self, name_or_terms: str | Mapping[Monomial, int]):
        if isinstance(name_or_terms, str):
            name_or_terms = {(name_or_terms,): 1}
        self.terms = {m: c for m, c in sorted(name_or_terms.items()) if c}
        if len(self.terms) > MOST_TERMS:
            raise DimError(f"a size has at most {MOST_TERMS} terms; got {len(self.terms)}")

    # arithmetic -------------------------------------------------------------------------------------------------
    def __add__(self, other: Size) -> Size:
        if not isinstance(other, SIZES):
            return NotImplemented
        terms = dict(self.terms)
        for monomial, c in _terms(other).items():
            terms[monomial] = terms.get(monomial, 0) + c
        return _simplest(terms)

    def __mul__(self, other: Size) -> Size:
        if not isinstance(other, SIZES):  # a Node answers for itself
            return NotImplemented
        terms: dict[Monomial, int] = {}
        for m1, c1 in self.terms.items():
            for m2, c2 in _terms(other).items():
                monomial = tuple(sorted((*m1, *m2)))
                terms[monomial] = terms.get(monomial, 0) + c1 * c2
        return _simplest(terms)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + other * -1

    def __rsub__(self, other: Size) -> Size:
        return -self + other

    def __floordiv__(self, other: Size) -> Size:
        if not isinstance(other, SIZES):
            return NotImplemented
        quotient = _divide(self, other)
        return Dim(f"({_bracketed(self)}//{_bracketed(other)})") if quotient is None else quotient

    def __rfloordiv__(self, other: int) -> Size:
        return Dim(f"({other}//{_bracketed(self)})")

    def __mod__(self, other: Size) -> Size:
        return self - (self // other) * other

    def __truediv__(self, other: Any) -> Any:
        raise DimError(f"the size {self} is not known yet; divide it with //")

    # what cannot be answered before the program runs --------------------------------------------------------------
    def _unknown(self, *_: Any) -> Any:
        raise DimError(
            f"the size '{self}' is not known until the graph runs, so a program cannot branch or loop on it; "
            "write the step with an op over the whole array, or declare this size as a number"
        )

    __index__ = __int__ = __float__ = __bool__ = __lt__ = __le__ = __gt__ = __ge__ = _unknown

    # identity ---------------------------------------------------------------------------------------------------
    def __eq__(self, other: object) -> bool:
        if isinstance(other, int | np.integer) and not called_by_us():
            self._unknown()
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(tuple(self.terms.items()))

    def __str__(self) -> str:
        words = []
        for monomial, c in self.terms.items():
            factors = [str(c)] if c != 1 or not monomial else []
            words.append("*".join([*factors, *monomial]))
        return " + ".join(reversed(words)) or "0"

    __repr__ = __str__

    def bind(self, sizes: Mapping[str, int]) -> int:
        """The number this Dim stands for, given the number of each name. Raises KeyError for a missing name."""
        return _evaluate(ast.parse(str(self), mode="eval").body, sizes)

    @classmethod
    def parse(cls, text: str) -> Size:
        """The Dim that `str` wrote. Raises ValueError for text that is not a sum of products of names."""
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"a size is written in at most {LONGEST_TEXT} characters; got {len(text)}")
        return _evaluate(ast.parse(text, mode="eval").body, _Names())


Size = int | Dim
SIZES = (int, np.integer, Dim)


class _Names(dict):
    """Each name stands for itself."""

    def __missing__(self, name: str) -> Dim:
        return Dim(name)


def _bracketed(size: Size) -> str:
    return str(size) if str(size).isidentifier() or (isinstance(size, int) and size >= 0) else f"({size})"


def _terms(size: Size) -> Mapping[Monomial, int]:
    return size.terms if isinstance(size, Dim) else {(): int(size)}


def _simplest(terms: Mapping[Monomial, int]) -> Size:
    dim = Dim(terms)
    return dim.terms.get((), 0) if set(dim.terms) <= {()} else dim


def _divide(a: Dim, b: Size) -> Size | None:
    """a // b where every term of a is a multiple of the single term b, else None."""
    if len(_terms(b)) != 1:
        return 1 if a == b else None
    ((divisor, by),) = _terms(b).items()
    out: dict[Monomial, int] = {}
    for monomial, c in a.terms.items():
        rest = list(monomial)
        for name in divisor:
            if name not in rest:
                return None
            rest.remove(name)
        if by == 0 or c % by:
            return None
        out[tuple(rest)] = c // by
    return _simplest(out)


def _evaluate(node: ast.expr, sizes: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int() as n):
            return n
        case ast.Name(id=name):
            return sizes[name]
        case ast.UnaryOp(op=ast.USub(), operand=x):
            return -_evaluate(x, sizes)
        case ast.BinOp(left=a, op=ast.Add(), right=b):
            return _evaluate(a, sizes) + _evaluate(b, sizes)
        case ast.BinOp(left=a, op=ast.Mult(), right=b):
            return _evaluate(a, sizes) * _evaluate(b, sizes)
        case ast.BinOp(left=a, op=ast.FloorDiv(), right=b):
            return _evaluate(a, sizes) // _evaluate(b, sizes)
    raise ValueError(f"a size is made of names, whole numbers, +, * and //; got {ast.unparse(node)!r}")


def bind(value: Any, sizes: Mapping[str, int]) -> Any:
    """`value` with every Dim in it, in tuples and slices too, replaced by its number."""
    if isinstance(value, Dim):
        return value.bind(sizes)
    if isinstance(value, tuple):
        return tuple(bind(v, sizes) for v in value)
    if isinstance(value, slice):
        return slice(bind(value.start, sizes), bind(value.stop, sizes), bind(value.step, sizes))
    return value


def has_dims(value: Any) -> bool:
    """Whether any Dim stands in `value`, a setting of an op."""
    if isinstance(value, tuple):
        return any(map(has_dims, value))
    if isinstance(value, slice):
        return has_dims((value.start, value.stop, value.step))
    return isinstance(value, Dim)
