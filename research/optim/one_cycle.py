"""One cycle of the learning rate, up and far down, with momentum the other way round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from research.optim.lr_scheduler import LRScheduler, _one_each
from research.optim.optimizer import Optimizer


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr, and down to that of the start / final_div_factor: Smith & Topin 2018.

    The length is `total_steps`, or epochs · steps_per_epoch; `step` is called after every batch. With cycle_momentum
    the momentum, or the first beta, goes from max_momentum to base_momentum and back.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR needs anneal_strategy 'cos' or 'linear'; got {anneal_strategy!r}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"pct_start is from 0 to 1; got {pct_start}")
        self.total_steps = total_steps if total_steps is not None else int(epochs or 0) * int(steps_per_epoch or 0)
        if self.total_steps < 1:
            raise ValueError(f"OneCycleLR needs at least one step; got {self.total_steps}")
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        self.max_lrs = _one_each(optimizer, max_lr, "max_lr")
        top, momenta = float(pct_start * self.total_steps) - 1, (max_momentum, base_momentum)
        last = self.total_steps - 1
        start, end = 1 / div_factor, 1 / div_factor / final_div_factor
        self.phases = [(top, start, 1.0, momenta[0], momenta[1]), (last, 1.0, end, momenta[1], momenta[0])]
        if three_phase:
            self.phases = [
                self.phases[0],
                (2 * top, 1.0, start, momenta[1], momenta[0]),
                (last, start, end, momenta[0], momenta[0]),
            ]
        if last_epoch < 0:
            for group, highest in zip(optimizer.param_groups, self.max_lrs, strict=True):
                group["initial_lr"] = highest / div_factor
        if cycle_momentum and not {"momentum", "betas"} & optimizer.defaults.keys():
            name = type(optimizer).__name__
            raise ValueError(f"cycle_momentum needs an optimizer with momentum or betas; got {name}")
        super().__init__(optimizer, last_epoch)

    def _go(self, epoch: int) -> None:
        if epoch > self.total_steps:
            raise ValueError(f"OneCycleLR was told of {self.total_steps} steps; this is step {epoch}")
        self.last_epoch = epoch
        share, momentum = self._at(epoch)
        self._use(
            [
                share * m / group["initial_lr"]
                for m, group in zip(self.max_lrs, self.optimizer.param_groups, strict=True)
            ]
        )
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum

    def _at(self, epoch: int) -> tuple[float, float]:
        """The share of the highest rate, and the momentum."""
        begin = 0.0
        for i, (end, *ends) in enumerate(self.phases):
            if epoch <= end or i == len(self.phases) - 1:
                done = (epoch - begin) / (end - begin) if end != begin else 1.0
                return self._anneal(ends[0], ends[1], done), self._anneal(ends[2], ends[3], done)
            begin = end
        raise AssertionError("the last phase has no end")

    def _anneal(self, start: float, end: float, done: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * done
        return end + (start - end) / 2 * (1 + math.cos(math.pi * done))

    def factor(self, epoch: int, initial: float) -> Any:
        return self._at(epoch)[0]
