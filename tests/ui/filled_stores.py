"""Real stores with runs in them, written the way a run writes: through db.Writer."""

import math
import random
import time
from pathlib import Path

from db import Journal, Writer

MLP = {
    "name": "digits-mlp",
    "data": {"source": "digits", "validation": 0.2},
    "net": ["Flatten", {"Linear": [64, 128]}, "ReLU", {"Linear": [128, 10]}],
    "optimizer": {"name": "Adam", "lr": 0.001},
    "epochs": 20,
    "batch_size": 32,
}
ENVIRONMENT = {"host": "workstation", "python": "3.11.7", "git": {"commit": "4f1c2ab"}, "packages": {"numpy": "2.2.0"}}


def add_run(
    writer: Writer,
    folder: Path,
    *,
    experiment: str = "digits-mlp",
    params: dict | None = None,
    epochs: int = 20,
    done: int | None = None,
    state: str | None = "finished",
    message: str = "",
    quality: float = 1.0,
    steps_per_epoch: int = 45,
) -> str:
    """A run with `done` epochs of curves, ended as `state`, or still running if that is None; its id."""
    rng = random.Random(repr((experiment, params, quality)))
    spec = {**MLP, "name": experiment}
    params = {"optimizer.lr": 0.001, "batch_size": 32, "epochs": epochs, "net": "Linear(64, 128)", **(params or {})}
    run_id = writer.create_run(experiment, spec, params)
    journal = Journal(folder / run_id / "journal.jsonl")
    events = [journal.write("state", state="running", message="")]
    clock = time.time() - 0.7 * (epochs if done is None else done) - 0.5
    events[0]["time"] = clock
    total = epochs * steps_per_epoch
    done = epochs if done is None else done
    for epoch in range(1, done + 1):
        loss = 2.2 * math.exp(-0.32 * quality * epoch) + 0.05
        accuracy = 1 - 0.85 * math.exp(-0.4 * quality * epoch) - 0.02
        step = epoch * steps_per_epoch
        for back in range(steps_per_epoch):
            early = 2.2 * math.exp(-0.32 * quality * (epoch - back / steps_per_epoch)) + 0.05
            value = early * rng.uniform(0.6, 1.5)
            events.append(journal.write("metric", key="train/loss", step=step - back, value=value))
        for key, value in {
            "validation/loss": loss * rng.uniform(1.0, 1.12) + 0.02,
            "train/accuracy": min(1.0, accuracy + 0.012),
            "validation/accuracy": min(0.999, accuracy * rng.uniform(0.985, 1.0)),
        }.items():
            events.append(journal.write("metric", key=key, step=step, value=value))
        text = f"epoch {epoch}: loss {loss:.4f}, accuracy {accuracy:.3f}"
        events.append(journal.write("log", rank=0, text=text))
        events.append(journal.write("progress", step=step, total_steps=total, epoch=epoch, epochs=epochs))
    events.append(journal.write("timing", data_s=0.21 * done, compute_s=1.9 * done))
    for event in events[1:]:
        event["time"] = clock + 0.7 * done
    if state:
        events.append(journal.write("state", state=state, message=message))
    writer.append(run_id, events)
    writer.update_run(run_id, environment=ENVIRONMENT)
    return run_id


def fill(path: Path, runs: int = 4) -> list[str]:
    """A store with some runs that differ: finished ones, one that failed, one that runs."""
    made = []
    with Writer(path) as writer:
        for position in range(runs):
            lr = (0.001, 0.003, 0.0003, 0.01)[position % 4]
            quality = (1.0, 1.4, 0.6, 0.9)[position % 4] * (1 + position // 4 * 0.1)
            made.append(
                add_run(
                    writer,
                    path.parent / "runs",
                    experiment="digits-cnn" if position == 1 else "digits-mlp",
                    params={
                        "optimizer.lr": lr,
                        "net": "digits_cnn:DigitsCNN(channels=16)"
                        if position == 1
                        else "Flatten → Linear(64, 128) → ReLU → Linear(128, 10)",
                    },
                    quality=quality,
                )
            )
    return made


def fill_all_states(path: Path) -> dict[str, str]:
    """state -> the id of a run in it; the running one was last heard of now."""
    with Writer(path) as writer:
        runs = path.parent / "runs"
        made = {
            "finished": add_run(writer, runs),
            "failed": add_run(
                writer, runs, done=7, state="failed", message="MemoryError: batch_size 1000000 needs 4 GB"
            ),
            "stopped": add_run(writer, runs, done=11, state="stopped"),
            "running": add_run(writer, runs, experiment="digits-cnn", done=9, state=None),
        }
        return made


def train_run(writer: Writer, folder: Path, epochs: int = 4) -> str:
    """A run that was really trained, in this process: its metrics are true, and its checkpoint is there."""
    from workers.experiment import Experiment
    from workers.report import Memory
    from workers.train import train

    experiment = Experiment.from_dict({**MLP, "epochs": epochs})
    run_id = writer.create_run(experiment.name, experiment.as_dict(), experiment.params(), run_dir=None)
    run_dir = folder / run_id
    report = Memory()
    state = train(experiment, report, run_dir / "checkpoint")
    journal = Journal(run_dir / "journal.jsonl")
    events = [journal.write("state", state="running", message="")]
    for key, points in report.metrics.items():
        events += [journal.write("metric", key=key, step=step, value=value) for step, value in points]
    events.append(journal.write("state", state=state, message=""))
    writer.append(run_id, events)
    return run_id
