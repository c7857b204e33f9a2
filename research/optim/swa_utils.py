"""Averages of weights over the steps of a training: torch.optim.swa_utils' names."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

from research.grad_mode import no_grad
from research.nn.module import Module
from research.optim.lr_scheduler import LRScheduler, _one_each
from research.optim.optimizer import Optimizer
from research.tensor import Tensor
from shared_ops.spec import is_float


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """average · decay + new · (1 - decay): an exponential moving average."""
    if not 0 <= decay <= 1:
        raise ValueError(f"a decay is from 0 to 1; got {decay}")
    return lambda average, new, count: average * decay + new * (1 - decay)


def get_swa_avg_fn() -> Callable[[Tensor, Tensor, Any], Tensor]:
    """The mean of all so far: Izmailov et al. 2018."""
    return lambda average, new, count: average + (new - average) / (count + 1)


def _many(one: Callable) -> Callable[[list[Tensor], list[Tensor], Any], None]:
    def average_all(averages: list[Tensor], new: list[Tensor], count: Any) -> None:
        for average, value in zip(averages, new, strict=True):
            average.copy_(one(average, value, count))

    return average_all


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[list[Tensor], list[Tensor], Any], None]:
    """The same over lists, written over the averages."""
    return _many(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable[[list[Tensor], list[Tensor], Any], None]:
    """The same over lists, written over the averages."""
    return _many(get_swa_avg_fn())


class AveragedModel(Module):
    """A copy of a model whose weights are the average of those that the model had at each `update_parameters(model)`.

    Buffers are averaged too with use_buffers; otherwise they are those of the last update.
    """

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable | None = None,
        multi_avg_fn: Callable | None = None,
        use_buffers: bool = False,
    ):
        super().__init__()
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module.to(device)
        self.n_averaged, self.use_buffers = 0, use_buffers
        self._average = multi_avg_fn or _many(avg_fn or get_swa_avg_fn())

    def forward(self, *args: Any, **settings: Any) -> Any:
        return self.module(*args, **settings)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the model's weights into the average; the first ones are taken as they are."""
        own: list[Tensor] = list(self.module.parameters())
        new: list[Tensor] = list(model.parameters())
        buffers, new_buffers = list(self.module.buffers()), list(model.buffers())
        if self.use_buffers:
            pairs = [pair for pair in zip(buffers, new_buffers, strict=True) if is_float(pair[0].dtype)]
            own, new = own + [a for a, _ in pairs], new + [b for _, b in pairs]
        if self.n_averaged == 0:
            for a, b in zip(own, new, strict=True):
                a.copy_(b.detach().to(a.device))
        else:
            self._average([a.detach() for a in own], [b.detach().to(b.device) for b in new], self.n_averaged)
        if not self.use_buffers:
            for a, b in zip(buffers, new_buffers, strict=True):
                a.copy_(b.detach().to(a.device))
        self.n_averaged += 1


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of batch norms anew, over the inputs of a loader; the modes are as before."""
    norms = [m for m in model.modules() if getattr(m, "running_mean", None) is not None]
    if not norms:
        return
    modes, momenta = [(m, m.training) for m in model.modules()], [m.momentum for m in norms]
    for norm in norms:
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0)
    model.train()
    try:
        for count, batch in enumerate(loader, 1):
            for norm in norms:
                norm.momentum = 1 / count  # the mean over the batches
            x = batch[0] if isinstance(batch, tuple | list) else batch
            model(x if device is None else x.to(device))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, mode in modes:
            object.__setattr__(module, "training", mode)


class SWALR(LRScheduler):
    """From the rate there is to swa_lr in anneal_epochs, and that from then on."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ):
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"SWALR needs anneal_strategy 'cos' or 'linear'; got {anneal_strategy!r}")
        self.swa_lrs = _one_each(optimizer, swa_lr, "swa_lr")
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        self.start_lrs = [group["lr"] for group in optimizer.param_groups]
        super().__init__(optimizer, last_epoch)

    def _go(self, epoch: int) -> None:
        self.last_epoch = epoch
        done = min(1.0, epoch / self.anneal_epochs) if self.anneal_epochs else 1.0
        done = (1 - math.cos(math.pi * done)) / 2 if self.anneal_strategy == "cos" else done
        ends = zip(self.start_lrs, self.swa_lrs, strict=True)
        self._use([1 + (end / start - 1) * done if start else 1.0 for start, end in ends])
