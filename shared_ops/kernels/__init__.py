"""Fast forms of ops for CPUs, in Numba: the module `kernels.norm` has those of the ops in `norm`, in `KERNELS`.

A fast form takes NumPy arrays and numbers as the op does, and answers NotImplemented for what it is not made for, which
the op's plain NumPy kernel then does. It is loaded at the first call of an op of its family. `LOCKSTEP_KERNELS=numpy`
turns them all off.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from shared_ops.files import write_atomically


def drop_stale_code() -> None:
    """Delete compiled kernels if a source here has changed since: Numba looks at a kernel's own file only,

    while a kernel contains the code of the helpers that it calls.
    """
    folder = Path(__file__).parent
    stamp, sources = folder / "__pycache__" / "kernels.sha256", sorted(folder.glob("*.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest().encode()
    with contextlib.suppress(OSError):  # an installation that cannot be written to keeps no compiled code there
        if stamp.exists() and stamp.read_bytes() == digest:
            return
        stamp.parent.mkdir(exist_ok=True)
        for compiled in [*stamp.parent.glob("*.nbi"), *stamp.parent.glob("*.nbc")]:
            compiled.unlink(missing_ok=True)
        write_atomically(stamp, digest)


drop_stale_code()
