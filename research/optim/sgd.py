"""Steps along the gradient, or along its sign."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from research.optim.optimizer import Optimizer
from shared_ops import ops
from shared_ops.op import Op


class SGD(Optimizer):
    """Gradient descent, with momentum if asked: torch.optim.SGD."""

    op = ops.sgd_momentum

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ):
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
        )

    def check(self, settings: Any) -> None:
        super().check(settings)
        momentum, dampening = settings["momentum"], settings["dampening"]
        if settings["nesterov"] and (momentum <= 0 or dampening):
            raise ValueError(f"nesterov needs momentum and no dampening; got {momentum=}, {dampening=}")

    def kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def how(self, group: dict[str, Any], first: bool) -> tuple[Op, dict[str, Any]]:
        op, settings = super().how(group, first)
        if not group["momentum"]:
            return ops.sgd, {"weight_decay": group["weight_decay"]}
        if first:  # PyTorch's first step takes the gradient whole
            settings["dampening"] = 0.0
        return op, settings


class Lion(Optimizer):
    """A step of lr in each direction, by the sign of an average: Chen et al. 2023."""

    op, keeps = ops.lion, ("mean",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ):
        super().__init__(params, lr=lr, betas=tuple(betas), weight_decay=weight_decay)
