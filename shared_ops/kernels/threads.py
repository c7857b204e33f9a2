"""How kernels share the processor's cores: one threading layer, and thread pools that do not fight.

OpenBLAS and OpenMP threads spin while they wait for work, each in the other's way; `shared_ops/__init__.py` makes them
sleep soon. Numba runs on OpenMP where it can (a call into its own pool, `workqueue`, costs 20 times as much, and two
Python threads may not use that one at once).
"""

from __future__ import annotations

import importlib
import os

from numba import config

LAYERS = ("omp", "tbb")


def _usable(layer: str) -> bool:
    try:
        importlib.import_module(f"numba.np.ufunc.{layer}pool")
    except ImportError:
        return False
    return True


# A layer that someone asked for by Numba's own variable stays.
PARALLEL = True
if "NUMBA_THREADING_LAYER" not in os.environ:
    layer = next(filter(_usable, LAYERS), None)
    PARALLEL = layer is not None  # with neither, kernels stay on one thread
    if layer is not None:
        config.THREADING_LAYER = layer


def layer_in_use() -> str:
    """What Numba's threads run on, in words."""
    return os.environ.get("NUMBA_THREADING_LAYER") or (config.THREADING_LAYER if PARALLEL else "one thread")
