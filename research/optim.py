"""Optimisers: torch.optim's names over the update ops."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from research.tensor import Tensor
from shared_ops import ops
from shared_ops.device import array_module, is_view
from shared_ops.op import Op
from shared_ops.update import apply_updates, clip_grad_norm


class Optimizer:
    """Holds parameters and, for each, its state. Subclasses say which op makes a step, and what it keeps.

    Parameters come as tensors, or as (name, tensor) pairs, `model.named_parameters()`; state is then kept by name.
    """

    op: ClassVar[Op]
    keeps: ClassVar[tuple[str, ...]] = ()  # the op's state, arrays that start as zeros
    counts = False  # whether the op takes the number of the step

    def __init__(self, params: Iterable[Any], **settings: Any):
        named = [p if isinstance(p, tuple) else (str(i), p) for i, p in enumerate(params)]
        if not named:
            raise ValueError("an optimizer needs at least one parameter; got none")
        for name, p in named:
            if not isinstance(p, Tensor) or not p.is_leaf:
                raise TypeError(f"an optimizer changes leaf tensors; parameter {name} is {type(p).__name__}")
        if settings["lr"] < 0:
            raise ValueError(f"a learning rate is not negative; got lr={settings['lr']}")
        if not all(0 <= b < 1 for b in settings.get("betas", ())):
            raise ValueError(f"betas are at least 0 and below 1; got betas={settings['betas']}")
        self.params: dict[str, Tensor] = dict(named)
        self.settings = settings
        self.state: dict[str, dict[str, Any]] = {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or make them zeros."""
        for p in self.params.values():
            p._forget_grad(set_to_none)

    def step(self) -> None:
        """Change every parameter that has a gradient, and its state, in place."""
        rows: dict[int, list[tuple[Any, ...]]] = {}  # by the number of their step, 1 for a parameter's first
        keeps, counts = self.keeps, self.counts
        for name, p in self.params.items():
            if p.grad is None:
                continue
            state = self.state.get(name)
            turn = 2
            if not state:
                turn, state = 1, self._first_state(p.array)
                self.state[name] = state
            if counts:
                turn = state["step"] = state["step"] + 1
            rows.setdefault(turn, []).append((p.array, p.grad.array, *[state[key] for key in keeps]))
            if p.version is not None:  # as Tensor._write does
                p.version[0] += 1
        for turn, together in rows.items():
            op, settings = self._how(turn == 1)
            lr = settings.pop("lr")
            apply_updates(op, together, (turn, lr) if counts else (lr,), settings)

    def _first_state(self, p: Any) -> dict[str, Any]:
        count = {"step": 0} if self.counts else {}
        return count | {key: array_module((p,)).zeros(p.shape, p.dtype) for key in self.keeps}

    def _how(self, first: bool) -> tuple[Op, dict[str, Any]]:
        """The op that makes a step, with its settings; `first`: of parameters without state yet."""
        settings = dict(self.settings)
        if "betas" in settings:
            settings["beta1"], settings["beta2"] = settings.pop("betas")
        return self.op, settings

    def state_dict(self) -> dict[str, Any]:
        """Settings and state, the state by parameter name."""
        return {"settings": dict(self.settings), "state": {n: dict(s) for n, s in self.state.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave. Raises ValueError for parameters that are not there."""
        unknown = state["state"].keys() - self.params.keys()
        if unknown:
            raise ValueError(f"the state has parameter {min(unknown)!r}; the optimizer has {', '.join(self.params)}")
        self.settings.update(state["settings"])
        self.state = {name: {k: _own(v) for k, v in s.items()} for name, s in state["state"].items()}


def _own(value: Any) -> Any:
    """A copy of an array, for a step changes it in place."""
    array = value.array if isinstance(value, Tensor) else value
    return array.copy() if hasattr(array, "copy") else array


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
    ):
        if nesterov and (momentum <= 0 or dampening):
            raise ValueError(f"nesterov needs momentum and no dampening; got {momentum=}, {dampening=}")
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )

    @property
    def keeps(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("momentum_buffer",) if self.settings["momentum"] else ()

    def _how(self, first: bool) -> tuple[Op, dict[str, Any]]:
        settings = dict(self.settings)
        if not settings["momentum"]:
            return ops.sgd, {"lr": settings["lr"], "weight_decay": settings["weight_decay"]}
        if first:  # PyTorch's first step takes the gradient whole
            settings["dampening"] = 0.0
        return ops.sgd_momentum, settings


class Adam(Optimizer):
    """Adam: Kingma & Ba 2015; torch.optim.Adam."""

    op, keeps, counts = ops.adam, ("mean", "variance"), True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay)


class AdamW(Optimizer):
    """Adam with weight decay apart from the averages: Loshchilov & Hutter 2019; torch.optim.AdamW."""

    op, keeps, counts = ops.adamw, ("mean", "variance"), True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ):
        super().__init__(params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay)


class Lamb(Optimizer):
    """Adam's step, made as long as lr times the parameter, for large batches: You et al. 2020."""

    op, keeps, counts = ops.lamb, ("mean", "variance"), True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay)


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
        super().__init__(params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)
        self.initial_accumulator_value = initial_accumulator_value

    def _first_state(self, p: Any) -> dict[str, Any]:
        state = super()._first_state(p)
        state["total"] += self.initial_accumulator_value
        return state


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


def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0) -> Tensor:
    """Scale the gradients of parameters in place so that their norm together is at most max_norm; the norm before.

    torch.nn.utils.clip_grad_norm_.
    """
    every = [parameters] if isinstance(parameters, Tensor) else parameters
    grads = [p.grad for p in every if p.grad is not None]
    seen: set[int] = set()
    for g in grads:  # backward may have given one array to several, or a view of one
        if id(g.array) in seen or is_view(g.array):
            g.array = g.array.copy()
        seen.add(id(g.array))
        if g.version is not None:
            g.version[0] += 1
    return Tensor(clip_grad_norm([g.array for g in grads], max_norm, norm_type))
