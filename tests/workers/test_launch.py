"""Runs in processes of their own: a real keeper, a real local Ray, a real store."""

from __future__ import annotations

import os
import signal
import time
from unittest.mock import MagicMock

import psutil
import pytest

import research
from db import Ack, Journal, Store, journal_path
from workers import run_actor
from workers.cluster import running_keeper
from workers.experiment import Experiment
from workers.keeper import SMALLEST_CPUS
from workers.launch import launch, stop, wait
from workers.problems import SpecProblem
from workers.writing import writing

pytestmark = pytest.mark.usefixtures("home")

SLOW = """
import time
from research import nn

class Net(nn.Module):
    def __init__(self, seconds=0.02):
        super().__init__()
        self.inner = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        self.seconds, self.calls = seconds, 0
    def forward(self, x):
        self.calls += 1
        time.sleep(self.seconds)
        return self.inner(x)
"""


def with_module(folder, code=SLOW, **more):
    """A spec whose module lies in the folder."""
    (folder / "mynet.py").write_text(code)
    values = {"name": "mine", "data": {"source": "digits"}, "net": {"module": "mynet:Net"}, "epochs": 200}
    return Experiment.from_dict(values | more, folder=folder)


@pytest.fixture(autouse=True)
def _stop_what_still_runs(home):
    """What a failed test leaves must not hold the processors against the next."""
    yield
    for run in (*Store().runs(state="running"), *Store().runs(state="created")):
        stop(run.id)


def until(condition, timeout_s=40.0):
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "nothing came of it in time"
        time.sleep(0.05)
    return found


def under_way(run_id, steps=10):
    """The run, once it has taken some steps."""
    return until(lambda: (run := Store().run(run_id)).progress.get("step", 0) >= steps and run)


def test_a_run_finishes_and_everything_about_it_is_there(finished, spec_file):
    run = finished
    store = Store()
    assert (run.state, run.message, run.experiment) == ("finished", "", "tiny")
    metrics = store.metrics(run.id)
    assert metrics["train/loss"].steps == tuple(range(1, 91))
    assert metrics["validation/accuracy"].steps == (45, 90)
    assert any("validation/accuracy" in line.text for line in store.logs(run.id))
    assert run.progress == {"step": 90, "total_steps": 90, "epoch": 2, "epochs": 2}
    assert run.compute_s > 0
    assert run.params["optimizer.lr"] == 0.001
    stored, written = Experiment.from_dict(run.spec).as_dict(), Experiment.from_yaml(spec_file).as_dict()
    assert stored | {"code_dir": ""} == written | {"code_dir": ""}
    artifacts = {artifact.name: artifact for artifact in store.artifacts(run.id)}
    assert research.load(artifacts["checkpoint/last"].path)["step"] == 90
    assert run.environment["packages"]["numpy"]
    assert run.environment["threads"]["OMP_NUM_THREADS"] == "1"
    assert run.environment["host"]


DEAF = SLOW.replace("time.sleep(self.seconds)", "time.sleep(self.seconds if self.calls < 30 else 3600)")


def test_a_stop_leaves_a_checkpoint_and_who_does_not_obey_is_killed(tmp_path):
    (tmp_path / "deaf").mkdir()
    deaf = launch(with_module(tmp_path / "deaf", DEAF))
    obedient = [launch(with_module(tmp_path)), launch(with_module(tmp_path, seed=1))]  # all three run at once
    for run_id in (*obedient, deaf):
        under_way(run_id)
    until(lambda: len(Store().metrics(deaf)["train/loss"].steps) >= 28)
    for run_id in (deaf, *obedient):
        stop(run_id)
    for run_id in obedient:
        run = wait(run_id, timeout_s=10)
        assert (run.state, run.message) == ("stopped", "Stopped as asked.")
        saved = research.load(run.run_dir / "checkpoint" / "last.safetensors")
        assert saved["step"] == Store().metrics(run_id)["train/loss"].steps[-1]
    run = wait(deaf, timeout_s=20)
    assert run.state == "stopped"
    assert "Killed: it did not stop within 10 s" in run.message


def test_a_killed_process_shows_as_failed_with_all_it_logged(tmp_path):
    run_id = launch(with_module(tmp_path))
    pid = until(lambda: under_way(run_id).environment.get("pid"))
    os.kill(pid, signal.SIGKILL)
    killed_at = time.monotonic()
    run = wait(run_id, timeout_s=15)
    assert time.monotonic() - killed_at < 15
    assert run.state == "failed"
    assert "killed" in run.message
    journal = [event for event in Journal.read(run.run_dir / "journal.jsonl") if event["kind"] == "metric"]
    points = sum(len(series.steps) for series in Store().metrics(run_id).values())
    assert points == len(journal) >= 10


def test_a_run_outlives_the_death_of_the_stores_owner(tmp_path):
    run_id = launch(with_module(tmp_path))
    under_way(run_id)
    keeper = psutil.Process(running_keeper().pid)
    until(lambda: len(processes(keeper, "ray::RunActor")) == 2)  # the run and the one in reserve
    dead = processes(keeper, "ray::Owner")[0]
    dead.kill()
    under_way(run_id, steps=Store().run(run_id).progress["step"] + 20)  # Ray has started another
    stop(run_id)
    run = wait(run_id, timeout_s=30)
    assert (run.state, run.message) == ("stopped", "Stopped as asked.")
    steps = Store().metrics(run_id)["train/loss"].steps
    assert steps == tuple(range(1, len(steps) + 1))
    until(lambda: not dead.is_running() and len(processes(keeper, "ray::RunActor")) == 1)  # nothing old is left over


def processes(keeper, title):
    return [process for process in keeper.children(recursive=True) if title_of(process).startswith(title)]


def title_of(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it ended meanwhile
        return ""


def test_a_users_error_names_the_line_and_leaves_the_traceback(tmp_path):
    code = SLOW.replace(
        "time.sleep(self.seconds)", "print('call', self.calls)\n        assert self.calls < 12, 'the twelfth'"
    )
    run = wait(launch(with_module(tmp_path, code)), timeout_s=20)
    assert (run.state, run.message) == ("failed", "AssertionError: the twelfth (mynet.py, line 13)")
    lines = [line.text for line in Store().logs(run.id)]
    assert "call 12" in lines
    assert "Traceback (most recent call last):" in lines
    assert len(Store().metrics(run.id)["train/loss"].steps) == 11


def test_two_ranks_equal_one(spec_file):
    sgd = ["optimizer={name: SGD, lr: 0.1}"]
    one = wait(launch(Experiment.from_yaml(spec_file, sgd)), timeout_s=40)
    two = wait(launch(Experiment.from_yaml(spec_file, [*sgd, "workers=2"])), timeout_s=60)
    assert (two.state, two.message) == ("finished", "")
    alone, together = (Store().metrics(run.id) for run in (one, two))
    for key in alone:
        assert alone[key].steps == together[key].steps
        assert together[key].values == pytest.approx(alone[key].values, abs=1e-6)


def test_a_rank_that_fails_fails_the_run(tmp_path):
    code = SLOW.replace("time.sleep(self.seconds)", "if len(x) == 17 and self.calls > 5: raise ValueError('odd')")
    run = wait(launch(with_module(tmp_path, code, batch_size=33, workers=2)), timeout_s=40)
    assert run.state == "failed"
    assert "ValueError: odd (mynet.py, line 12)" in run.message


def test_a_run_takes_the_process_that_was_made_ready(spec_file):
    keeper = psutil.Process(running_keeper().pid)

    def in_reserve():
        of_runs = {run.environment.get("pid") for run in Store().runs()}
        return [process.pid for process in processes(keeper, "ray::RunActor") if process.pid not in of_runs]

    spare = until(in_reserve)
    assert wait(launch(Experiment.from_yaml(spec_file)), timeout_s=40).environment["pid"] in spare


def test_more_workers_than_cpus_are_refused_before_a_run_is_made(spec_file):
    before = len(Store().runs())
    room = max(SMALLEST_CPUS, os.cpu_count())  # the CPU of the process in reserve is no room
    with pytest.raises(SpecProblem, match=rf"workers: {room + 1} needs {room + 1} CPUs; the cluster has {room} for"):
        launch(Experiment.from_yaml(spec_file, [f"workers={room + 1}", "batch_size=2000"]))
    with pytest.raises(SpecProblem, match=r"net\.1"):
        launch(Experiment.from_yaml(spec_file, ["net.1.Linear=[63, 16]"]))
    assert len(Store().runs()) == before


def test_a_short_run_still_tells_where_it_ran(tmp_path, monkeypatch, spec_file):
    """Its process is not Ray's here: what it sends is kept in a list."""
    sent = []

    def slow_environment(code_dir):
        until(lambda: "finished" in journal_path(tmp_path).read_text())
        return {"host": "here"}

    def send(method, run_id, *args, **kwargs):
        sent.append((method, kwargs))
        return Ack(0, False)

    monkeypatch.setattr("workers.environment.environment", slow_environment)
    monkeypatch.setattr(run_actor, "sender", lambda namespace: send)
    monkeypatch.setattr(run_actor, "train_here", lambda *_: "finished")
    monkeypatch.setattr(run_actor.threading, "Timer", MagicMock())  # it would end this process
    run_actor.RunActor().train("r", Experiment.from_yaml(spec_file).as_dict(), str(tmp_path), "")
    assert ("update_run", {"environment": {"host": "here"}}) in sent


def test_writing_goes_through_the_keeper(spec_file):
    run_id = launch(Experiment.from_yaml(spec_file))
    assert running_keeper()
    with writing() as writer:
        from db import StoreError, UnknownModel

        with pytest.raises(UnknownModel):
            writer.set_alias("none", "production", 1)
        wait(run_id, timeout_s=40)
        with pytest.raises(StoreError, match="has ended as finished, which is final"):
            writer.update_run(run_id, state="running")
