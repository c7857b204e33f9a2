"""torch.cuda's names: is there a GPU, and the old tensor types."""

from __future__ import annotations

import numpy as np

from shared_ops.device import Device, DeviceError

FloatTensor, DoubleTensor, LongTensor = np.float32, np.float64, np.int64


def is_available() -> bool:
    """Whether CuPy is installed and sees a GPU."""
    try:
        Device("cuda")
    except DeviceError:
        return False
    return True


def synchronize() -> None:
    """Wait until all work given to the current GPU is done."""
    Device("cuda").synchronize()
