"""Where a run ran: enough to say later why two runs differ."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("lockstep", "numpy", "numba", "cupy-cuda12x", "cupy-cuda13x", "ray", "scikit-learn", "safetensors")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def environment(code_dir: str | None) -> dict[str, Any]:
    """Plain values: code, packages, Python, machine, threads."""
    return {
        "git": git_state(code_dir),
        "packages": versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "cpus": os.cpu_count(),
        "threads": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        "blas": blas(),
    }


def versions() -> dict[str, str]:
    """Version of each package that is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_state(code_dir: str | None) -> dict[str, Any] | None:
    """{commit, changed: whether files differ from it} of the folder; None outside of git."""
    if not code_dir or not Path(code_dir).is_dir():
        return None
    commit = _git(code_dir, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {
        "commit": commit,
        "changed": bool(_git(code_dir, "status", "--porcelain", "--untracked-files=no", "--", ".")),
    }


def _git(folder: str, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def blas() -> list[str]:
    """`openblas 0.3.29, 1 threads`: the libraries that multiply matrices in this process."""
    try:
        from threadpoolctl import threadpool_info  # type: ignore[import-untyped]
    except ImportError:
        return []
    return [f"{pool['internal_api']} {pool['version']}, {pool['num_threads']} threads" for pool in threadpool_info()]
