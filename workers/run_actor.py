"""A run's own process: a Ray actor that trains, reports, and tells how it ended. Its other ranks are actors too."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import ray

from workers.collective import Guest, Host, Meeting, RankLost
from workers.messenger import Messenger
from workers.output import captured
from workers.problems import SpecProblem, users_line
from workers.report import Memory, Report

OWNER = "owner"
ANSWER_TIMEOUT_S = 10.0
LINGER_S = 30.0
LOOK_AROUND_S = 10.0


class RunActor:
    """Trains one run. Its methods beside `train` are called by its owner or by the run's other ranks."""

    def __init__(self) -> None:
        self._run_id = ""
        self._spec: dict[str, Any] = {}
        self._meeting = Meeting(1)
        self._over = threading.Event()

    def run_id(self) -> str:
        """The run that this process trains; nothing while it waits for one."""
        return self._run_id

    def wait_until_over(self) -> None:
        """Returns when the training is over: for an owner that did not start it."""
        self._over.wait()

    def warm_up(self) -> int:
        """Imports what any run needs, so that a run which takes this process starts at once; returns its pid."""
        import workers.environment
        import workers.train  # noqa: F401

        return os.getpid()

    def train(self, run_id: str, spec: dict[str, Any], run_dir: str, namespace: str, bundles: Any = None) -> None:
        """Trains to the end, to a stop or to an error; how it ended is the last thing the run reports."""
        self._run_id, self._spec, self._run_dir = run_id, spec, Path(run_dir)
        self._meeting = Meeting(spec["workers"])
        self._messenger = messenger = Messenger(run_id, self._run_dir, sender(namespace))
        messenger.state("running")
        looking = threading.Thread(target=self._look_around, daemon=True)
        looking.start()
        with captured(messenger.log):
            state, message = self._outcome(messenger, bundles)
        messenger.state(state, message)
        looking.join(LOOK_AROUND_S)  # a run may be shorter than asking git takes
        messenger.close()
        self._over.set()
        leave = threading.Timer(LINGER_S, os._exit, (0,))  # the owner ends this process, unless it died meanwhile
        leave.daemon = True
        leave.start()

    def reduce(self, rank: int, turn: int, array: np.ndarray) -> np.ndarray:
        return self._meeting.reduce(rank, turn, array)

    def log(self, rank: int, text: str) -> None:
        self._messenger.log(text, rank)

    def _look_around(self) -> None:
        from workers.environment import environment

        self._messenger.environment(environment(self._spec["code_dir"]))

    def _outcome(self, messenger: Messenger, bundles: Any) -> tuple[str, str]:
        others = []
        try:
            if self._meeting.size > 1:
                others = self._start_ranks(bundles)
            group = Host(self._meeting) if others else None
            state = train_here(self._spec, messenger, self._run_dir, group)
            return state, "Stopped as asked." if state == "stopped" else ""
        except BaseException as error:
            return "failed", told(error, self._spec["code_dir"], messenger.log)
        finally:
            for other in others:
                with contextlib.suppress(Exception):
                    ray.kill(other)

    def _start_ranks(self, bundles: Any) -> list[Any]:
        """The other ranks' actors, each in a bundle of the reservation; a thread watches whether they live."""
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        me, size = ray.get_runtime_context().current_actor, self._meeting.size
        gpus = int(self._spec["device"] == "cuda")
        actors, outcomes = [], {}
        for rank in range(1, size):
            place = PlacementGroupSchedulingStrategy(bundles, placement_group_bundle_index=rank)
            actor: Any = ray.remote(Rank).options(num_cpus=1, num_gpus=gpus, scheduling_strategy=place).remote()
            outcomes[actor.train.remote(self._spec, rank, size, me, str(self._run_dir))] = rank
            actors.append(actor)
        threading.Thread(target=self._watch, args=(outcomes,), daemon=True).start()
        return actors

    def _watch(self, outcomes: dict[Any, int]) -> None:
        left = list(outcomes)
        while left:
            ended, left = ray.wait(left, num_returns=1)
            for outcome in ended:
                try:
                    failure = ray.get(outcome)
                except Exception as error:
                    kind = type(error).__name__
                    failure = (
                        f"its process died ({kind})" if isinstance(error, ray.exceptions.RayActorError) else f"{error}"
                    )
                if failure:
                    self._meeting.abandon(f"Rank {outcomes[outcome]} was lost: {failure}")


class Rank:
    """A data-parallel rank other than 0."""

    def train(self, spec: dict[str, Any], rank: int, size: int, host: Any, run_dir: str) -> str:
        """Trains in step with the others; returns why it failed, or nothing."""

        def log(text: str) -> None:
            host.log.remote(rank, text)

        with captured(log):
            try:
                train_here(spec, Memory(), Path(run_dir), Guest(rank, size, host))
            except BaseException as error:
                return told(error, spec["code_dir"], log)
        return ""


def train_here(spec: dict[str, Any], report: Report, run_dir: Path, group: Any) -> str:
    """Trains a spec in this process, from the folder of the user's code: "finished" or "stopped"."""
    from workers.experiment import Experiment
    from workers.train import train

    experiment = Experiment.from_dict(spec, where="the run's spec")
    if experiment.code_dir and Path(experiment.code_dir).is_dir():
        os.chdir(experiment.code_dir)  # the user's code may open files beside it
    return train(experiment, report, run_dir / "checkpoint", group)


def told(error: BaseException, code_dir: str | None, log: Callable[[str], None]) -> str:
    """The reason in one message, with the user's line; the traceback goes to the log unless the message says it all."""
    from workers.train import TrainingProblem

    if isinstance(error, TrainingProblem | RankLost):
        return str(error)
    if isinstance(error, SpecProblem) and error.__cause__ is None:
        return str(error)
    for line in "".join(traceback.format_exception(error)).rstrip().split("\n"):
        log(line)
    return str(error) if isinstance(error, SpecProblem) else users_line(error, code_dir)


def sender(namespace: str) -> Callable[..., Any]:
    """A way to call the store's owner from any process of the cluster; after a failure the owner is looked up anew."""
    known: list[Any] = []

    def send(method: str, *args: Any, **kwargs: Any) -> Any:
        try:
            if not known:
                known.append(ray.get_actor(OWNER, namespace=namespace))
            return ray.get(known[0].write.remote(method, *args, **kwargs), timeout=ANSWER_TIMEOUT_S)
        except Exception:
            known.clear()
            time.sleep(0.1)
            raise

    return send
