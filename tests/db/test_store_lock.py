"""One owner at a time, between processes and within one, whatever way it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from db import Store, StoreLocked, Writer
from db.lock import Lock, lock_path, owner

OWNER = """
import sys, time
from db import Writer
writer = Writer(sys.argv[1])
print("owns", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other(path: Path):
    """Another process that owns the store."""
    process = subprocess.Popen([sys.executable, "-c", OWNER, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "owns\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_owner_is_told_the_first_ones_pid(path: Path, other: subprocess.Popen) -> None:
    began = time.monotonic()
    with pytest.raises(StoreLocked, match=f"is owned by process {other.pid} .*one process writes at a time"):
        Writer(path, lock_timeout_s=0.3)
    assert 0.3 <= time.monotonic() - began < 3
    assert Store(path).runs() == [], "readers do not need the lock"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_dies_with_its_owner(path: Path, other: subprocess.Popen, how: signal.Signals) -> None:
    other.send_signal(how)
    other.wait()
    with Writer(path, lock_timeout_s=0.0) as writer:
        writer.create_run("digits", {}, {})


def test_who_waits_gets_it_when_it_is_free(path: Path, other: subprocess.Popen) -> None:
    threading.Timer(0.3, other.kill).start()
    Writer(path, lock_timeout_s=10.0).close()


def test_two_owners_within_one_process(path: Path) -> None:
    with Writer(path), pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        Writer(path, lock_timeout_s=0.0)
    Writer(path, lock_timeout_s=0.0).close()


def test_a_link_to_the_store_is_the_same_store(path: Path, tmp_path: Path) -> None:
    with Writer(path):
        link = tmp_path / "link.db"
        link.symlink_to(path)
        with pytest.raises(StoreLocked):
            Writer(link, lock_timeout_s=0.0)


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lockstep.db", 0.0)
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    try:
        os.read(ready[0], 1)
        lock.release()
        Lock(tmp_path / "lockstep.db", 0.0).release()
    finally:
        os.write(done[1], b"x")
        os.waitpid(child, 0)
        for end in (*ready, *done):
            os.close(end)


def test_a_refused_owner_leaves_the_signature_of_the_first(tmp_path: Path) -> None:
    store = tmp_path / "lockstep.db"
    with Lock(store):
        before = owner(store)
        with pytest.raises(StoreLocked):
            Lock(store, 0.0)
        assert owner(store) == before
        assert before is not None
        assert before["pid"] == os.getpid()
    assert owner(store) is None


def test_a_lock_file_with_rubbish_is_no_obstacle(path: Path) -> None:
    path.parent.mkdir()
    lock_path(path).write_bytes(b"\xff rubbish")
    assert owner(path) is None
    Writer(path, lock_timeout_s=0.0).close()


def test_a_writer_that_could_not_open_gives_the_lock_back(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database, but long enough to look at" * 100)
    for _ in range(2):
        with pytest.raises(Exception, match="not an SQLite database"):
            Writer(path, lock_timeout_s=0.0)


def test_many_first_readers_make_one_store(path: Path) -> None:
    code = "import sys; from db import Store; print(len(Store(sys.argv[1]).runs()))"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate()[0] for process in processes] == ["0\n"] * 3
