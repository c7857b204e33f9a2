"""Tensor: an array that remembers how it was made."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy import ndarray

from research.grad_mode import _mode, is_grad_enabled
from research.tape import Leaf, Saved, Step, next_order
from shared_ops import ops
from shared_ops.device import Device, array_module, device_of, to_host
from shared_ops.op import NUMBERS, Op, refuse_other_world
from shared_ops.operators import Operators
from shared_ops.select import write
from shared_ops.spec import dtype_named, is_float, spec_of

_observers: list[Callable[[Op, tuple], None]] = []


class Tensor(Operators):
    """An n-dimensional array on CPU or GPU that can require a gradient. `tensor.array` is the raw array."""

    world = "research"

    array: Any
    step: Step | Leaf | None = None
    index: int = 0  # which of the step's outputs it is
    grad: Tensor | None = None
    version: list[int] | None = None  # how often the array was written into; shared by all that `detach` made of it

    def __init__(self, data: Any, requires_grad: bool = False):
        self.array = data.array if isinstance(data, Tensor) else _as_array(data)
        if requires_grad:
            self.requires_grad_()

    def __apply_op__(self, op: Op, args: tuple, attrs: dict[str, Any]) -> Any:
        arrays = [a.array if isinstance(a, Tensor) else a if type(a) in NUMBERS else _beside(self, op, a) for a in args]
        specs = None
        out = NotImplemented if attrs or op.quick is None else op.quick(*arrays)
        if out is NotImplemented:
            specs = op.check(arrays, attrs)
            out = op.compute(*arrays, **attrs)
        if type(out) is tuple:
            outs = tuple([_wrap(a if type(a) is ndarray else _as_array(a)) for a in out])
        else:
            tensor = _new(Tensor)
            tensor.array = out if type(out) is ndarray else _as_array(out)
            outs = (tensor,)
        if op.grad_rule is not None and _mode.recording:
            for a in args:
                if isinstance(a, Tensor) and a.step is not None:
                    _record(op, args, arrays, attrs, specs, outs)
                    break
        if _observers:
            for observer in _observers:
                observer(op, tuple(t.array for t in outs))
        return outs if type(out) is tuple else tensor

    # what it is -----------------------------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def device(self) -> Device:
        return device_of(self.array)

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        return self.array.size

    def item(self) -> Any:
        """The one value as a Python number. Raises ValueError when there are several."""
        if self.array.size != 1:
            raise ValueError(f"item() needs a tensor with one value; got {spec_of(self.array)}")
        return self.array.item()

    def tolist(self) -> Any:
        return self.array.tolist()

    def numpy(self) -> np.ndarray:
        """The array itself on the CPU, no copy. Raises RuntimeError when it requires a gradient, as PyTorch does."""
        if self.requires_grad:
            raise RuntimeError("numpy() would lose this tensor's gradient; say tensor.detach().numpy()")
        return to_host(self.array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        return array.astype(dtype) if dtype is not None and array.dtype != dtype else array.copy() if copy else array

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    __index__ = __int__

    def __repr__(self) -> str:
        text = np.array2string(to_host(self.array), separator=", ", precision=4, threshold=200, prefix="tensor(")
        notes = "" if self.dtype in (np.float32, np.int64, np.bool_) else f", dtype={self.dtype}"
        notes += "" if self.device.is_cpu else f", device='{self.device}'"
        if isinstance(self.step, Step):
            notes += f", grad_fn=<{self.step.op.name}>"
        elif self.step is not None:
            notes += ", requires_grad=True"
        return f"tensor({text}{notes})"

    def __reduce__(self) -> Any:
        raise TypeError("tensors are not pickled, for a pickle can run code; use research.save(…) and research.load(…)")

    # gradients ------------------------------------------------------------------------------------------------------
    @property
    def requires_grad(self) -> bool:
        return self.step is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for a gradient. Raises RuntimeError on a dtype that has none, or to take it off a computed tensor."""
        if requires_grad and not is_float(self.dtype):
            raise RuntimeError(f"only tensors of floats can require gradients; got {spec_of(self.array)}")
        if not requires_grad and isinstance(self.step, Step):
            raise RuntimeError("only a leaf can stop requiring its gradient; use tensor.detach()")
        if not requires_grad:
            self.step = None
        elif self.step is None:
            self.step = Leaf(self)
        return self

    @property
    def is_leaf(self) -> bool:
        return not isinstance(self.step, Step)

    @property
    def data(self) -> Tensor:
        """The same values, without history: changing them in place is not recorded."""
        return _wrap(self.array)

    @data.setter
    def data(self, value: Any) -> None:
        self.array = value.array if isinstance(value, Tensor) else _as_array(value)

    def detach(self) -> Tensor:
        """The same values, without history."""
        same = _wrap(self.array)
        same.version = self._changes()
        return same

    def _changes(self) -> list[int]:
        """The count of changes in place, which starts when somebody first asks."""
        if self.version is None:
            self.version = [0]
        return self.version

    def clone(self) -> Tensor:
        """A copy that passes gradients on."""
        return self * 1 if self.requires_grad else _wrap(self.array.copy())

    def _forget_grad(self, set_to_none: bool) -> None:
        """No gradient any more, or one of zeros."""
        self.grad = None if set_to_none or self.grad is None else _wrap(self.grad.array * 0)

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Accumulate the gradient of this value in `.grad` of every leaf; needs `gradient` unless it is a scalar."""
        from research.backward import backward

        backward(self, gradient, retain_graph, create_graph)

    # in place -------------------------------------------------------------------------------------------------------
    def _become(self, result: Tensor) -> Tensor:
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
        if self.version is not None:
            self.version[0] += 1

    def copy_(self, source: Any) -> Tensor:
        source = source if isinstance(source, Tensor) else _wrap(_as_array(source))
        return self._become(ops.expand(source, shape=self.shape))

    def fill_(self, value: float) -> Tensor:
        return self._become(_wrap(array_module((self.array,)).full_like(self.array, value)))

    def zero_(self) -> Tensor:
        return self.fill_(0)

    def __setitem__(self, index: Any, value: Any) -> None:
        if is_grad_enabled() and (self.step is not None or getattr(value, "step", None) is not None):
            raise RuntimeError("assigning into a tensor with history is not recorded; use research.where, or no_grad()")
        self._write(value.array if isinstance(value, Tensor) else value, index)

    # elsewhere ------------------------------------------------------------------------------------------------------
    def to(self, target: Any) -> Tensor:
        """On another device (`"cuda:0"`) or with another dtype (`research.float64`); itself when nothing changes."""
        if isinstance(target, Device) or (isinstance(target, str) and target.partition(":")[0] in ("cpu", "cuda")):
            device = target if isinstance(target, Device) else Device(target)
            return self if device == self.device else _wrap(device.put(self.array))
        dtype = dtype_named(target)
        return self if dtype == self.dtype else ops.cast(self, dtype=dtype.name)

    def cpu(self) -> Tensor:
        return self.to("cpu")

    def cuda(self) -> Tensor:
        return self.to("cuda")


def _as_array(data: Any) -> Any:
    """Anything as an array; Python floats become float32, as PyTorch's default dtype says."""
    if hasattr(data, "__cuda_array_interface__") or type(data) is np.ndarray:
        return data
    if isinstance(data, Tensor):
        return data.array
    array = np.asarray(data)
    if array.dtype.kind not in "biuf" and not is_float(array.dtype):
        raise TypeError(f"a tensor holds numbers; got {type(data).__name__}, which NumPy reads as {array.dtype}")
    given = hasattr(data, "dtype")
    return array.astype(np.float32) if array.dtype == np.float64 and not given else array


def _as_operand(data: Any) -> Any:
    """What an op takes beside tensors: NumPy's numbers give way as Python's do, all else is an array."""
    return data.item() if isinstance(data, np.generic) else _as_array(data)


def _beside(listener: Tensor, op: Op, a: Any) -> Any:
    """What stands beside tensors, for an op."""
    refuse_other_world(op, listener, a)
    return _as_operand(a)


def _record(op: Op, args: tuple, arrays: list, attrs: dict, specs: Any, outs: tuple[Tensor, ...]) -> None:
    """Make these results remember the op: a step, with what its gradient rule needs."""
    first = outs[0].array
    if not is_float(first.dtype):
        return
    if specs is None:  # all that came has the shape of the result, or what has not is to be known
        shape = first.shape
        for a in arrays:
            if type(a) is ndarray and a.shape != shape:
                specs = tuple(map(spec_of, arrays))
                break
    step = _new_step(Step)
    step.op, step.attrs, step.input_specs, step.order, step.pattern = op, attrs, specs, next_order(), None
    step.parents = [(a.step, a.index) if isinstance(a, Tensor) and a.step is not None else None for a in args]
    saved: list[Any] = []
    step.saved = saved
    for _, is_output, at in op.kept:
        if is_output:
            saved.append(_saved(outs[at]))
        elif type(at) is slice:
            saved.append([_saved(a) if isinstance(a, Tensor) else b for a, b in zip(args[at], arrays[at], strict=True)])
        else:
            a = args[at]
            saved.append(_saved(a) if isinstance(a, Tensor) else arrays[at])
    outs[0].step = step
    if op.takes_every_gradient:
        for i, t in enumerate(outs):
            if is_float(t.dtype):
                t.step, t.index = step, i


def _saved(tensor: Tensor) -> Saved:
    changes = tensor.version
    if changes is None:
        changes = tensor.version = [0]
    return tensor.array, tensor.step, tensor.index, changes, changes[0]


def _wrap(array: Any) -> Tensor:
    """A Tensor around an array that is one already."""
    tensor = _new(Tensor)
    tensor.array = array
    return tensor


_new, _new_step = Tensor.__new__, Step.__new__


@contextlib.contextmanager
def observe(observer: Callable[[Op, tuple], None]) -> Iterator[None]:
    """Call observer(op, results) after each op on tensors inside the block."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)
