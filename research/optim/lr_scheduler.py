"""Learning rates that change: torch.optim.lr_scheduler's names.

A scheduler says by which factor the rate it started from is multiplied now; several on one optimizer are multiplied.
"""

from __future__ import annotations

import bisect
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from research.optim.optimizer import Optimizer


class LRScheduler:
    """Base: subclasses give `factor(epoch, initial)`, what the initial rate is multiplied by after so many steps.

    `last_epoch` counts the calls of `step`, from 0; -1 starts anew.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a scheduler needs an Optimizer; got {type(optimizer).__name__}")
        self.optimizer, self.last_epoch = optimizer, last_epoch
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch >= 0 and "initial_lr" not in group:
                raise KeyError(f"a scheduler that goes on at {last_epoch=} needs initial_lr in group {i}")
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.factors = [1.0] * len(self.base_lrs)
        optimizer.schedules.append(self)
        self._go(last_epoch + 1)

    def factor(self, epoch: int, initial: float) -> float:
        raise NotImplementedError(f"{type(self).__name__} has no factor: def factor(self, epoch, initial): …")

    def step(self, epoch: int | None = None) -> None:
        """Count an epoch, or whatever this is called after, and set the rates."""
        if self.last_epoch == 0 and self.optimizer.step_count == 0:
            warnings.warn(
                "the scheduler steps before the optimizer has; call optimizer.step() first, or the first rate is lost",
                stacklevel=2,
            )
        self._go(self.last_epoch + 1 if epoch is None else epoch)

    def _go(self, epoch: int) -> None:
        self.last_epoch = epoch
        self._use([self.factor(epoch, initial) for initial in self.base_lrs])

    def _use(self, factors: Sequence[float]) -> None:
        self.factors = list(factors)
        for i, group in enumerate(self.optimizer.param_groups[: len(self.factors)]):
            group["lr"] = group["initial_lr"] * math.prod(
                s.factors[i] for s in self.optimizer.schedules if i < len(s.factors)
            )

    def get_last_lr(self) -> list[float]:
        """The rate of each group now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What it needs to go on, but no functions: numbers, texts and lists."""
        kept = (bool, int, float, str, list, tuple, type(None))
        return {name: value for name, value in vars(self).items() if name[0] != "_" and isinstance(value, kept)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where that one was."""
        vars(self).update(state)


class LambdaLR(LRScheduler):
    """The rate times lr_lambda(epoch); a function, or one for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable | Sequence[Callable], last_epoch: int = -1):
        self._functions = _one_each(optimizer, lr_lambda, "lr_lambda")
        super().__init__(optimizer, last_epoch)

    def _go(self, epoch: int) -> None:
        self.last_epoch = epoch
        self._use([function(epoch) for function in self._functions])


class MultiplicativeLR(LambdaLR):
    """The rate times lr_lambda(1) · lr_lambda(2) · … · lr_lambda(epoch)."""

    def _go(self, epoch: int) -> None:
        goes_on = epoch == self.last_epoch + 1 and epoch > 0
        known, start = (self.factors, epoch) if goes_on else ([1.0] * len(self._functions), 1)
        self.last_epoch = epoch
        turns = range(start, epoch + 1)
        self._use([f * math.prod(map(function, turns)) for f, function in zip(known, self._functions, strict=True)])


class StepLR(LRScheduler):
    """The rate times gamma every step_size epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size, self.gamma = _positive("step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int, initial: float) -> float:
        return self.gamma ** (epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """The rate times gamma at each of the milestones."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int, initial: float) -> float:
        return self.gamma ** bisect.bisect_right(self.milestones, epoch)


class ConstantLR(LRScheduler):
    """The rate times factor for total_iters epochs, then as it is."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1):
        self.first_factor, self.total_iters = _share("factor", factor), total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int, initial: float) -> float:
        return self.first_factor if epoch < self.total_iters else 1.0


class LinearLR(LRScheduler):
    """The rate times what goes in a line from start_factor to end_factor, within total_iters epochs."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        self.start_factor, self.end_factor = _share("start_factor", start_factor), _share("end_factor", end_factor)
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int, initial: float) -> float:
        share = min(epoch, self.total_iters) / self.total_iters if self.total_iters else 1.0
        return self.start_factor + (self.end_factor - self.start_factor) * share


class ExponentialLR(LRScheduler):
    """The rate times gamma every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int, initial: float) -> float:
        return self.gamma**epoch


class PolynomialLR(LRScheduler):
    """The rate times (1 - epoch / total_iters) ** power; 0 from there on."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        self.total_iters, self.power = _positive("total_iters", total_iters), power
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int, initial: float) -> float:
        return (1 - min(epoch, self.total_iters) / self.total_iters) ** self.power


def _cosine(initial: float, least: float, share: float) -> float:
    """The factor on the way from the initial rate down to the least, by half a cosine wave."""
    return (least + (initial - least) * (1 + math.cos(math.pi * share)) / 2) / initial if initial else 1.0


class CosineAnnealingLR(LRScheduler):
    """Down to eta_min in T_max epochs by half a cosine wave, and up again: Loshchilov & Hutter 2017."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_max, self.eta_min = _positive("T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int, initial: float) -> float:
        return _cosine(initial, self.eta_min, epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Down to eta_min by half a cosine wave in T_0 epochs, then anew, each time T_mult as long: ibid."""

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_0, self.T_mult, self.eta_min = _positive("T_0", T_0), _positive("T_mult", T_mult), eta_min
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: float, initial: float) -> float:
        length = self.T_0
        while epoch >= length:
            epoch -= length
            length *= self.T_mult
        return _cosine(initial, self.eta_min, epoch / length)


def _one_each(optimizer: Optimizer, given: Any, name: str) -> list[Any]:
    """One for each group; a single one is for all."""
    count = len(optimizer.param_groups)
    every = list(given) if isinstance(given, list | tuple) else [given] * count
    if len(every) != count:
        raise ValueError(f"{name} needs one for each of the {count} groups; got {len(every)}")
    return every


def _positive(name: str, value: int) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is a whole number of at least 1; got {value!r}")
    return value


def _share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is from 0 to 1; got {value}")
    return value


from research.optim.one_cycle import OneCycleLR  # noqa: E402 - they build on what stands above
from research.optim.schedules import ChainedScheduler, ReduceLROnPlateau, SequentialLR  # noqa: E402

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
