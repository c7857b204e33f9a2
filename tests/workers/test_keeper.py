"""The keeper: one of it, found by all; and what holds when it is killed."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import ray
from conftest import end_keeper
from ray.exceptions import ActorDiedError, GetTimeoutError
from test_launch import under_way, until, with_module

from db import Journal, NewerStore, Store, Writer
from workers import clocks, cluster, keeper, line
from workers.experiment import Experiment
from workers.launch import EXAMPLES, launch, stop, wait
from workers.line import KeeperAbsent, KeeperGone
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


def card(socket="/nowhere"):
    return cluster.Keeper("127.0.0.1:1", os.getpid(), str(cluster.lock_file()), "lockstep", str(socket))


def test_a_file_left_by_a_dead_keeper_counts_for_nothing(fresh_home):
    fresh_home.mkdir()
    assert cluster.running_keeper() is None
    cluster.write_cluster_file(card())
    assert cluster.running_keeper() is None  # its pid lives, but nobody holds the lock
    cluster.cluster_file().write_text('{"address": ')
    assert cluster.running_keeper() is None
    cluster.write_cluster_file(card())
    with keeper._become_the_keeper(), pytest.raises(KeeperAbsent, match="cannot be reached"):
        cluster.running_keeper().ask("next_version", "m")
    cluster.cluster_file().unlink()


def test_dead_clients_do_not_count(fresh_home):
    assert cluster.living_clients() == 0
    cluster.register_client()
    cluster.register_client()
    (cluster.clients_dir() / "1").write_text("")
    (cluster.clients_dir() / str(os.getpid())).write_text("")
    assert cluster.living_clients() == 1
    assert len(list(cluster.clients_dir().iterdir())) == 1
    assert fresh_home.stat().st_mode & 0o077 == 0


FORK = """
import os, sys
from workers.cluster import register_client
register_client()
if os.fork() == 0:
    sys.stdin.read()
os._exit(0)
"""


def test_a_child_does_not_keep_its_dead_parent_registered(fresh_home):
    with subprocess.Popen([sys.executable, "-c", FORK], stdin=subprocess.PIPE) as parent:
        parent.wait(60)
        assert len(list(cluster.clients_dir().iterdir())) == 1
        assert cluster.living_clients() == 0


def test_an_answer_that_does_not_come_is_no_absence(fresh_home, monkeypatch):
    """Whoever was asked may have done it: only who could not be asked is asked again."""
    monkeypatch.setattr(line, "ANSWER_TIMEOUT_S", 0.1)
    release, asked = threading.Event(), []
    server = line.serve(cluster.short_dir() / "slow.sock", lambda *_, **__: asked.append(1) or release.wait(30))
    monkeypatch.setattr("workers.launch.ensure_keeper", lambda _: card(server.server_address))
    monkeypatch.setattr("workers.launch.check", lambda _: None)
    with pytest.raises(KeeperGone, match="did not answer") as problem:
        launch(Experiment.from_yaml(EXAMPLES / "digits_mlp.yaml"))
    release.set()
    server.shutdown()
    server.server_close()
    assert not isinstance(problem.value, KeeperAbsent)
    assert asked == [1]


@pytest.mark.parametrize("error", [ActorDiedError(), GetTimeoutError("60 s")])
def test_an_owner_that_is_being_restarted_is_told_in_words(fresh_home, error):
    class Broken:
        exceptions = ray.exceptions

        def get(self, call, timeout):
            raise error

        def __getattr__(self, name):
            return self

        def remote(self, *args):
            return self

    broken = Broken()
    server = line.serve(cluster.short_dir() / "broken.sock", functools.partial(keeper._answer, broken, broken))
    with pytest.raises(KeeperGone, match="is being restarted; try again"):
        line.ask(Path(server.server_address), "next_version", "m")
    server.shutdown()
    server.server_close()


def test_a_silent_run_has_not_ended_while_a_keeper_is_up(fresh_home, monkeypatch):
    with Writer() as writer:
        run_id = writer.create_run("x", {}, {})
        with writer._write() as connection:
            connection.exec_driver_sql("UPDATE runs SET heartbeat_at = heartbeat_at - 999")
    monkeypatch.setattr("workers.launch.running_keeper", card)
    with pytest.raises(TimeoutError):
        wait(run_id, timeout_s=0)
    monkeypatch.setattr("workers.launch.running_keeper", lambda: None)
    assert wait(run_id, timeout_s=0).presumed


def test_silence_is_not_believed_after_a_clock_was_set(monkeypatch):
    now = {"time": 1e9, "monotonic": 50.0}
    for clock in now:
        monkeypatch.setattr(f"workers.clocks.time.{clock}", lambda clock=clock: now[clock])

    def later(wall, steady):
        now["time"], now["monotonic"] = now["time"] + wall, now["monotonic"] + steady
        return watched.trusted()

    watched = clocks.Clocks()
    assert later(1, 1)
    assert not later(61, 1)  # set forward, or asleep
    assert not any(later(2, 2) for _ in range(9))
    assert later(2, 2)
    assert not later(-3600, 1)
    assert [later(4, 4) for _ in range(5)] == [False] * 4 + [True]
    assert not later(9, 9)  # it could not look itself


def test_it_ends_when_nobody_needs_it(fresh_home, monkeypatch):
    fresh_home.mkdir()

    class NoRay:
        """Each round of tending takes ten seconds by its clock."""

        active, rounds = 1, 0

        def __getattr__(self, name):
            return self

        def remote(self):
            return self

        def get(self, call, timeout):
            self.rounds += 1
            return self.active

        def monotonic(self):
            return self.rounds * 10.0

    ray = NoRay()
    monkeypatch.setattr(keeper, "TEND_EVERY_S", 0.001)
    monkeypatch.setattr(keeper, "time", ray)
    cluster.write_cluster_file(card())
    thread = threading.Thread(target=keeper._tend, args=(threading.Event(), ray, ray, card()))
    thread.start()
    until(lambda: ray.rounds > 10)  # a run is active
    cluster.register_client()
    ray.active, before = 0, ray.rounds
    until(lambda: ray.rounds > before + 10)  # a client is there
    for client in cluster.clients_dir().iterdir():
        client.unlink()
    thread.join(10)
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
