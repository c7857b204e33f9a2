"""The op table that both worlds stand on: every op once, as a kernel, a spec rule and a gradient rule.

`from shared_ops import ops` gives every op by name. Called on arrays an op computes; called on a research `Tensor`
or a production `Node` it asks that argument what to do.
"""

import os

# Idle threads of OpenBLAS and OpenMP spin, in the way of each other's, unless told to sleep soon: matrix products and
# kernels in turns ran 3.4 times slower than apart. Both libraries read this as they load, so it stands before NumPy.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
os.environ.setdefault("GOMP_SPINCOUNT", "100000")
