"""Fast forms of dropout for float32: mask, product and scale in one pass over the random bits."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from shared_ops.dropout import drawn_bits, kept_share, threshold_of
from shared_ops.kernels.loops import CHUNK, SERIAL_BELOW
from shared_ops.kernels.planes import COMPILED
from shared_ops.kernels.scalar import f4
from shared_ops.random import next_state

FLOAT32 = np.dtype("float32")
