"""Steps divided by the root of the gradients' squares, one way or another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from research.optim.optimizer import Optimizer
from shared_ops import ops
from shared_ops.op import Op


class RMSprop(Optimizer):
    """Steps divided by the root of the gradient's average square: torch.optim.RMSprop."""

    op, keeps = ops.rmsprop, ("square", "average", "momentum_buffer")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ):
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered
        )


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of the gradient's squares: torch.optim.Adagrad."""

    op, keeps, counts = ops.adagrad, ("total",), True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ):
        super().__init__(
            params,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )

    def first_state(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        state = super().first_state(p, group)
        state["total"] += group["initial_accumulator_value"]
        return state

    def how(self, group: dict[str, Any], first: bool) -> tuple[Op, dict[str, Any]]:
        op, settings = super().how(group, first)
        del settings["initial_accumulator_value"]
        return op, settings


class Adadelta(Optimizer):
    """Steps as long as the last ones, by the gradient's average square: torch.optim.Adadelta."""

    op, keeps = ops.adadelta, ("square", "change")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)
