"""A home of its own for these tests, with a real keeper, a real local Ray and a real SQLite store."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import Run
from workers import cluster
from workers.experiment import Experiment
from workers.launch import launch, wait

DIGITS = """
name: tiny
data: {source: digits}
net: [Flatten, {Linear: [64, 16]}, ReLU, {Linear: [16, 10]}]
epochs: 2
"""


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """$LOCKSTEP_HOME for all tests of this folder; whatever keeper they started is ended by its pid."""
    folder = tmp_path_factory.mktemp("lockstep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCKSTEP_HOME", str(folder))
        patch.delenv("LOCKSTEP_RAY_ADDRESS", raising=False)
        yield folder
        end_keeper()
        shutil.rmtree(cluster.short_dir(), ignore_errors=True)


@pytest.fixture(scope="package")
def finished(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the tiny spec that finished."""
    path = tmp_path_factory.mktemp("finished") / "tiny.yaml"
    path.write_text(DIGITS)
    return wait(launch(Experiment.from_yaml(path)), timeout_s=60)


def end_keeper(number: int = signal.SIGTERM) -> None:
    """Ends the keeper of the present home and waits until it is gone."""
    keeper = cluster.running_keeper()
    if keeper is None:
        return
    os.kill(keeper.pid, number)
    deadline = time.monotonic() + 20
    while keeper.is_alive and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not keeper.is_alive


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    """A small spec that trains in under a second."""
    path = tmp_path / "tiny.yaml"
    path.write_text(DIGITS)
    return path
