"""Schedulers of schedulers, and the one that looks at a metric."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import Any

from research.optim.lr_scheduler import LRScheduler, _one_each
from research.optim.optimizer import Optimizer


class SequentialLR:
    """One scheduler after the other, each from its milestone on, where it starts at 0."""

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ):
        schedulers = list(schedulers)
        if not schedulers or len(milestones) != len(schedulers) - 1 or list(milestones) != sorted(milestones):
            raise ValueError(
                "SequentialLR needs schedulers, and rising milestones between them, one fewer; "
                f"got {len(schedulers)} and {list(milestones)}"
            )
        _check_same(optimizer, schedulers)
        self.optimizer, self.schedulers, self.milestones = optimizer, schedulers, list(milestones)
        self.last_epoch = last_epoch + 1
        self._only(bisect.bisect_right(self.milestones, self.last_epoch), None)

    def step(self) -> None:
        """Count, and let the scheduler whose turn it is set the rates."""
        self.last_epoch += 1
        turn = bisect.bisect_right(self.milestones, self.last_epoch)
        starts = turn > 0 and self.milestones[turn - 1] == self.last_epoch
        self._only(turn, 0 if starts else self.schedulers[turn].last_epoch + 1)

    def _only(self, turn: int, epoch: int | None) -> None:
        for i, scheduler in enumerate(self.schedulers):
            if i != turn:
                scheduler._use([1.0] * len(scheduler.factors))
        chosen = self.schedulers[turn]
        chosen._go(chosen.last_epoch if epoch is None else epoch)

    def get_last_lr(self) -> list[float]:
        """The rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Its count, and the states of the schedulers."""
        return {"last_epoch": self.last_epoch, "schedulers": [s.state_dict() for s in self.schedulers]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where that one was."""
        self.last_epoch = state["last_epoch"]
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)


class ChainedScheduler:
    """Several schedulers at once: their factors are multiplied."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        if not schedulers:
            raise ValueError("ChainedScheduler needs at least one scheduler; got none")
        self.optimizer = optimizer or schedulers[0].optimizer
        _check_same(self.optimizer, schedulers)
        self.schedulers = list(schedulers)

    def step(self) -> None:
        """A step of each."""
        for scheduler in self.schedulers:
            scheduler.step()

    get_last_lr = SequentialLR.get_last_lr

    def state_dict(self) -> dict[str, Any]:
        """The states of the schedulers."""
        return {"schedulers": [s.state_dict() for s in self.schedulers]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where that one was."""
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)


class ReduceLROnPlateau(LRScheduler):
    """The rate times factor when a metric has not got better for more than `patience` calls of step(metric)."""

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ):
        if not 0 <= factor < 1:
            raise ValueError(f"the factor of ReduceLROnPlateau is at least 0 and below 1; got {factor}")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(f"mode is 'min' or 'max', threshold_mode 'rel' or 'abs'; got {mode!r}, {threshold_mode!r}")
        self.mode, self.reduction, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.min_lrs = _one_each(optimizer, min_lr, "min_lr")
        self.best, self.num_bad_epochs, self.cooldown_counter = (math.inf if mode == "min" else -math.inf), 0, 0
        super().__init__(optimizer)

    def _go(self, epoch: int) -> None:
        self.last_epoch = epoch
        self._use(self.factors)

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Look at the metric, and lower the rates when it is time."""
        value = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _reduce(self) -> None:
        factors = list(self.factors)
        for i, (group, least) in enumerate(zip(self.optimizer.param_groups, self.min_lrs, strict=True)):
            lower = max(group["lr"] * self.reduction, least)
            if group["lr"] - lower > self.eps:
                factors[i] *= lower / group["lr"]
        self._use(factors)

    def _better(self, value: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if not math.isfinite(self.best):
            return sign * value < sign * self.best
        margin = abs(self.best) * self.threshold if self.threshold_mode == "rel" else self.threshold
        return sign * value < sign * self.best - margin


def _check_same(optimizer: Optimizer, schedulers: Sequence[Any]) -> None:
    if any(s.optimizer is not optimizer for s in schedulers):
        raise ValueError("the schedulers are to change the rates of one optimizer; got several")
