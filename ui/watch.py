"""Follows runs in the terminal until they end: bars with epoch, loss and accuracy; Ctrl-C asks them to stop."""

import time
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID

from db import Run, Store
from ui import run_rows, terminal

POLL_S = 0.2


def follow(console: Console, run_ids: Sequence[str]) -> tuple[list[Run], bool]:
    """The runs as they ended, and whether Ctrl-C asked them to stop. A second Ctrl-C goes through."""
    from workers.cluster import register_client
    from workers.launch import stop

    register_client()  # the cluster stays while this process looks on
    store = Store()
    with terminal.progress(console) as progress:
        bars = {run_id: progress.add_task(escape(_name(store.run(run_id))), total=1.0, epoch="") for run_id in run_ids}
        try:
            return _until_ended(store, progress, bars), False
        except KeyboardInterrupt:
            progress.console.print("Stopping: waiting for the checkpoint. Ctrl-C again leaves it to itself.")
            for run in _active(store, run_ids):
                stop(run.id)
            return _until_ended(store, progress, bars), True


def _until_ended(store: Store, progress: Progress, bars: dict[str, TaskID]) -> list[Run]:
    while True:
        runs = [store.run(run_id) for run_id in bars]
        finals = store.final_metrics(list(bars))
        for run in runs:
            _draw(progress, bars[run.id], run, terminal.metrics_line(finals.get(run.id, {})))
        if all(map(_is_over, runs)):
            return runs
        time.sleep(POLL_S)


def _draw(progress: Progress, bar: TaskID, run: Run, metrics: str) -> None:
    # a run that failed leaves its bar where it stood; only a finished one is full
    text = run_rows.epoch(run) or run.state
    progress.update(bar, completed=run_rows.progress(run), epoch=text, metrics=metrics, state=run.state)
    if _is_over(run):
        progress.stop_task(bar)


def _is_over(run: Run) -> bool:
    """Whether this is how the run ended; one that is merely presumed failed may speak again while a keeper is up."""
    from workers.cluster import running_keeper

    return run.ended and not (run.presumed and running_keeper() is not None)


def _active(store: Store, run_ids: Iterable[str]) -> list[Run]:
    return [run for run in map(store.run, run_ids) if not _is_over(run)]


def _name(run: Run) -> str:
    return run.name or run.id
