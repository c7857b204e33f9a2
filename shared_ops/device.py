"""Device: where arrays live. NumPy on `cpu`, CuPy on `cuda:N`, behind one object."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np


class DeviceError(RuntimeError):
    """A device was asked for that this machine or this installation does not have."""


def array_module(arrays: Iterable[Any]) -> ModuleType:
    """cupy when one of the arrays lives on a GPU, else numpy."""
    cupy = sys.modules.get("cupy")  # nobody can hold a CuPy array who has not imported cupy
    if cupy is not None and any(isinstance(a, cupy.ndarray) for a in arrays):
        return cupy
    return np


@dataclass(frozen=True)
class Device:
    """`Device("cpu")`, `Device("cuda")` or `Device("cuda:1")`, spelled as PyTorch spells them.

    Raises DeviceError, in words, for a GPU that is not there.
    """

    name: str = "cpu"

    def __post_init__(self) -> None:
        kind, _, index = self.name.partition(":")
        if kind not in ("cpu", "cuda") or (index and (kind == "cpu" or not index.isdigit())):
            raise DeviceError(f"a device is 'cpu', 'cuda' or 'cuda:N'; got {self.name!r}")
        if kind == "cuda":
            count = _gpu_count(self.name)
            if int(index or 0) >= count:
                raise DeviceError(f"device {self.name!r} was asked for; this machine has {count} GPU(s): use 'cpu'")

    @property
    def is_cpu(self) -> bool:
        return self.name == "cpu"

    @property
    def index(self) -> int:
        return int(self.name.partition(":")[2] or 0)

    @property
    def xp(self) -> ModuleType:
        """The array module: numpy or cupy."""
        return np if self.is_cpu else _cupy(self.name)

    def put(self, array: Any) -> Any:
        """The array on this device; no copy when it is there already."""
        if self.is_cpu:
            return to_host(array)
        with self.xp.cuda.Device(self.index):
            return self.xp.asarray(array)

    def synchronize(self) -> None:
        """Wait until all work given to this device is done."""
        if not self.is_cpu:
            self.xp.cuda.Device(self.index).synchronize()

    def __str__(self) -> str:
        return self.name


CPU = Device("cpu")


def device_of(array: Any) -> Device:
    """The device an array lives on."""
    return CPU if array_module((array,)) is np else Device(f"cuda:{array.device.id}")


def to_host(array: Any) -> np.ndarray:
    """The array as NumPy's; copied only when it lives on a GPU."""
    return array.get() if array_module((array,)) is not np else np.asarray(array)


def synchronize(arrays: Iterable[Any]) -> None:
    """Wait until these are computed: on a GPU a call returns before."""
    for device in {device_of(a) for a in arrays} - {CPU}:
        device.synchronize()


def is_view(array: Any) -> bool:
    """Whether the elements belong to another array."""
    return isinstance(array.base, type(array))


def _cupy(asked: str) -> ModuleType:
    try:
        import cupy
    except ImportError as error:
        raise DeviceError(
            f"device {asked!r} needs CuPy: pip install cupy-cuda13x (or cupy-cuda12x), or use 'cpu'"
        ) from error
    return cupy


def _gpu_count(asked: str) -> int:
    runtime = _cupy(asked).cuda.runtime
    try:
        return runtime.getDeviceCount()
    except runtime.CUDARuntimeError:  # no driver on this machine
        return 0
