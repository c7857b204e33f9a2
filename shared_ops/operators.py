"""Operators and methods, spelled once for Tensor and Node: `x @ w + b`, `x.sum(dim=1)`, `x[:, 0]`."""

from __future__ import annotations

from typing import Any

import numpy as np

from shared_ops import ops


class Operators:
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

    # methods, with PyTorch's names ------------------------------------------------------------------------------------
    def abs(self):
        return ops.abs(self)

    def exp(self):
        return ops.exp(self)

    def log(self):
        return ops.log(self)

    def sqrt(self):
        return ops.sqrt(self)

    def sin(self):
        return ops.sin(self)

    def cos(self):
        return ops.cos(self)

    def tanh(self):
        return ops.tanh(self)

    def sigmoid(self):
        return ops.sigmoid(self)

    def relu(self):
        return ops.relu(self)

    def pow(self, exponent):
        return ops.pow(self, exponent)

    def square(self):
        return ops.pow(self, 2)

    def clamp(self, min=None, max=None):
        return ops.clamp(self, min=min, max=max)

    def softmax(self, dim):
        return ops.softmax(self, axis=dim)

    def log_softmax(self, dim):
        return ops.log_softmax(self, axis=dim)

    def sum(self, dim=None, keepdim=False):
        return ops.sum(self, axis=_axes(dim), keepdim=keepdim)

    def mean(self, dim=None, keepdim=False):
        return ops.mean(self, axis=_axes(dim), keepdim=keepdim)

    def amax(self, dim=None, keepdim=False):
        return ops.amax(self, axis=_axes(dim), keepdim=keepdim)

    def amin(self, dim=None, keepdim=False):
        return ops.amin(self, axis=_axes(dim), keepdim=keepdim)

    def max(self):
        return ops.amax(self)

    def min(self):
        return ops.amin(self)

    def argmax(self, dim=None, keepdim=False):
        return ops.argmax(self, axis=dim, keepdim=keepdim)

    def matmul(self, other):
        return ops.matmul(self, other)

    mm = matmul

    def reshape(self, *shape):
        return ops.reshape(self, shape=_sizes(shape))

    view = reshape

    def expand(self, *shape):
        return ops.expand(self, shape=_sizes(shape))

    def permute(self, *dims):
        return ops.permute(self, dims=_sizes(dims))

    def transpose(self, dim0, dim1):
        return ops.transpose(self, dim0, dim1)

    def t(self):
        return ops.permute(self, dims=tuple(reversed(range(len(self.shape)))))

    T = property(t)

    def flatten(self, start_dim=0, end_dim=-1):
        return ops.flatten(self, start_dim, end_dim)

    def squeeze(self, dim=None):
        return ops.squeeze(self, dim)

    def unsqueeze(self, dim):
        return ops.unsqueeze(self, dim)

    def dim(self):
        return len(self.shape)

    swapaxes = transpose

    def movedim(self, source, destination):
        return ops.movedim(self, source, destination)

    def unflatten(self, dim, sizes):
        return ops.unflatten(self, dim, sizes)

    def flip(self, *dims):
        return ops.flip(self, axis=_sizes(dims))

    def roll(self, shifts, dims=None):
        return ops.roll(self, shifts=shifts, axis=dims)

    def repeat(self, *sizes):
        return ops.repeat(self, _sizes(sizes))

    def tile(self, *dims):
        return ops.tile(self, _sizes(dims))

    def repeat_interleave(self, repeats, dim=None):
        return ops.repeat_interleave(self, repeats, dim)

    def narrow(self, dim, start, length):
        return ops.narrow(self, dim, start, length)

    def split(self, split_size, dim=0):
        return ops.split(self, split_size, dim)

    def chunk(self, chunks, dim=0):
        return ops.chunk(self, chunks, dim)

    def unbind(self, dim=0):
        return ops.unbind(self, dim)

    def tril(self, diagonal=0):
        return ops.tril(self, diagonal=diagonal)

    def triu(self, diagonal=0):
        return ops.triu(self, diagonal=diagonal)

    def diagonal(self, offset=0, dim1=0, dim2=1):
        return ops.diagonal(self, offset=offset, dim1=dim1, dim2=dim2)

    def diag(self, diagonal=0):
        return ops.diag(self, diagonal)

    def gather(self, dim, index):
        return ops.gather(self, index, axis=dim)

    def scatter(self, dim, index, src):
        return ops.scatter(self, index, src, axis=dim)

    def scatter_add(self, dim, index, src):
        return ops.scatter_add(self, index, src, axis=dim)

    def take_along_dim(self, indices, dim=None):
        return ops.take_along_dim(self, indices, dim)

    def index_select(self, dim, index):
        return ops.index_select(self, dim, index)

    def index_add(self, dim, index, source, alpha=1):
        return ops.index_add(self, dim, index, source, alpha)

    def masked_fill(self, mask, value):
        return ops.masked_fill(self, mask, value)

    def masked_select(self, mask):
        return ops.masked_select(self, mask)

    def masked_scatter(self, mask, source):
        return ops.masked_scatter(self, mask, source)

    def float(self):
        return ops.cast(self, dtype="float32")

    def double(self):
        return ops.cast(self, dtype="float64")

    def half(self):
        return ops.cast(self, dtype="float16")

    def bfloat16(self):
        return ops.cast(self, dtype="bfloat16")

    def long(self):
        return ops.cast(self, dtype="int64")


def _axes(dim: Any) -> Any:
    return tuple(dim) if isinstance(dim, list) else dim


def _sizes(sizes: tuple) -> tuple:
    """`x.reshape(2, 3)` and `x.reshape((2, 3))` mean the same."""
    sizes = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
    return tuple(int(n) if isinstance(n, np.integer) else n for n in sizes)
