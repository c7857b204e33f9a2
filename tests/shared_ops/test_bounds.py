"""Kernels read and write nowhere outside their arrays: the case table once more, with Numba's bounds checks on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cases import CASES
from shared_ops.kernels.expressions import EXPRESSIONS

HERE = Path(__file__).parent


@pytest.mark.timeout(900)  # it compiles every kernel
def test_every_fast_form_stays_inside_its_arrays(tmp_path):
    """In a process and a cache of its own, for the checks are compiled into the kernels.

    Elementwise kernels get pointers and a count, of which Numba knows no bounds; test_drawn_inputs has those.
    """
    checks = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path), "LOCKSTEP_CACHE": str(tmp_path / "formulas")}
    indexed = " or ".join(f"[{name}-" for name in CASES if name not in EXPRESSIONS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        str(HERE / "test_fast_kernels.py"),
        "-k",
        indexed,
    ]
    run = subprocess.run(
        command, cwd=HERE.parents[1], env={**os.environ, **checks}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-3000:]
