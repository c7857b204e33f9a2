"""The store's owner: the one actor that writes, starts runs, and notices when one has died."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.util.placement_group import get_placement_group, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from db import Journal, Store, Writer, journal_path
from workers.clocks import Clocks
from workers.cluster import SPARE_CPUS
from workers.problems import SpecProblem
from workers.run_actor import RunActor

OBEY_WITHIN_S = 10.0  # a run that has not stopped by itself by then is killed
REAP_EVERY_S = 2.0
PROCESS = "run-process-"  # begins the names of the runs' actors
THREADS = 3  # of a run's actor: one trains, the others answer its owner
SPARE_AFTER_S = 3.0  # a spare is made once the run that took the last one has had the processor to start
WRITES = frozenset(
    {
        "add_artifact",
        "add_version",
        "append",
        "create_run",
        "next_version",
        "reap",
        "remove_alias",
        "request_stop",
        "set_alias",
        "update_run",
    }
)


@dataclass
class Started:
    """A run that this owner started: its actor, the promise of its end, its reservation, when it was asked to stop."""

    actor: Any
    outcome: Any
    bundles: Any
    run_dir: Path
    asked_at: float | None = None


@dataclass(frozen=True)
class Spare:
    """A process for the next run, and the promise that its imports are done."""

    actor: Any
    warm: Any


class Owner:
    """Made a Ray actor by the keeper."""

    def __init__(self, store_path: str, namespace: str, local: bool) -> None:
        self._writer = Writer(store_path, lock_timeout_s=30.0)
        self._store = Store(Path(store_path))
        self._namespace, self._local = namespace, local
        self._started: dict[str, Started] = {}
        self._clocks = Clocks()
        self._reaped_at = 0.0
        self._spare: Spare | None = None
        self._spare_due = 0.0
        self._adopt()

    def write(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Calls one of the writer's methods."""
        if method not in WRITES:
            raise ValueError(f"The owner writes by {', '.join(sorted(WRITES))}; got {method!r}.")
        if method == "reap" and not self._clocks.trusted():
            return []
        return getattr(self._writer, method)(*args, **kwargs)

    def launch(self, spec: dict[str, Any], params: dict[str, Any], parent: str | None = None) -> str:
        """Creates a run and starts its actor; returns its id at once. Raises SpecProblem when it can never start."""
        self._check_room(spec)
        run_id = self._writer.create_run(spec["name"], spec, params, parent=parent)
        run_dir = Path(self._store.run(run_id).run_dir)
        try:
            self._started[run_id] = self._start(run_id, spec, run_dir)
        except Exception as error:
            self._writer.update_run(run_id, state="failed", message=f"The run could not be started: {error}")
            raise
        return run_id

    def tend(self) -> int:
        """Settles runs that ended, kills those that do not obey, reaps the silent; returns how many are active."""
        for run_id, started in list(self._started.items()):
            if ray.wait([started.outcome], timeout=0)[0]:
                self._bury(run_id, started)
            else:
                self._look_after(run_id, started)
        self._keep_a_spare()
        if self._clocks.trusted() and time.monotonic() - self._reaped_at > REAP_EVERY_S:
            self._reaped_at = time.monotonic()
            self._writer.reap()
        return self._store.count("created", "running")

    def end(self, reason: str) -> None:
        """Kills what runs and closes the store; each run's end is recorded."""
        for run_id, started in list(self._started.items()):
            self._kill(run_id, started, "failed", reason)
        if self._spare:
            ray.kill(self._spare.actor)
        self._writer.close()

    def _adopt(self) -> None:
        """Takes over the runs of an owner that died, and ends the process that it kept in reserve."""
        for known in ray.util.list_named_actors(all_namespaces=True):
            if known["namespace"] != self._namespace or not known["name"].startswith(PROCESS):
                continue
            with contextlib.suppress(Exception):  # one that ends just now needs no owner
                actor = ray.get_actor(known["name"], namespace=self._namespace)
                run_id: Any = ray.get(actor.run_id.remote(), timeout=5.0)
                if not run_id:
                    ray.kill(actor)
                    continue
                run = self._store.run(run_id)
                bundles = get_placement_group(known["name"]) if run.spec["workers"] > 1 else None
                self._started[run_id] = Started(actor, actor.wait_until_over.remote(), bundles, Path(run.run_dir))

    # starting -------------------------------------------------------------------------------------------------------
    def _check_room(self, spec: dict[str, Any]) -> None:
        room, needed = ray.cluster_resources(), spec["workers"]
        cpus = room.get("CPU", 0) - SPARE_CPUS
        if self._local and needed > cpus:
            raise SpecProblem(f"workers: {needed} needs {needed} CPUs; the cluster has {cpus:g} for runs.")
        if self._local and spec["device"] == "cuda" and needed > room.get("GPU", 0):
            raise SpecProblem(
                f"device: cuda with workers: {needed} needs {needed} GPUs; the cluster has {room.get('GPU', 0):g}."
            )

    def _start(self, run_id: str, spec: dict[str, Any], run_dir: Path) -> Started:
        ranks, gpus, bundles = spec["workers"], int(spec["device"] == "cuda"), None
        if ranks == 1 and not gpus:
            actor = self._take_spare()
        elif ranks == 1:
            actor = self._new_actor(PROCESS + run_id, num_gpus=gpus)
        else:
            # all or nothing: two runs that each hold half of what they need would wait forever
            bundle = {"CPU": 1.0} | ({"GPU": 1.0} if gpus else {})
            bundles = placement_group([bundle] * ranks, strategy="PACK", lifetime="detached", name=PROCESS + run_id)
            # the other ranks' calls wait in threads of rank 0's process
            options = {"num_gpus": gpus, "max_concurrency": 2 * ranks + THREADS}
            actor = self._new_actor(
                PROCESS + run_id, scheduling_strategy=PlacementGroupSchedulingStrategy(bundles, 0), **options
            )
        outcome = actor.train.remote(run_id, spec, str(run_dir), self._namespace, bundles)
        return Started(actor, outcome, bundles, run_dir)

    def _new_actor(self, name: str, **options: Any) -> Any:
        options = {
            "num_cpus": 1,
            "max_concurrency": THREADS,
            "lifetime": "detached",
            "namespace": self._namespace,
            "name": name,
        } | options
        return ray.remote(RunActor).options(**options).remote()

    # the spare: a process that has its imports behind it, for the next run ------------------------------------------
    def _take_spare(self) -> Any:
        spare, self._spare = self._spare or self._make_spare(), None
        self._spare_due = time.monotonic() + SPARE_AFTER_S
        if ray.wait([spare.warm], timeout=0)[0]:
            try:
                ray.get(spare.actor.warm_up.remote(), timeout=2.0)
            except Exception:  # it died while it waited
                return self._make_spare().actor
        return spare.actor

    def _make_spare(self) -> Spare:
        actor = self._new_actor(PROCESS + secrets.token_hex(4))
        return Spare(actor, actor.warm_up.remote())

    def _keep_a_spare(self) -> None:
        if self._local and self._spare is None and time.monotonic() > self._spare_due:
            self._spare = self._make_spare()

    # ending ---------------------------------------------------------------------------------------------------------
    def _look_after(self, run_id: str, started: Started) -> None:
        run = self._store.run(run_id)
        if run.stop_requested and started.asked_at is None:
            started.asked_at = time.monotonic()
        if run.state == "created":
            if run.stop_requested:
                self._kill(run_id, started, "stopped", "Stopped before it started.")
            else:
                self._writer.append(run_id, [])  # it waits for a free place: that is no death
        elif started.asked_at is not None and time.monotonic() - started.asked_at > OBEY_WITHIN_S:
            self._kill(
                run_id, started, "stopped", f"Killed: it did not stop within {OBEY_WITHIN_S:g} s of being asked."
            )

    def _bury(self, run_id: str, started: Started) -> None:
        """Settles a run whose actor has ended, well or badly."""
        try:
            ray.get(started.outcome)
            reason = "The run's process ended without saying how."
        except ray.exceptions.RayActorError as error:
            reason = (
                "The run's process died without a word: it was killed (by a user, or by the system for want of memory) "
                "or it crashed."
            )
            with contextlib.suppress(Exception), Journal(journal_path(started.run_dir)) as journal:
                journal.write("log", rank=0, text=f"Ray says: {' '.join(str(error).split())}")
        except Exception as error:
            reason = f"The run's process failed outside of training: {error}"
        self._kill(run_id, started, "failed", reason)

    def _kill(self, run_id: str, started: Started, state: str, message: str) -> None:
        with contextlib.suppress(Exception):
            ray.kill(started.actor)
        if started.bundles is not None:
            with contextlib.suppress(Exception):
                remove_placement_group(started.bundles)
        del self._started[run_id]
        self._writer.replay(run_id)  # what had not been sent
        run = self._store.run(run_id)
        if run.presumed or not run.ended:
            self._writer.update_run(run_id, state=state, message=message)
