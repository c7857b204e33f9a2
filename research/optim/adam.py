"""Adam and its kin: steps by the gradients' average, divided by the root of their squares' average."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from research.optim.optimizer import Optimizer
from shared_ops import ops

Betas = tuple[float, float]


class _Averaging(Optimizer):
    """What they keep: both averages, and the number of the step."""

    keeps, counts = ("mean", "variance"), True


class Adam(_Averaging):
    """Adam: Kingma & Ba 2015; torch.optim.Adam."""

    op = ops.adam

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ):
        super().__init__(params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay, maximize=maximize)


class AdamW(_Averaging):
    """Adam with weight decay apart from the averages: Loshchilov & Hutter 2019; torch.optim.AdamW."""

    op = ops.adamw

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        *,
        maximize: bool = False,
    ):
        super().__init__(params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay, maximize=maximize)


class NAdam(_Averaging):
    """Adam with Nesterov's momentum: Dozat 2016; torch.optim.NAdam."""

    op = ops.nadam

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
    ):
        super().__init__(
            params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay
        )


class RAdam(_Averaging):
    """Adam that waits until the variance of its step is known: Liu et al. 2020; torch.optim.RAdam."""

    op = ops.radam

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay)


class Lamb(_Averaging):
    """Adam's step, made as long as lr times the parameter, for large batches: You et al. 2020."""

    op = ops.lamb

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay)


LAMB = Lamb
