"""Operators, spelled once for Tensor and Node: `x @ w + b`, `x[:, 0]`."""

from __future__ import annotations

from typing import Any

from shared_ops import ops
from shared_ops.methods import Methods


class Operators(Methods):
    """What every array-like of ours can do; each method is one op."""

    __slots__ = ()
    __array_ufunc__ = None  # numpy steps aside: array + tensor is ours to answer

    @property
    def shape(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def __add__(self, y):
        return ops.add(self, y)

    def __radd__(self, y):
        return ops.add(y, self)

    def __sub__(self, y):
        return ops.sub(self, y)

    def __rsub__(self, y):
        return ops.sub(y, self)

    def __mul__(self, y):
        return ops.mul(self, y)

    def __rmul__(self, y):
        return ops.mul(y, self)

    def __truediv__(self, y):
        return ops.div(self, y)

    def __rtruediv__(self, y):
        return ops.div(y, self)

    def __floordiv__(self, y):
        return ops.floor_div(self, y)

    def __rfloordiv__(self, y):
        return ops.floor_div(y, self)

    def __mod__(self, y):
        return ops.remainder(self, y)

    def __rmod__(self, y):
        return ops.remainder(y, self)

    def __pow__(self, y):
        return ops.pow(self, y)

    def __rpow__(self, y):
        return ops.pow(y, self)

    def __matmul__(self, y):
        return ops.matmul(self, y)

    def __rmatmul__(self, y):
        return ops.matmul(y, self)

    def __neg__(self):
        return ops.neg(self)

    def __abs__(self):
        return ops.abs(self)

    def __and__(self, y):
        return ops.bitwise_and(self, y)

    def __rand__(self, y):
        return ops.bitwise_and(y, self)

    def __or__(self, y):
        return ops.bitwise_or(self, y)

    def __ror__(self, y):
        return ops.bitwise_or(y, self)

    def __xor__(self, y):
        return ops.bitwise_xor(self, y)

    def __rxor__(self, y):
        return ops.bitwise_xor(y, self)

    def __invert__(self):
        return ops.bitwise_not(self)

    def __lshift__(self, y):
        return ops.left_shift(self, y)

    def __rlshift__(self, y):
        return ops.left_shift(y, self)

    def __rshift__(self, y):
        return ops.right_shift(self, y)

    def __rrshift__(self, y):
        return ops.right_shift(y, self)

    def __lt__(self, y):
        return ops.lt(self, y)

    def __le__(self, y):
        return ops.le(self, y)

    def __gt__(self, y):
        return ops.gt(self, y)

    def __ge__(self, y):
        return ops.ge(self, y)

    def __eq__(self, y):
        return ops.eq(self, y)

    def __ne__(self, y):
        return ops.ne(self, y)

    __hash__ = object.__hash__

    def __getitem__(self, index):
        return ops.getitem(self, index=(index,)) if type(index) is int else ops.index(self, index)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __len__(self):
        if not self.shape:
            raise TypeError("a scalar has no length")
        return self.shape[0].__index__()
