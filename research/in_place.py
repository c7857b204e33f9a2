"""Writable: changes in place, recorded where there is history, counted where somebody saved the values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from research.grad_mode import is_grad_enabled
from research.placement import Placed
from research.source_lines import user_line
from research.tape import Leaf
from shared_ops import ops
from shared_ops.device import array_module
from shared_ops.select import with_entries, write
from shared_ops.spec import spec_of


def in_place(name: str) -> Callable:
    """The method of this name, with its result written over the tensor."""

    def method(self: Any, *args: Any, **settings: Any) -> Any:
        return self._become(getattr(self, name)(*args, **settings))

    method.__name__, method.__doc__ = f"{name}_", f"`{name}`, written over the tensor."
    return method


class Writable(Placed):
    """A tensor whose values can be changed."""

    index: int
    version: list[Any] | None

    def _become(self, result: Any) -> Any:
        """Take over a result as one's own value: written into the array, or recorded when there is history to keep.

        Raises RuntimeError for a leaf that requires a gradient, and when shape or dtype would have to change.
        """
        if result.shape != self.shape or not np.can_cast(result.dtype, self.dtype, "same_kind"):
            came, own = spec_of(result.array), spec_of(self.array)
            raise RuntimeError(f"a change in place keeps shape and kind of dtype, {own}; the result is {came}")
        if is_grad_enabled() and (self.step is not None or result.step is not None):
            if isinstance(self.step, Leaf):
                raise RuntimeError(
                    "a leaf that requires a gradient cannot be changed in place while the tape records; "
                    "wrap the change in `with no_grad():` or change `.data`"
                )
            result = result.to(self.dtype)
            self.array, self.step, self.index, self.version = result.array, result.step, result.index, result.version
        else:
            self._write(result.array)
        return self

    def _write(self, values: Any, index: Any = ...) -> None:
        """Write into the array. Every write goes through here, so that backward notices a saved value that changed."""
        if index is ...:
            self.array[...] = values
        else:
            write(self.array, index, values)
        self._changed()

    def _changed(self) -> None:
        """Note that the array was written into, and where."""
        if self.version is not None:
            self.version[:] = self.version[0] + 1, user_line()

    def count_change(self) -> None:
        """The same without the line, for who changes many."""
        if self.version is not None:
            self.version[:] = (self.version[0] + 1,)

    def __setitem__(self, index: Any, value: Any) -> None:
        if is_grad_enabled() and (self.step is not None or getattr(value, "step", None) is not None):
            self._become(with_entries(self, index, value))
        else:
            self._write(value.array if isinstance(value, Placed) else value, index)

    def copy_(self, source: Any) -> Any:
        """Take over values, which broadcast and are cast."""
        source = source if isinstance(source, Placed) else self._of(source)
        return self._become(ops.expand(source, shape=self.shape))

    def fill_(self, value: float) -> Any:
        return self._become(self._of(array_module((self.array,)).full_like(self.array, value)))

    def zero_(self) -> Any:
        return self.fill_(0)

    def uniform_(self, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Any:
        """Random numbers from a up to b."""
        from research.random import rand

        return self._become(rand(*self.shape, dtype=self.dtype, generator=generator, device=self.device) * (b - a) + a)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Any:
        """Normal random numbers."""
        from research.random import randn

        drawn = randn(*self.shape, dtype=self.dtype, generator=generator, device=self.device)
        return self._become(drawn * std + mean)

    abs_ = in_place("abs")
    neg_ = in_place("neg")
    exp_ = in_place("exp")
    expm1_ = in_place("expm1")
    exp2_ = in_place("exp2")
    log_ = in_place("log")
    log1p_ = in_place("log1p")
    log2_ = in_place("log2")
    log10_ = in_place("log10")
    sqrt_ = in_place("sqrt")
    rsqrt_ = in_place("rsqrt")
    reciprocal_ = in_place("reciprocal")
    square_ = in_place("square")
    sin_ = in_place("sin")
    cos_ = in_place("cos")
    tan_ = in_place("tan")
    asin_ = in_place("asin")
    acos_ = in_place("acos")
    atan_ = in_place("atan")
    sinh_ = in_place("sinh")
    cosh_ = in_place("cosh")
    tanh_ = in_place("tanh")
    sigmoid_ = in_place("sigmoid")
    relu_ = in_place("relu")
    floor_ = in_place("floor")
    ceil_ = in_place("ceil")
    round_ = in_place("round")
    trunc_ = in_place("trunc")
    frac_ = in_place("frac")
    sign_ = in_place("sign")
    erf_ = in_place("erf")
    erfc_ = in_place("erfc")
    add_ = in_place("add")
    sub_ = in_place("sub")
    mul_ = in_place("mul")
    div_ = in_place("div")
    floor_divide_ = in_place("floor_divide")
    remainder_ = in_place("remainder")
    pow_ = in_place("pow")
    clamp_ = in_place("clamp")
    clamp_min_ = in_place("clamp_min")
    clamp_max_ = in_place("clamp_max")
    clip_ = in_place("clip")
    lerp_ = in_place("lerp")
    addcmul_ = in_place("addcmul")
    addcdiv_ = in_place("addcdiv")
    masked_fill_ = in_place("masked_fill")
    masked_scatter_ = in_place("masked_scatter")
    scatter_ = in_place("scatter")
    scatter_add_ = in_place("scatter_add")
    index_add_ = in_place("index_add")
    index_fill_ = in_place("index_fill")
    index_copy_ = in_place("index_copy")
    cumsum_ = in_place("cumsum")
    cumprod_ = in_place("cumprod")
    tril_ = in_place("tril")
    triu_ = in_place("triu")
    eq_ = in_place("eq")
    ne_ = in_place("ne")
    lt_ = in_place("lt")
    le_ = in_place("le")
    gt_ = in_place("gt")
    ge_ = in_place("ge")
    logical_and_ = in_place("logical_and")
    logical_or_ = in_place("logical_or")
    logical_xor_ = in_place("logical_xor")
    logical_not_ = in_place("logical_not")
    bitwise_and_ = in_place("bitwise_and")
    bitwise_or_ = in_place("bitwise_or")
    bitwise_xor_ = in_place("bitwise_xor")
    nan_to_num_ = in_place("nan_to_num")
