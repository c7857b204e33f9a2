"""Optimisers: torch.optim's names over the update ops."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from research.tensor import Tensor
from shared_ops import ops
from shared_ops.device import array_module


class Optimizer:
    """Holds parameters and, for each, its state. Subclasses say in `_update` what one step does to one parameter.

    Parameters come as tensors, or as (name, tensor) pairs, `model.named_parameters()`; state is then kept by name.
    """

    def __init__(self, params: Iterable[Any], **settings: Any):
        named = [p if isinstance(p, tuple) else (str(i), p) for i, p in enumerate(params)]
        if not named:
            raise ValueError("an optimizer needs at least one parameter; got none")
        for name, p in named:
            if not isinstance(p, Tensor) or not p.is_leaf:
                raise TypeError(f"an optimizer changes leaf tensors; parameter {name} is {type(p).__name__}")
        if settings["lr"] < 0:
            raise ValueError(f"a learning rate is not negative; got lr={settings['lr']}")
        self.params: dict[str, Tensor] = dict(named)
        self.settings = settings
        self.state: dict[str, dict[str, Any]] = {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or make them zeros."""
        for p in self.params.values():
            p._forget_grad(set_to_none)

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for name, p in self.params.items():
            if p.grad is not None:
                p._write(self._update(p.array, p.grad.array, self.state.setdefault(name, {})))

    def _update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Settings and state, the state by parameter name."""
        return {"settings": dict(self.settings), "state": {n: dict(s) for n, s in self.state.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave. Raises ValueError for parameters that are not there."""
        unknown = state["state"].keys() - self.params.keys()
        if unknown:
            raise ValueError(f"the state has parameter {min(unknown)!r}; the optimizer has {', '.join(self.params)}")
        self.settings.update(state["settings"])
        self.state = {
            name: {k: v.array.copy() if isinstance(v, Tensor) else v for k, v in s.items()}
            for name, s in state["state"].items()
        }


class SGD(Optimizer):
    """Gradient descent, with momentum if asked: torch.optim.SGD."""

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

    def _update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        how = dict(self.settings)
        lr = how.pop("lr")
        if not how["momentum"]:
            return ops.sgd(p, g, lr, weight_decay=how["weight_decay"])
        if "momentum_buffer" not in state:  # PyTorch's first step takes the gradient whole
            state["momentum_buffer"] = array_module((p,)).zeros_like(p)
            how["dampening"] = 0.0
        out, state["momentum_buffer"] = ops.sgd_momentum(p, g, state["momentum_buffer"], lr, **how)
        return out


class Adam(Optimizer):
    """Adam: Kingma & Ba 2015; torch.optim.Adam."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        if not all(0 <= b < 1 for b in betas):
            raise ValueError(f"betas are at least 0 and below 1; got {betas=}")
        super().__init__(params, lr=lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay)

    def _update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        if not state:
            xp = array_module((p,))
            state.update(step=0, mean=xp.zeros_like(p), variance=xp.zeros_like(p))
        state["step"] += 1
        how = self.settings
        beta1, beta2 = how["betas"]
        out, state["mean"], state["variance"] = ops.adam(
            p,
            g,
            state["mean"],
            state["variance"],
            state["step"],
            how["lr"],
            beta1=beta1,
            beta2=beta2,
            eps=how["eps"],
            weight_decay=how["weight_decay"],
        )
        return out
