"""Tensor: an array that remembers how it was made."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from research import hooks
from research.grad_mode import _mode
from research.in_place import Writable
from research.intercept import wrappers
from research.tape import Leaf, Saved, Step, next_order
from shared_ops.device import to_host
from shared_ops.op import NUMBERS, Op, refuse_other_world
from shared_ops.spec import is_float, spec_of


class Tensor(Writable):
    """An n-dimensional array on CPU or GPU that can require a gradient. `tensor.array` is the raw array."""

    world = "research"

    array: Any
    step: Step | Leaf | None = None
    index: int = 0  # which of the step's outputs it is
    grad: Tensor | None = None
    version: list[Any] | None = None  # how often the array was written into; shared by all that `detach` made of it

    def __init__(self, data: Any, requires_grad: bool = False):
        self.array = data.array if isinstance(data, Tensor) else _as_array(data)
        if requires_grad:
            self.requires_grad_()

    @staticmethod
    def _of(array: Any) -> Tensor:
        """A tensor around an array, or around what becomes one."""
        return _wrap(_as_array(array))

    def __apply_op__(self, op: Op, args: tuple, attrs: dict[str, Any], depth: int | None = None) -> Any:
        """The op on these, recorded; through the `wrappers`, of which `depth` are still to be asked."""
        if wrappers and depth != 0:
            left = len(wrappers) - 1 if depth is None else depth - 1
            return wrappers[left](lambda op, args, attrs: self.__apply_op__(op, args, attrs, left), op, args, attrs)
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

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    __index__ = __int__

    def __complex__(self) -> complex:
        return complex(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.array.ndim == 0 else repr(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A copy of a leaf. Raises RuntimeError for a computed tensor, whose history cannot be copied."""
        if not self.is_leaf:
            raise RuntimeError("only leaves are deep-copied, for a copy has no history; use tensor.detach() or clone()")
        copy = _new(type(self))
        copy.array = self.array.copy()
        copy.requires_grad_(self.requires_grad)
        if self.grad is not None:
            copy.grad = self.grad.__deepcopy__(memo)
        memo[id(self)] = copy
        return copy

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
    def grad_fn(self) -> Step | None:
        """The step that made it, or None for a leaf."""
        return self.step if isinstance(self.step, Step) else None

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

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> hooks.RemovableHandle:
        """Call hook(gradient) each time this tensor's gradient is computed; what it returns takes its place."""
        if self.step is None:
            raise RuntimeError(
                f"a hook needs a tensor that requires a gradient; got {spec_of(self.array)}, which does not"
            )
        return hooks.add(self.step, self.index, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> hooks.RemovableHandle:
        """Call hook(tensor) after each time that backward has added to this leaf's `.grad`."""
        if not isinstance(self.step, Leaf):
            raise RuntimeError("only a leaf that requires its gradient accumulates one")
        return hooks.add_after(self.step, hook)

    def retain_grad(self) -> None:
        """Keep `.grad` of a tensor that is no leaf, too."""
        if self.is_leaf:
            return

        def keep(gradient: Tensor, kept: Any = weakref.ref(self)) -> None:
            tensor = kept()
            if tensor is not None:
                tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient

        self.register_hook(keep)

    def _forget_grad(self, set_to_none: bool) -> None:
        """No gradient any more, or one of zeros."""
        self.grad = None if set_to_none or self.grad is None else _wrap(self.grad.array * 0)

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Accumulate the gradient of this value in `.grad` of every leaf; needs `gradient` unless it is a scalar."""
        from research.backward import backward

        backward(self, gradient, retain_graph, create_graph)


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
