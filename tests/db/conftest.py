"""Real stores in real files."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import Store, Writer

ORDINARY_UID = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "lockstep.db"


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with nothing in it: copying one is faster than migrating one for every test."""
    path = tmp_path_factory.mktemp("new") / "lockstep.db"
    Writer(path).close()
    return path


@pytest.fixture
def writer(path: Path, new_store: Path) -> Iterator[Writer]:
    path.parent.mkdir()
    shutil.copy(new_store, path)
    with Writer(path) as writer:
        yield writer


@pytest.fixture
def store(writer: Writer) -> Store:
    return Store(writer.path)


@pytest.fixture
def run_id(writer: Writer) -> str:
    """A running run."""
    run_id = writer.create_run("digits", {"epochs": 3}, {"lr": 0.1})
    writer.update_run(run_id, state="running")
    return run_id


@pytest.fixture
def ordinary_user(tmp_path: Path) -> Iterator[None]:
    """Act as a user whom permissions bind, even where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    import alembic.command  # noqa: F401 what is imported on the way may lie where only root can read

    opened = [folder for folder in tmp_path.parents if folder.stat().st_uid == 0 and folder.name.startswith("pytest-")]
    modes = {folder: folder.stat().st_mode for folder in [tmp_path, *opened]}
    for folder in modes:
        folder.chmod(0o755)
    os.chown(tmp_path, ORDINARY_UID, -1)
    os.seteuid(ORDINARY_UID)
    try:
        yield
    finally:
        os.seteuid(0)
        for folder, mode in modes.items():
            folder.chmod(mode & 0o777)
