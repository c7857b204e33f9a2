"""L-BFGS: steps by the curvature that the last gradients tell of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from research.grad_mode import GradMode
from research.optim.optimizer import Optimizer
from research.optim.strong_wolfe import strong_wolfe
from shared_ops.device import array_module

STATE = "lbfgs"  # all parameters are one vector, and have one state


class LBFGS(Optimizer):
    """Limited-memory BFGS: Nocedal & Wright 2006, algorithm 7.4; torch.optim.LBFGS.

    `step` needs a closure, which it calls several times. `line_search_fn`: None for steps of lr, or "strong_wolfe".
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS needs line_search_fn None or 'strong_wolfe'; got {line_search_fn!r}")
        super().__init__(
            params,
            lr=lr,
            max_iter=max_iter,
            max_eval=max_eval if max_eval is not None else max_iter * 5 // 4,
            tolerance_grad=tolerance_grad,
            tolerance_change=tolerance_change,
            history_size=history_size,
            line_search_fn=line_search_fn,
        )
        if len(self.param_groups) != 1:
            raise ValueError(f"LBFGS takes all its parameters as one group; got {len(self.param_groups)} groups")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to max_iter steps; the loss before the first."""
        if closure is None:
            raise ValueError("LBFGS needs a closure that computes the loss and its gradients: step(closure)")
        return _Descent(self, closure).run()

    def _check_state(self, groups: list[dict[str, Any]], state: Any) -> None:
        super()._check_state(groups, {})


class _Descent:
    """One call of step: where it stands, and what it has found out."""

    def __init__(self, optimizer: LBFGS, closure: Callable[[], Any]):
        self.group, self.params, self.closure = optimizer.param_groups[0], optimizer.parameters(), closure
        self.state = optimizer.state.setdefault(STATE, {"steps": 0, "changes": [], "bends": []})
        self.evaluations = 0

    def run(self) -> Any:
        group, state = self.group, self.state
        first = loss = self._loss()
        x, g = self._values(), self._gradient()
        for _ in range(group["max_iter"]):
            if np.abs(g).max(initial=0.0) <= group["tolerance_grad"]:
                break
            state["steps"] += 1
            if "gradient" in state:
                self._remember(x - state["values"], g - state["gradient"])
            direction = self._direction(g)
            slope = float(g @ direction)
            if slope > -group["tolerance_change"]:
                break
            state["values"], state["gradient"] = x.copy(), g.copy()
            size = group["lr"] * (min(1.0, 1.0 / np.abs(g).sum()) if state["steps"] == 1 else 1.0)
            before = loss
            if group["line_search_fn"] is None:
                x = x + size * direction
                self._move(x)
                loss, g = self._loss(), self._gradient()
            else:
                line = functools.partial(self._along, x, direction)
                size, loss, g = strong_wolfe(line, size, direction, loss, g, slope)
                x = x + size * direction
                self._move(x)
            changed = np.abs(size * direction).max(initial=0.0)
            if self.evaluations >= group["max_eval"] or changed <= group["tolerance_change"]:
                break
            if abs(loss - before) < group["tolerance_change"]:
                break
        return first

    def _remember(self, change: np.ndarray, bend: np.ndarray) -> None:
        """Keep how the gradient changed along a step, where it says something of the curvature."""
        if bend @ change > 1e-10:
            for name, vector in (("changes", change), ("bends", bend)):
                self.state[name] = [*self.state[name], vector][-self.group["history_size"] :]

    def _direction(self, g: np.ndarray) -> np.ndarray:
        """The two loops of algorithm 7.4."""
        changes, bends = self.state["changes"], self.state["bends"]
        q, shares = -g, []
        for s, y in zip(reversed(changes), reversed(bends), strict=True):
            shares.append((s @ q) / (s @ y))
            q = q - shares[-1] * y
        if changes:
            q = q * ((changes[-1] @ bends[-1]) / (bends[-1] @ bends[-1]))
        for s, y in zip(changes, bends, strict=True):
            q = q + s * (shares.pop() - (y @ q) / (s @ y))
        return q

    # the parameters as one vector -----------------------------------------------------------------------------------
    def _along(self, x: np.ndarray, direction: np.ndarray, t: float) -> tuple[float, np.ndarray]:
        self._move(x + t * direction)
        return self._loss(), self._gradient()

    def _loss(self) -> float:
        self.evaluations += 1
        with GradMode(True):
            return float(self.closure())

    def _values(self) -> np.ndarray:
        return _joined([p.array for p in self.params])

    def _gradient(self) -> np.ndarray:
        zeros = array_module([p.array for p in self.params]).zeros_like
        return _joined([zeros(p.array) if p.grad is None else p.grad.array for p in self.params])

    def _move(self, x: np.ndarray) -> None:
        start = 0
        for p in self.params:
            p._write(x[start : start + p.array.size].reshape(p.shape))
            start += p.array.size


def _joined(arrays: list[Any]) -> Any:
    return array_module(arrays).concatenate([a.reshape(-1) for a in arrays])
