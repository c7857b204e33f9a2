"""What the process is told before NumPy loads: how idle threads wait.

Loaded first of all, by `shared_ops` itself; OpenBLAS and OpenMP read their settings only as they load.
"""

from __future__ import annotations

import os

# OpenBLAS's idle threads are to sleep soon: in turns with Numba's, they made a chain of kernels 3.4 times slower.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
os.environ.setdefault("GOMP_SPINCOUNT", "100000")
