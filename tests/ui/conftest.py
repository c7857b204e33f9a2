"""A home of its own for each test: empty, with made-up runs, or with a run that was really trained."""

import os
import shutil
import signal
import time

import filled_stores
import pytest

import db


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty $LOCKSTEP_HOME."""
    monkeypatch.setenv("LOCKSTEP_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def runs(home):
    """Four finished runs: digits-mlp-1, digits-cnn-1, digits-mlp-2, digits-mlp-3; their ids."""
    return filled_stores.fill(home / "lockstep.db")


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory):
    """A store with one trained digit classifier and its checkpoint; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("trained")
    with db.Writer(folder / "lockstep.db") as writer:
        filled_stores.train_run(writer, folder / "runs")
    return folder


@pytest.fixture
def trained(home, trained_home):
    """A home with the trained run; its id."""
    for file in trained_home.glob("lockstep.db*"):
        shutil.copy(file, home)
    return db.Store().runs()[0].id


@pytest.fixture
def promoted(trained):
    """A home in which that run is version 1 of the model `digits`, alias production."""
    from workers.promotion import promote

    return promote(trained, "digits", "production")


@pytest.fixture(scope="session")
def live_home(tmp_path_factory):
    """A home with a keeper for all tests that really launch; the keeper is ended by its pid."""
    from workers import cluster

    folder = tmp_path_factory.mktemp("live")
    yield folder
    keeper = cluster.running_keeper(folder)
    if keeper is None:
        return
    os.kill(keeper.pid, signal.SIGTERM)
    deadline = time.monotonic() + 20
    while keeper.is_alive and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not keeper.is_alive
