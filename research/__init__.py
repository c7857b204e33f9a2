"""Research: graphs that are built while they run. PyTorch's names and behaviour: `import research as torch`."""

import shared_ops  # isort: skip - it tells OpenBLAS how to share the cores, before NumPy loads that
import numpy as _np

from research import autograd, cuda, data, eager, nn, optim
from research.autograd import Variable
from research.creation import (
    arange,
    as_tensor,
    eye,
    from_numpy,
    full,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from research.functions import *  # noqa: F403 - the functions under torch, listed in their file
from research.grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from research.nn import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from research.random import Generator, default_generator, manual_seed, rand, randint, randn, randperm
from research.serialization import LoadError, load, save
from research.tensor import Tensor

float16, bfloat16 = _np.dtype("float16"), _np.dtype("bfloat16")
float32, float64 = _np.dtype("float32"), _np.dtype("float64")
int32, int64, bool_ = _np.dtype("int32"), _np.dtype("int64"), _np.dtype("bool")
