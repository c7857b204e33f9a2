"""The training loop. It knows nothing of Ray: one rank calls it, alone or in a group that sums gradients."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import research
from research import nn, optim
from research.data import DataLoader, TensorDataset
from workers import datasets, net
from workers.collective import Alone, Group
from workers.experiment import Adam, Experiment
from workers.report import Report

LOGGED_STEPS = 5_000  # of a long run every k-th step's loss is logged, so that about this many points remain
EVALUATION_ROWS = 256
SHUFFLE_STREAM = 1 << 40  # added to the seed, so that the order of the rows is not drawn from the weights' numbers
TELL_EVERY_S = 0.25
WORTH_SAYING = 0.2  # share of the time spent waiting for data


class TrainingProblem(Exception):
    """Training cannot go on, for a reason the user can mend; `args[0]` says what to do."""


@dataclass
class Sums:
    """Over rows seen: loss times rows, right answers, rows."""

    loss: float = 0.0
    right: float = 0.0
    rows: float = 0.0

    def add(self, other: Sums) -> None:
        self.loss, self.right, self.rows = self.loss + other.loss, self.right + other.right, self.rows + other.rows


class Trainer:
    """A net, its data and its optimizer; `run()` trains to the end or to a stop."""

    def __init__(
        self, experiment: Experiment, report: Report, checkpoint_dir: Path, group: Group | None = None
    ) -> None:
        self.experiment, self.report, self.checkpoint_dir = experiment, report, checkpoint_dir
        self.group: Group = group or Alone()
        self.data = datasets.load(experiment.data, experiment.loss)
        research.manual_seed(experiment.seed)
        self.net = net.build(experiment).to(experiment.device)
        self.parameters = [p for p in self.net.parameters() if p.requires_grad]
        self.loss = nn.CrossEntropyLoss() if experiment.loss == "cross_entropy" else nn.MSELoss()
        self.optimizer = make_optimizer(experiment, self.net)
        self.loader = self._loader()
        self.steps_per_epoch = len(self.loader)
        self.total_steps = self.steps_per_epoch * experiment.epochs
        self.log_every = max(1, self.total_steps // LOGGED_STEPS)
        self.step, self.epoch = 0, 0
        self.data_s = self.compute_s = 0.0
        self.best = (-math.inf, -math.inf)  # held-out accuracy, and of equal ones the smaller loss
        self._told_at = 0.0

    @property
    def speaks(self) -> bool:
        """Rank 0 logs, and writes the checkpoints."""
        return self.group.rank == 0

    def run(self) -> str:
        """Trains. Returns "finished", or "stopped" when a stop was asked for. Raises TrainingProblem, RankLost."""
        self._start_alike()
        for epoch in range(1, self.experiment.epochs + 1):
            self.epoch = epoch
            if self._train_epoch():
                self._save("last")
                return "stopped"
            held_out = self._evaluate()
            self._tell_epoch(held_out)
        self._tell(now=True)
        self._say_if_starved()
        return "finished"

    # one epoch ------------------------------------------------------------------------------------------------------
    def _train_epoch(self) -> bool:
        """One pass over the training rows; True when the group agreed to stop."""
        self.net.train()
        total = Sums()
        for x, y in self._batches():
            begun = time.perf_counter()
            self.step += 1
            sums, stop = self._train_step(x, y)
            total.add(sums)
            self.compute_s += time.perf_counter() - begun
            loss = sums.loss / sums.rows
            if self.speaks and (self.step % self.log_every == 0 or not math.isfinite(loss)):
                self.report.metric("train/loss", self.step, loss)
            if not math.isfinite(loss):
                raise TrainingProblem(self._diverged(loss))
            self._tell()
            if stop:
                return True
        if self.speaks and self.data.classes:
            self.report.metric("train/accuracy", self.step, total.right / total.rows)
        return False

    def _train_step(self, x: Any, y: Any) -> tuple[Sums, bool]:
        rows = len(x)
        share = _share_of(rows, self.group.rank, self.group.size)
        self.optimizer.zero_grad()
        self.optimizer.param_groups[0]["lr"] = self._lr()
        sums = Sums()
        if share.stop > share.start:
            if self.group.size > 1:
                x, y = x[share], y[share]
            predicted = self.net(x)
            loss = self.loss(predicted, y)
            loss.backward()
            sums = Sums(loss.item() * len(x), self._right(predicted, y), len(x))
        stop = self._sum_over_ranks(sums, rows) if self.group.size > 1 else self.report.stopping
        if math.isfinite(sums.loss):  # the last good weights stay in the checkpoint, and in the process
            self.optimizer.step()
        return sums, stop

    def _lr(self) -> float:
        lr = self.experiment.optimizer.lr
        if self.experiment.optimizer.schedule == "constant":
            return lr
        return lr * 0.5 * (1 + math.cos(math.pi * (self.step - 1) / self.total_steps))

    def _evaluate(self) -> Sums:
        """Loss and right answers on the held-out rows, over all ranks."""
        begun = time.perf_counter()
        self.net.eval()
        x, y, sums = self.data.held_out_x, self.data.held_out_y, Sums()
        mine = _share_of(len(x), self.group.rank, self.group.size)
        with research.no_grad():
            for start in range(mine.start, mine.stop, EVALUATION_ROWS):
                rows = slice(start, min(start + EVALUATION_ROWS, mine.stop))
                labels = self._on_device(y[rows])
                predicted = self.net(self._on_device(x[rows]))
                size = rows.stop - rows.start
                sums.add(Sums(self.loss(predicted, labels).item() * size, self._right(predicted, labels), size))
        total = self.group.all_reduce(np.array([sums.loss, sums.right, sums.rows]))
        self.compute_s += time.perf_counter() - begun
        return Sums(*map(float, total))

    def _right(self, predicted: Any, labels: Any) -> float:
        if not self.data.classes:
            return 0.0
        return float((predicted.array.argmax(axis=1) == labels.array).sum())

    # data -----------------------------------------------------------------------------------------------------------
    def _loader(self) -> DataLoader:
        rows = TensorDataset(research.from_numpy(self.data.train_x), research.from_numpy(self.data.train_y))
        return DataLoader(
            rows,
            batch_size=self.experiment.batch_size,
            shuffle=True,
            generator=research.Generator().manual_seed(self.experiment.seed + SHUFFLE_STREAM),
            num_workers=self.experiment.data.read_ahead_threads,
        )

    def _batches(self) -> Iterator[tuple[Any, Any]]:
        """The batches on the net's device; the time waiting for each is counted."""
        batches = iter(self.loader)
        while True:
            begun = time.perf_counter()
            batch = next(batches, None)
            if batch is None:
                return
            x, y = (part.to(self.experiment.device) for part in batch)
            self.data_s += time.perf_counter() - begun
            yield x, y

    def _on_device(self, array: np.ndarray) -> Any:
        return research.from_numpy(array).to(self.experiment.device)

    # ranks ----------------------------------------------------------------------------------------------------------
    def _start_alike(self) -> None:
        """Gives every rank the weights of rank 0: a user's module may draw from a generator that we did not seed."""
        if self.group.size == 1:
            return
        # all of its state: a frozen weight or a buffer that differs would make gradients of different nets
        state = {name: tensor.cpu().numpy() for name, tensor in self.net.state_dict().items()}
        self.net.load_state_dict(
            {
                name: self.group.all_reduce(values if self.group.rank == 0 else np.zeros_like(values))
                for name, values in state.items()
            }
        )
        if self.group.rank:
            research.manual_seed(self.experiment.seed + (self.group.rank << 32))  # dropout differs from rank to rank

    def _sum_over_ranks(self, sums: Sums, rows: int) -> bool:
        """Makes gradients and sums those of the whole batch; True when any rank was asked to stop."""
        weight = sums.rows / rows
        gradients = _flat([research.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]) * weight
        extra = np.array([sums.loss, sums.right, sums.rows, float(self.report.stopping)], dtype=gradients.dtype)
        flat = self.group.all_reduce(np.concatenate([gradients, extra]))
        for parameter, values in zip(self.parameters, _split(flat, self.parameters), strict=True):
            parameter.grad = self._on_device(values)
        sums.loss, sums.right, sums.rows, stop = (float(value) for value in flat[-4:])
        return stop > 0

    # telling --------------------------------------------------------------------------------------------------------
    def _tell(self, now: bool = False) -> None:
        if self.speaks and (now or time.monotonic() - self._told_at > TELL_EVERY_S):
            self._told_at = time.monotonic()
            self.report.progress(self.step, self.total_steps, self.epoch, self.experiment.epochs)
            self.report.timing(self.data_s, self.compute_s)

    def _tell_epoch(self, held_out: Sums) -> None:
        if not self.speaks:
            return
        loss, accuracy = held_out.loss / held_out.rows, held_out.right / held_out.rows
        self.report.metric("validation/loss", self.step, loss)
        text = f"epoch {self.epoch}/{self.experiment.epochs}: validation/loss {loss:.4f}"
        if self.data.classes:
            self.report.metric("validation/accuracy", self.step, accuracy)
            text += f", validation/accuracy {accuracy:.2%}"
        self.report.log(text)
        self._save("last")
        if (accuracy, -loss) > self.best:
            self.best = (accuracy, -loss)
            self._save("best")
        self._tell(now=True)

    def _save(self, name: str) -> None:
        if not self.speaks:
            return
        content = {"model": self.net.state_dict(), "optimizer": self.optimizer.state_dict()}
        path = checkpoint_path(self.checkpoint_dir, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        research.save(content | {"epoch": self.epoch, "step": self.step}, path)
        self.report.artifact(f"checkpoint/{name}", path)

    def _say_if_starved(self) -> None:
        share = self.data_s / max(self.data_s + self.compute_s, 1e-9)
        text = f"time: {self.compute_s:.1f} s computing, {self.data_s:.1f} s ({share:.0%}) waiting for data"
        if share > WORTH_SAYING and self.data_s > 1:
            text += "; more data.read_ahead_threads or a larger batch_size would help"
        if self.speaks:
            self.report.log(text)

    def _diverged(self, loss: float) -> str:
        return (
            f"The loss became {loss} at step {self.step} (epoch {self.epoch}). Try a smaller optimizer.lr "
            f"(now {self.experiment.optimizer.lr:g}), or scale the data to about -1..1."
        )


def train(experiment: Experiment, report: Report, checkpoint_dir: Path, group: Group | None = None) -> str:
    """Trains one experiment: "finished" or "stopped". Raises SpecProblem, TrainingProblem, RankLost."""
    return Trainer(experiment, report, checkpoint_dir, group).run()


def make_optimizer(experiment: Experiment, module: nn.Module) -> Any:
    """The optimizer of a spec over a net's parameters, by name."""
    parameters = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    settings = experiment.optimizer.model_dump(exclude={"name", "schedule"})
    if isinstance(experiment.optimizer, Adam):
        settings["betas"] = tuple(settings["betas"])
    return getattr(optim, experiment.optimizer.name)(parameters, **settings)


def checkpoint_path(folder: Path, name: str) -> Path:
    """`last`: the latest weights; `best`: those of the epoch with the best held-out result."""
    return folder / f"{name}.safetensors"


def _share_of(rows: int, rank: int, size: int) -> slice:
    """A rank's rows of a batch: contiguous, and sizes differ by at most one."""
    return slice(rows * rank // size, rows * (rank + 1) // size)


def _flat(tensors: list[Any]) -> np.ndarray:
    return np.concatenate([tensor.detach().cpu().numpy().ravel() for tensor in tensors])


def _split(flat: np.ndarray, parameters: list[Any]) -> Iterator[np.ndarray]:
    start = 0
    for parameter in parameters:
        yield flat[start : start + parameter.array.size].reshape(parameter.shape)
        start += parameter.array.size
