"""Launching, stopping and waiting for runs: what the browser and the command line call."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import db
from workers.check import check
from workers.cluster import Status, ensure_keeper, register_client, running_keeper
from workers.experiment import Experiment
from workers.line import KeeperAbsent
from workers.writing import writing

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
POLL_S = 0.25


def launch(experiment: Experiment, on_status: Status | None = None, parent: str | None = None) -> str:
    """Checks the spec, creates the run and starts it; returns its id at once. Raises SpecProblem, ClusterProblem.

    `on_status` is given a short line while the cluster starts. `parent` is the run that this one was cloned from.
    """
    check(experiment)
    for attempt in (1, 2):
        keeper = ensure_keeper(on_status)
        try:
            return str(keeper.ask("launch", experiment.as_dict(), experiment.params(), parent=parent))
        except KeeperAbsent:  # and only then: one that was asked may have started the run
            if attempt == 2:
                raise
    raise AssertionError("unreachable")


def stop(run_id: str) -> None:
    """Asks a run to stop, and returns at once. It saves a checkpoint first; after 10 s without obeying it is killed."""
    run = db.Store().run(run_id)
    with writing() as writer:
        writer.request_stop(run.id)
        writer.reap()  # without a keeper, a run that died is told apart here


def wait(run_id: str, on_update: Callable[[db.Run], None] | None = None, timeout_s: float | None = None) -> db.Run:
    """The run once it has ended; `on_update` is called with it now and then meanwhile. Raises TimeoutError.

    A run that is only silent counts as ended when no keeper is left who could hear of it again.
    """
    register_client()
    store, begun = db.Store(), time.monotonic()
    while True:
        run = store.run(run_id)
        if on_update:
            on_update(run)
        if run.ended and not (run.presumed and running_keeper()):
            return run
        if timeout_s is not None and time.monotonic() - begun > timeout_s:
            raise TimeoutError(f"Run {run.id} is still {run.state} after {timeout_s:g} s.")
        time.sleep(POLL_S)


def experiments() -> list[Path]:
    """Spec files ready to launch: the examples, then the user's own in $LOCKSTEP_HOME/experiments."""
    folders = (EXAMPLES, db.home() / "experiments")
    files = (path for folder in folders for path in sorted(folder.glob("*.y*ml"), key=_without_code_first))
    return list(files)


def _without_code_first(spec: Path) -> tuple[bool, str]:
    return spec.with_suffix(".py").exists(), spec.name
