"""Methods with PyTorch's names, spelled once for Tensor and Node: `x.sum(dim=1)`. Each is a few ops.

With the tensor in front they are PyTorch's functions, too: `torch.sum(x, dim=1)` is `Methods.sum(x, dim=1)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from shared_ops import ops
from shared_ops.spec import check, is_float


class Found(NamedTuple):
    """What was found along an axis, and at which places."""

    values: Any
    indices: Any


def method(function: Callable) -> Any:
    """A function whose arguments are PyTorch's already, as a method."""

    def call(self: Any, *args: Any, **given: Any) -> Any:
        return function(self, *args, **given)

    return _named(call, function)


def settled(function: Callable, **settings: Any) -> Any:
    """An op with settings as a method, which takes them in this order too; `dim` is the op's `axis`."""
    names = tuple(settings)

    def call(self: Any, *args: Any, **given: Any) -> Any:
        chosen = {**settings, **given, **dict(zip(names, args, strict=False))}
        if len(args) > len(names) or len(chosen) > len(names):
            refuse(call, names, args, given)
        if "dim" in chosen:
            chosen["axis"] = _axes(chosen.pop("dim"))
        return function(self, **chosen)

    return _named(call, function)


def _named(call: Any, function: Any) -> Any:
    call.__name__, call.__doc__ = getattr(function, "__name__", "method"), function.__doc__
    return call


def refuse(call: Callable, names: tuple[str, ...], args: tuple, given: dict[str, Any]) -> None:
    """Raise TypeError for arguments that a method does not take."""
    unknown = next((name for name in given if name not in names), None)
    came = f"got {unknown!r}" if unknown else f"got {len(args)} after the tensor"
    raise TypeError(f"{call.__name__} takes {', '.join(names)}; {came}")


def along(function: Callable) -> Any:
    """A reduction as a method: over some axes, or over all; of what `dtype` casts to, if it is given.

    `axis` is NumPy's word for `dim`; `out` is there for NumPy's functions, which call the methods.
    """

    def call(
        self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None, out: None = None
    ) -> Any:
        x = self if dtype is None else ops.cast(self, dtype=np.dtype(dtype).name)
        return function(x, axis=_axes(dim) if axis is None else _axes(axis), keepdim=keepdim)

    return _named(call, function)


def _extreme(all_: Callable, along_one: Callable, of_two: Callable) -> Any:
    def call(self: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None:
            return all_(self)
        return Found(*along_one(self, axis=dim, keepdim=keepdim)) if type(dim) is int else of_two(self, dim)

    call.__doc__ = "Of all values; along an axis, with the places; or, of two tensors, element by element."
    return call


def _scaled(y: Any, alpha: Any) -> Any:
    return y if type(alpha) is int and alpha == 1 else ops.mul(y, alpha)


class Methods:
    """What every array-like of ours can do by name."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[Any, ...]:
        raise NotImplementedError

    dtype: Any

    # elementwise ------------------------------------------------------------------------------------------------
    abs, neg, sign, square = method(ops.abs), method(ops.neg), method(ops.sign), method(ops.square)
    exp, exp2, expm1 = method(ops.exp), method(ops.exp2), method(ops.expm1)
    log, log1p, log2, log10 = method(ops.log), method(ops.log1p), method(ops.log2), method(ops.log10)
    sqrt, rsqrt, reciprocal = method(ops.sqrt), method(ops.rsqrt), method(ops.reciprocal)
    sin, cos, tan, asin = method(ops.sin), method(ops.cos), method(ops.tan), method(ops.asin)
    acos, atan, sinh, cosh = method(ops.acos), method(ops.atan), method(ops.sinh), method(ops.cosh)
    tanh, sigmoid, relu, logsigmoid = method(ops.tanh), method(ops.sigmoid), method(ops.relu), method(ops.logsigmoid)
    erf, erfc, floor, ceil = method(ops.erf), method(ops.erfc), method(ops.floor), method(ops.ceil)
    trunc, frac, isnan = method(ops.trunc), method(ops.frac), method(ops.isnan)
    isinf, isfinite, logical_not = method(ops.isinf), method(ops.isfinite), method(ops.logical_not)
    bitwise_not, negative, absolute = method(ops.bitwise_not), neg, abs

    pow, atan2, remainder = method(ops.pow), method(ops.atan2), method(ops.remainder)
    maximum, minimum, lerp = method(ops.maximum), method(ops.minimum), method(ops.lerp)
    floor_divide = method(ops.floor_div)
    eq, ne, lt = method(ops.eq), method(ops.ne), method(ops.lt)
    le, gt, ge = method(ops.le), method(ops.gt), method(ops.ge)
    logical_and, logical_or, logical_xor = method(ops.logical_and), method(ops.logical_or), method(ops.logical_xor)
    bitwise_and, bitwise_or, bitwise_xor = method(ops.bitwise_and), method(ops.bitwise_or), method(ops.bitwise_xor)

    def round(self, decimals=0):
        return ops.round(self) if decimals == 0 else ops.div(ops.round(ops.mul(self, 10.0**decimals)), 10.0**decimals)

    def add(self, other, *, alpha=1):
        return ops.add(self, _scaled(other, alpha))

    def sub(self, other, *, alpha=1):
        return ops.sub(self, _scaled(other, alpha))

    def mul(self, other):
        return ops.mul(self, other)

    multiply, subtract = mul, sub

    def div(self, other, *, rounding_mode=None):
        modes = {None: ops.div, "floor": ops.floor_div, "trunc": lambda x, y: ops.trunc(ops.div(x, y))}
        check(rounding_mode in modes, "div needs rounding_mode None, 'floor' or 'trunc'", rounding_mode=rounding_mode)
        return modes[rounding_mode](self, other)

    divide = true_divide = div

    def addcmul(self, tensor1, tensor2, *, value=1):
        return ops.add(self, _scaled(ops.mul(tensor1, tensor2), value))

    def addcdiv(self, tensor1, tensor2, *, value=1):
        return ops.add(self, _scaled(ops.div(tensor1, tensor2), value))

    def clamp(self, min=None, max=None):
        for bound, keep in ((min, ops.maximum), (max, ops.minimum)):
            if hasattr(bound, "dtype"):
                self = keep(self, bound)
        numbers = [None if hasattr(bound, "dtype") else bound for bound in (min, max)]
        none_left = numbers == [None, None] and (min is not None or max is not None)
        return self if none_left else ops.clamp(self, min=numbers[0], max=numbers[1])

    clip = clamp

    def clamp_min(self, min):
        return Methods.clamp(self, min)

    def clamp_max(self, max):
        return Methods.clamp(self, None, max)

    def where(self, condition, other):
        return ops.where(condition, self, other)

    def nan_to_num(self, nan=0.0, posinf=None, neginf=None):
        limits = np.finfo(np.dtype(self.dtype)) if is_float(self.dtype) else None
        if limits is None:
            return self
        high = float(limits.max) if posinf is None else posinf
        low = float(limits.min) if neginf is None else neginf
        out = ops.where(ops.isnan(self), nan, self)
        return ops.where(ops.eq(out, float("inf")), high, ops.where(ops.eq(out, float("-inf")), low, out))

    def isclose(self, other, rtol=1e-5, atol=1e-8):
        """Whether |x - y| <= atol + rtol * |y|, value by value."""
        near = ops.le(ops.abs(ops.sub(self, other)), ops.add(ops.mul(ops.abs(other), rtol), atol))
        return ops.logical_or(ops.eq(self, other), near)

    # reductions -------------------------------------------------------------------------------------------------
    sum, mean, prod, amax, amin = along(ops.sum), along(ops.mean), along(ops.prod), along(ops.amax), along(ops.amin)
    any, all, count_nonzero = along(ops.any), along(ops.all), along(ops.count_nonzero)
    argmax, argmin, logsumexp = along(ops.argmax), along(ops.argmin), along(ops.logsumexp)
    max = _extreme(ops.amax, ops.max, ops.maximum)
    min = _extreme(ops.amin, ops.min, ops.minimum)
    var = settled(ops.var, dim=None, correction=1, keepdim=False)
    std = settled(ops.std, dim=None, correction=1, keepdim=False)
    softmax, log_softmax = settled(ops.softmax, dim=-1), settled(ops.log_softmax, dim=-1)
    cumsum, cumprod = settled(ops.cumsum, dim=0), settled(ops.cumprod, dim=0)
    argsort = settled(ops.argsort, dim=-1, descending=False)

    def norm(self, p=2.0, dim=None, keepdim=False):
        return ops.norm(self, ord=2.0 if p == "fro" else float(p), axis=_axes(dim), keepdim=keepdim)

    def sort(self, dim=-1, descending=False):
        return Found(*ops.sort(self, axis=dim, descending=descending))

    def topk(self, k, dim=-1, largest=True, sorted=True):
        return Found(*ops.topk(self, k=k, axis=dim, largest=largest, sorted=sorted))

    def median(self, dim=None, keepdim=False):
        return ops.median_of_all(self) if dim is None else Found(*ops.median(self, axis=dim, keepdim=keepdim))

    unique = method(ops.unique)

    # products ---------------------------------------------------------------------------------------------------
    matmul, mm, bmm, mv = method(ops.matmul), method(ops.mm), method(ops.bmm), method(ops.mv)
    dot, outer = method(ops.dot), method(ops.outer)
    addmm = method(ops.addmm)
    inverse, det, slogdet = method(ops.inverse), method(ops.det), method(ops.slogdet)
    cholesky = settled(ops.cholesky, upper=False)

    # shape ------------------------------------------------------------------------------------------------------
    def reshape(self, *shape):
        return ops.reshape(self, shape=_sizes(shape))

    view = reshape

    def view_as(self, other):
        return ops.reshape(self, shape=tuple(other.shape))

    reshape_as = view_as

    def expand(self, *sizes):
        """Repeated along axes of size 1; -1 keeps an axis as it is."""
        sizes, shape = _sizes(sizes), self.shape
        lead = len(sizes) - len(shape)
        return ops.expand(
            self,
            shape=tuple(
                shape[i - lead] if type(n) is int and n == -1 and i >= lead else n for i, n in enumerate(sizes)
            ),
        )

    broadcast_to = expand

    def expand_as(self, other):
        return ops.expand(self, shape=tuple(other.shape))

    def permute(self, *dims):
        return ops.permute(self, dims=_sizes(dims))

    transpose, swapaxes, movedim = method(ops.transpose), method(ops.swapaxes), method(ops.movedim)
    flatten, unflatten = method(ops.flatten), method(ops.unflatten)
    squeeze, unsqueeze = method(ops.squeeze), method(ops.unsqueeze)
    narrow, split, chunk, unbind = method(ops.narrow), method(ops.split), method(ops.chunk), method(ops.unbind)
    tril, triu, diag = settled(ops.tril, diagonal=0), settled(ops.triu, diagonal=0), method(ops.diag)
    diagonal, diag_embed = settled(ops.diagonal, offset=0, dim1=0, dim2=1), method(ops.diag_embed)
    repeat_interleave = method(ops.repeat_interleave)

    def ravel(self):
        return ops.reshape(self, shape=(-1,))

    def t(self):
        return ops.permute(self, dims=tuple(reversed(range(len(self.shape)))))

    T = property(t)

    @property
    def mT(self):
        return ops.transpose(self, -2, -1)

    def dim(self):
        return len(self.shape)

    def flip(self, *dims):
        return ops.flip(self, axis=_sizes(dims))

    def roll(self, shifts, dims=None):
        return ops.roll(self, shifts=shifts, axis=dims)

    def repeat(self, *sizes):
        return ops.repeat(self, _sizes(sizes))

    def tile(self, *dims):
        return ops.tile(self, _sizes(dims))

    # index ------------------------------------------------------------------------------------------------------
    def gather(self, dim, index):
        return ops.gather(self, index, axis=dim)

    def scatter(self, dim, index, src):
        return ops.scatter(self, index, src, axis=dim)

    def scatter_add(self, dim, index, src):
        return ops.scatter_add(self, index, src, axis=dim)

    take_along_dim, index_select = method(ops.take_along_dim), method(ops.index_select)
    index_add = method(ops.index_add)

    def index_fill(self, dim, index, value):
        return ops.index_put(self, value, index, axis=(dim % len(self.shape),))

    def index_copy(self, dim, index, source):
        return ops.index_put(self, source, index, axis=(dim % len(self.shape),))

    masked_fill, masked_select = method(ops.masked_fill), method(ops.masked_select)
    masked_scatter = method(ops.masked_scatter)

    # dtypes -----------------------------------------------------------------------------------------------------
    def type_as(self, other):
        return _cast(self, np.dtype(other.dtype).name)

    def float(self):
        return _cast(self, "float32")

    def double(self):
        return _cast(self, "float64")

    def half(self):
        return _cast(self, "float16")

    def bfloat16(self):
        return _cast(self, "bfloat16")

    def long(self):
        return _cast(self, "int64")

    def int(self):
        return _cast(self, "int32")

    def bool(self):
        return _cast(self, "bool")

    def is_floating_point(self):
        return is_float(self.dtype)


def _cast(x: Any, dtype: str) -> Any:
    return x if x.dtype == np.dtype(dtype) else ops.cast(x, dtype=dtype)


def _axes(dim: Any) -> Any:
    return tuple(dim) if isinstance(dim, list) else dim


def _sizes(sizes: tuple) -> tuple:
    """`x.reshape(2, 3)` and `x.reshape((2, 3))` mean the same."""
    sizes = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
    return tuple(int(n) if isinstance(n, np.integer) else n for n in sizes)
