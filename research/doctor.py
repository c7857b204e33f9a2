"""What this machine has for Lockstep, and its kernels compiled ahead of their first use."""

from __future__ import annotations

import importlib.util
import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from research import cuda


def findings() -> dict[str, Any]:
    """What there is, by name; `problems` says in words what would make work slow or wrong."""
    from shared_ops.kernels import gemm, threads
    from shared_ops.kernels.formula import cache_folder

    problems = []
    if not threads.PARALLEL:
        problems.append(
            "Numba finds neither OpenMP nor TBB, so kernels use one core: install libgomp1, or pip install tbb"
        )
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": version("numba"),
        "processor": platform.processor() or platform.machine(),
        "cores": gemm.CORES,
        "threads by": threads.layer_in_use(),
        "kernels in": str(cache_folder()),
        "gpu": "found by CuPy" if cuda.is_available() else _no_gpu(),
        "problems": problems,
    }


def _no_gpu() -> str:
    return "none that CuPy can use" if importlib.util.find_spec("cupy") else "not looked for: CuPy is not installed"
