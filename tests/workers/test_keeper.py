"""The keeper: one of it, found by all; and what holds when it is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import end_keeper
from test_launch import under_way, until, with_module

from db import Journal, NewerStore, Store
from workers import cluster, keeper
from workers.experiment import Experiment
from workers.launch import launch, stop, wait
from workers.line import KeeperGone
from workers.writing import writing


@pytest.fixture
def fresh_home(tmp_path, monkeypatch):
    """A home of its own: what happens to its keeper is no matter to the other tests."""
    monkeypatch.setenv("LOCKSTEP_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    end_keeper(signal.SIGKILL)
    shutil.rmtree(cluster.short_dir(), ignore_errors=True)


ASK = "from workers.cluster import ensure_keeper; print(ensure_keeper().pid)"


def test_many_ask_at_once_and_get_one_keeper_and_its_death_loses_nothing(fresh_home, tmp_path):
    asking = [subprocess.Popen([sys.executable, "-c", ASK], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    pids = {process.communicate(timeout=90)[0].strip() for process in asking}
    assert len(pids) == 1
    assert cluster.running_keeper().pid == int(pids.pop())

    run_id = launch(with_module(tmp_path))
    run = until(lambda: (run := under_way(run_id)).environment and run)
    end_keeper(signal.SIGKILL)
    assert cluster.running_keeper() is None
    until(lambda: _is_gone(run.environment["pid"]))  # Ray's processes die with the keeper
    stop(run_id)  # nobody is there: it writes the store itself
    with writing() as writer:
        assert writer.reap(stale_after_s=0.1) == [run_id]
    journal = [event for event in Journal.read(run.run_dir / "journal.jsonl") if event["kind"] == "metric"]
    ended = Store().run(run_id)
    assert (ended.state, ended.stop_requested) == ("failed", True)
    assert sum(len(series.steps) for series in Store().metrics(run_id).values()) == len(journal)


HEAD = """
import sys, time, ray
found = ray.init(address="local", num_cpus=4, include_dashboard=False, object_store_memory=10**8, _temp_dir=sys.argv[1])
print(found.address_info["address"], flush=True)
time.sleep(120)
"""


def test_the_same_spec_runs_on_a_cluster_that_is_already_up(fresh_home, monkeypatch, spec_file):
    for name, value in {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "ab" * 32, "RAY_USAGE_STATS_ENABLED": "0"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    folder = cluster.short_dir() / "head"
    command = [sys.executable, "-c", HEAD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as head:
        try:
            monkeypatch.setenv("LOCKSTEP_RAY_ADDRESS", head.stdout.readline().strip())
            run = wait(launch(Experiment.from_yaml(spec_file, ["workers=2"])), timeout_s=60)
            assert (run.state, run.message) == ("finished", "")
            assert cluster.running_keeper().address == os.environ["LOCKSTEP_RAY_ADDRESS"]
            end_keeper()
        finally:
            head.kill()


def _is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_file_left_by_a_dead_keeper_counts_for_nothing(fresh_home):
    fresh_home.mkdir()
    assert cluster.running_keeper() is None
    cluster.write_cluster_file(cluster.Keeper("127.0.0.1:1", os.getpid(), 12.0, "lockstep", "/nowhere"))
    assert cluster.running_keeper() is None  # the pid lives, but it is another process's by now
    cluster.cluster_file().write_text('{"address": ')
    assert cluster.running_keeper() is None
    cluster.write_cluster_file(cluster.Keeper("", os.getpid(), cluster.own_birth(), "", "/nowhere"))
    with pytest.raises(KeeperGone, match="did not answer"):
        cluster.running_keeper().ask("next_version", "m")
    cluster.cluster_file().unlink()


def test_dead_clients_do_not_count(fresh_home):
    assert cluster.living_clients() == 0
    cluster.register_client()
    cluster.register_client()
    (cluster.clients_dir() / "1").write_text("12.0")
    (cluster.clients_dir() / "7777777").write_text("12.0")
    (cluster.clients_dir() / "2").write_text("")
    assert cluster.living_clients() == 1
    assert {card.name for card in cluster.clients_dir().iterdir()} == {"2", str(os.getpid())}


def test_it_ends_when_nobody_needs_it(fresh_home, monkeypatch):
    monkeypatch.setattr(keeper, "IDLE_EXIT_S", 0.3)
    monkeypatch.setattr(keeper, "TEND_EVERY_S", 0.02)
    fresh_home.mkdir()

    class NoRay:
        active = 1

        def __getattr__(self, name):
            return self

        def remote(self):
            return self

        def get(self, call, timeout):
            return self.active

    ray, card = NoRay(), cluster.Keeper("", os.getpid(), cluster.own_birth(), "", "")
    cluster.write_cluster_file(card)
    thread = threading.Thread(target=keeper._tend, args=(threading.Event(), ray, ray, card))
    thread.start()
    thread.join(0.6)
    assert thread.is_alive()  # a run is active
    cluster.register_client()
    ray.active = 0
    thread.join(0.6)
    assert thread.is_alive()  # a client is there
    (cluster.clients_dir() / str(os.getpid())).unlink()
    thread.join(5)
    assert not thread.is_alive()
    assert not cluster.cluster_file().exists()


def test_a_store_from_a_newer_version_says_so_before_anything_starts(fresh_home, tmp_path):
    Store()
    import sqlite3

    with sqlite3.connect(fresh_home / "lockstep.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(NewerStore):
        launch(with_module(tmp_path))
    assert not (fresh_home / "keeper.log").exists()


def test_without_a_keeper_this_process_writes(fresh_home):
    begun = time.monotonic()
    with writing() as writer:
        run_id = writer.create_run("x", {}, {})
    assert Store().run(run_id).state == "created"
    assert time.monotonic() - begun < 5


def test_short_dir_is_private_and_short(fresh_home, monkeypatch):
    path = cluster.short_dir()
    assert len(str(path)) < 40
    assert path.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("LOCKSTEP_HOME", str(fresh_home) + "-other")
    assert cluster.short_dir() != path
    cluster.short_dir().rmdir()
