"""Research: graphs that are built while they run. PyTorch's names and behaviour: `import research as torch`."""

import shared_ops  # isort: skip - it tells OpenBLAS how to share the cores, before NumPy loads that
import numpy as _np

from research import amp, autograd, cuda, data, eager, linalg, nn, optim, profiler, utils
from research.amp import autocast
from research.autograd import Variable
from research.creation import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    tensor,
    tril_indices,
    triu_indices,
    zeros,
    zeros_like,
)
from research.draw import draw
from research.functions import *  # noqa: F403 - the functions under torch, listed in their file
from research.grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from research.nn import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from research.profiler import profile
from research.random import (
    Generator,
    bernoulli,
    default_generator,
    get_rng_state,
    manual_seed,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    set_rng_state,
)
from research.serialization import LoadError, load, save
from research.tensor import Tensor
from shared_ops.device import Device as device

float16, bfloat16 = _np.dtype("float16"), _np.dtype("bfloat16")
float32, float64 = _np.dtype("float32"), _np.dtype("float64")
half, double = float16, float64
uint8, int8, int16 = _np.dtype("uint8"), _np.dtype("int8"), _np.dtype("int16")
int32, int64, bool_ = _np.dtype("int32"), _np.dtype("int64"), _np.dtype("bool")
long, complex64 = int64, _np.dtype("complex64")
finfo, iinfo = _np.finfo, _np.iinfo
pi, inf, nan = _np.pi, _np.inf, _np.nan
float, int, bool = float32, int32, bool_
set_detect_anomaly = autograd.set_detect_anomaly
