"""Placed: where a tensor's array lies, and how other libraries see it."""

from __future__ import annotations

from typing import Any

import numpy as np

from research.grad_mode import is_grad_enabled
from research.tape import Step
from shared_ops import ops
from shared_ops.device import Device, device_of, to_host
from shared_ops.methods import _sizes
from shared_ops.operators import Operators
from shared_ops.spec import dtype_named


class Placed(Operators):
    """A tensor's array, on its device, in its layout, with its dtype."""

    array: Any
    step: Any
    requires_grad: Any
    clone: Any

    @staticmethod
    def _of(array: Any) -> Any:
        raise NotImplementedError

    @property
    def device(self) -> Device:
        return device_of(self.array)

    def to(self, *target: Any, device: Any = None, dtype: Any = None, copy: bool = False, **_: Any) -> Any:
        """On another device (`"cuda:0"`) and with another dtype (`research.float64`), or as another tensor is.

        Itself when nothing changes, unless `copy`.
        """
        for wanted in target:
            if isinstance(wanted, Placed):
                device, dtype = wanted.device, wanted.dtype
            elif isinstance(wanted, Device) or (
                isinstance(wanted, str) and wanted.partition(":")[0] in ("cpu", "cuda")
            ):
                device = wanted
            elif not isinstance(wanted, bool):  # torch's third one is non_blocking
                dtype = wanted
        same = self
        if device is not None:
            device = device if isinstance(device, Device) else Device(device)
            same = same if device == same.device else same._moved(device)
        if dtype is not None and dtype_named(dtype) != same.dtype:
            same = ops.cast(same, dtype=dtype_named(dtype).name)
        return same.clone() if copy and same is self else same

    def type(self, dtype: Any = None) -> Any:
        """With another dtype; without one, the name of its own."""
        return self.dtype.name if dtype is None else self.to(dtype=dtype)

    def cpu(self) -> Any:
        return self.to("cpu")

    def cuda(self, device: Any = None) -> Any:
        return self.to("cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device)

    @property
    def is_cuda(self) -> bool:
        return not self.device.is_cpu

    def contiguous(self) -> Any:
        """Itself, or a copy in row-major order."""
        return self if self.is_contiguous() else self.clone()

    def is_contiguous(self) -> bool:
        return bool(self.array.flags.c_contiguous)

    def stride(self, dim: int | None = None) -> Any:
        """Per axis, how many elements apart neighbours lie."""
        steps = tuple(n // self.array.itemsize for n in self.array.strides)
        return steps if dim is None else steps[dim]

    def element_size(self) -> int:
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        return self.array.nbytes

    def _moved(self, device: Device) -> Any:
        """The values on another device. Raises RuntimeError where that would lose history on the way."""
        if isinstance(self.step, Step) and is_grad_enabled():
            raise RuntimeError("a computed tensor is not moved with its history; move the inputs, or detach() it")
        return self._of(device.put(self.array))

    # more like it ---------------------------------------------------------------------------------------------------
    def new_tensor(self, data: Any, dtype: Any = None) -> Any:
        """Data in the dtype and on the device of this one."""
        return self._of(data).to(device=self.device, dtype=dtype or self.dtype)

    def new_full(self, size: Any, fill_value: Any, dtype: Any = None) -> Any:
        """One value everywhere, in the dtype and on the device of this one."""
        return self.new_tensor(np.full(tuple(size), fill_value), dtype)

    def new_zeros(self, *size: Any, dtype: Any = None) -> Any:
        return self.new_full(_sizes(size), 0, dtype)

    def new_ones(self, *size: Any, dtype: Any = None) -> Any:
        return self.new_full(_sizes(size), 1, dtype)

    new_empty = new_zeros

    # for other libraries ----------------------------------------------------------------------------------------------
    def numpy(self) -> np.ndarray:
        """The array itself on the CPU, no copy. Raises RuntimeError when it requires a gradient, as PyTorch does."""
        if self.requires_grad:
            raise RuntimeError("numpy() would lose this tensor's gradient; say tensor.detach().numpy()")
        return to_host(self.array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        return array.astype(dtype) if dtype is not None and array.dtype != dtype else array.copy() if copy else array

    def __dlpack__(self, **wanted: Any) -> Any:
        """The array for another library, without a copy: `torch.from_dlpack(tensor)`."""
        if self.requires_grad:
            raise BufferError("another library would lose this tensor's gradient; hand over tensor.detach()")
        return self.array.__dlpack__(**wanted)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()
