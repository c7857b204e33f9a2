"""Optimizer: parameters in groups, settings by group, state by parameter name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from research.grad_mode import GradMode
from research.hooks import RemovableHandle
from research.tensor import Tensor
from shared_ops.device import array_module
from shared_ops.op import Op
from shared_ops.update import apply_updates

LIMITS = {  # what a setting has to be, in words
    "lr": (lambda v: v >= 0, "a learning rate is not negative"),
    "betas": (lambda v: all(0 <= b < 1 for b in v), "betas are at least 0 and below 1"),
    "eps": (lambda v: v >= 0, "eps is not negative"),
    "weight_decay": (lambda v: v >= 0, "weight decay is not negative"),
    "momentum": (lambda v: v >= 0, "momentum is not negative"),
    "rho": (lambda v: 0 <= v <= 1, "rho is from 0 to 1"),
    "alpha": (lambda v: 0 <= v <= 1, "alpha is from 0 to 1"),
}


class Optimizer:
    """Holds parameters in groups and, for each parameter, its state. Subclasses say which op makes a step.

    Parameters come as tensors, as (name, tensor) pairs, `model.named_parameters()`, or in groups, dicts of `params` and
    settings of their own. State is kept by name, so it finds its parameter again in a model that is put together in
    another order; tensors without names are numbered.
    """

    op: ClassVar[Op]
    keeps: ClassVar[tuple[str, ...]] = ()  # the op's state, arrays that start as zeros
    counts: ClassVar[bool] = False  # whether the op takes the number of the step

    def __init__(self, params: Iterable[Any], **defaults: Any):
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[str, dict[str, Any]] = {}
        self.schedules: list[Any] = []  # the learning rate schedulers, in the order of their making
        self.step_count = 0
        self._hooks: dict[str, dict[int, Callable]] = {"before": {}, "after": {}}
        every: list[Any] = [params] if isinstance(params, Tensor) else list(params)
        if not every:
            raise ValueError("an optimizer needs at least one parameter; got none")
        groups = every if isinstance(every[0], dict) else [{"params": every}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimise these, too: `params`, and any settings that differ from the optimizer's own."""
        unknown = group.keys() - self.defaults.keys() - {"params", "initial_lr"}
        if unknown:
            known = ", ".join(self.defaults)
            raise ValueError(f"{type(self).__name__} has no setting {min(unknown)!r}; it takes {known}")
        given = group["params"]
        given = [given] if isinstance(given, Tensor) else list(given)
        named = [p if isinstance(p, tuple) else (str(len(self.names()) + i), p) for i, p in enumerate(given)]
        if not named:
            raise ValueError("a group of parameters needs at least one; got none")
        taken, held = set(self.names()), {id(p) for p in self.parameters()}
        for name, p in named:
            if not isinstance(p, Tensor) or not p.is_leaf:
                raise TypeError(f"an optimizer changes leaf tensors; parameter {name} is {type(p).__name__}")
            if name in taken or id(p) in held:
                raise ValueError(f"each parameter stands in an optimizer once; {name} came twice")
            taken.add(name)
            held.add(id(p))
        settings = {**self.defaults, **{k: v for k, v in group.items() if k != "params"}}
        self.check(settings)
        self.param_groups.append({"params": [p for _, p in named], "names": [name for name, _ in named], **settings})

    def check(self, settings: Mapping[str, Any]) -> None:
        """Raise ValueError for a setting that cannot be."""
        for name, (holds, rule) in LIMITS.items():
            if name in settings and not holds(settings[name]):
                raise ValueError(f"{rule}; got {name}={settings[name]}")

    def parameters(self) -> list[Tensor]:
        """All parameters, group by group."""
        return [p for group in self.param_groups for p in group["params"]]

    def names(self) -> list[str]:
        """Their names."""
        return [name for group in self.param_groups for name in group["names"]]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or make them zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                p._forget_grad(set_to_none)

    # a step -------------------------------------------------------------------------------------------------------
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient, and its state, in place.

        `closure` computes the loss and its gradients first; the loss is returned.
        """
        loss = None
        if closure is not None:
            with GradMode(True):
                loss = closure()
        for hook in tuple(self._hooks["before"].values()):
            hook(self)
        for group in self.param_groups:
            self._step_group(group)
        self.step_count += 1
        for hook in tuple(self._hooks["after"].values()):
            hook(self)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        rows: dict[int, list[tuple[Any, ...]]] = {}  # by the number of their step, 1 for a parameter's first
        keeps, counts, sign = self.kept(group), self.counts, -1 if group.get("maximize") else 1
        for name, p in zip(group["names"], group["params"], strict=True):
            if p.grad is None:
                continue
            state = self.state.get(name)
            turn = 2
            if not state:
                turn, state = 1, self.first_state(p.array, group)
                self.state[name] = state
            if counts:
                turn = state["step"] = state["step"] + 1
            g = p.grad.array if sign == 1 else -p.grad.array
            rows.setdefault(turn, []).append((p.array, g, *[state[key] for key in keeps]))
            p.count_change()
        for turn, together in rows.items():
            op, settings = self.how(group, turn == 1)
            lr = group["lr"]
            apply_updates(op, together, (turn, lr) if counts else (lr,), settings)

    def kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The names of the arrays that are kept for each parameter of the group."""
        return self.keeps

    def first_state(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        """What is kept for a parameter before its first step."""
        count: dict[str, Any] = {"step": 0} if self.counts else {}
        return count | {key: array_module((p,)).zeros(p.shape, p.dtype) for key in self.kept(group)}

    def how(self, group: dict[str, Any], first: bool) -> tuple[Op, dict[str, Any]]:
        """The op that makes a step, with its settings; `first`: of parameters without state yet."""
        settings = {name: group[name] for name in self.defaults if name not in ("lr", "maximize")}
        if "betas" in settings:
            settings["beta1"], settings["beta2"] = settings.pop("betas")
        return self.op, settings

    def register_step_pre_hook(self, hook: Callable[[Optimizer], None]) -> Any:
        """Call hook(optimizer) before each step."""
        return self._hooked("before", hook)

    def register_step_post_hook(self, hook: Callable[[Optimizer], None]) -> Any:
        """Call hook(optimizer) after each step."""
        return self._hooked("after", hook)

    def _hooked(self, when: str, hook: Callable) -> Any:
        return RemovableHandle(self._hooks[when], hook)

    # its state ----------------------------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """Groups, with the names of their parameters, and the state by name: what `research.save` takes."""
        groups = [
            {**{k: v for k, v in group.items() if k not in ("params", "names")}, "params": list(group["names"])}
            for group in self.param_groups
        ]
        return {"param_groups": groups, "state": {name: dict(s) for name, s in self.state.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, all or nothing, each parameter by its name.

        Raises ValueError that lists the names that are missing, unexpected or of another shape.
        """
        if "settings" in state:  # of before there were groups
            state = {"param_groups": [{**state["settings"], "params": self.names()}], "state": state["state"]}
        groups = state["param_groups"]
        self._check_state(groups, state["state"])
        settings = {name: group for group in groups for name in group["params"]}
        for group in self.param_groups:
            saved = settings[group["names"][0]]
            group.update({k: v for k, v in saved.items() if k != "params"})
        self.state = {name: {k: _own(v) for k, v in s.items()} for name, s in state["state"].items()}

    def _check_state(self, groups: list[dict[str, Any]], state: Mapping[str, Any]) -> None:
        own = dict(zip(self.names(), self.parameters(), strict=True))
        came = [name for group in groups for name in group["params"]]
        problems = [f"missing: {name}" for name in own if name not in came]
        problems += [f"unexpected: {name}" for name in came if name not in own]
        if not problems:
            halves = [set(group["names"]) for group in self.param_groups]
            problems += [
                f"grouped otherwise: {', '.join(g['params'])}" for g in groups if set(g["params"]) not in halves
            ]
        for name, values in state.items():
            if name not in own:
                problems += [] if name in came else [f"unexpected: {name}"]
                continue
            for key, value in values.items():
                shape = tuple(getattr(value, "shape", ()))
                if shape not in ((), own[name].shape):
                    problems.append(f"another shape: {name} is {own[name].shape}, its {key} is {shape}")
        if problems:
            raise ValueError(f"the state does not fit this {type(self).__name__}:\n  " + "\n  ".join(sorted(problems)))

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"  group {i}: {len(group['params'])} parameters of {_count(group):,} values")
            lines += [
                f"    {name}: {value}" for name, value in sorted(group.items()) if name not in ("params", "names")
            ]
        return "\n".join([*lines, ")"])


def _count(group: dict[str, Any]) -> int:
    return sum(math.prod(p.shape) for p in group["params"])


def _own(value: Any) -> Any:
    """A copy of an array, or of several, for a step changes them in place."""
    if isinstance(value, list):
        return [_own(v) for v in value]
    array = value.array if isinstance(value, Tensor) else value
    return array.copy() if hasattr(array, "copy") else array
