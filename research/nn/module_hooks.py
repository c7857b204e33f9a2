"""Hooks of modules: what is called before and after forward, and when gradients have passed through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from research.function import Function
from research.hooks import RemovableHandle
from research.tensor import Tensor

KINDS = ("forward_pre", "forward", "full_backward_pre", "full_backward")


class ModuleHooks:
    """The hooks of one module, by kind. A module has none of these until it is given a hook."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[int, tuple[Callable, bool]]] = {kind: {} for kind in KINDS}

    def add(self, kind: str, hook: Callable, with_kwargs: bool = False) -> RemovableHandle:
        return RemovableHandle(self.tables[kind], (hook, with_kwargs))

    def of(self, kind: str) -> list[tuple[Callable, bool]]:
        return list(self.tables[kind].values())

    def call(self, module: Any, inputs: tuple, settings: dict[str, Any]) -> Any:
        """module.forward, with the hooks around it."""
        for hook, with_kwargs in self.of("forward_pre"):
            changed = hook(module, inputs, settings) if with_kwargs else hook(module, inputs)
            if changed is not None and with_kwargs:
                inputs, settings = changed
            elif changed is not None:
                inputs = changed if isinstance(changed, tuple) else (changed,)
        watch = _Backward(module, self) if self.of("full_backward") or self.of("full_backward_pre") else None
        inputs = watch.passed(inputs, watch.at_inputs) if watch else inputs
        out = module.forward(*inputs, **settings)
        for hook, with_kwargs in self.of("forward"):
            changed = hook(module, inputs, settings, out) if with_kwargs else hook(module, inputs, out)
            out = out if changed is None else changed
        if watch is None:
            return out
        several = isinstance(out, tuple)
        passed = watch.passed(out if several else (out,), watch.at_outputs)
        return passed if several else passed[0]


class _Passed(Function):
    """Tensors as they are, whose gradients somebody sees, and may change."""

    @staticmethod
    def forward(ctx: Any, tell: Callable, *tensors: Tensor) -> Any:
        ctx.tell = tell
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return (None, *ctx.tell(gradients))


class _Backward:
    """One call of a module: the gradients of its outputs, and then those of its inputs."""

    def __init__(self, module: Any, hooks: ModuleHooks):
        self.module, self.hooks = module, hooks
        self.grad_output: tuple[Any, ...] = ()
        self.inputs = 0

    def passed(self, values: tuple, tell: Callable) -> tuple[Any, ...]:
        """The values, of which the tensors with gradients go through `_Passed`."""
        at = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
        if tell == self.at_inputs:
            self.inputs = len(at)
        if not at:
            return values
        passed = dict(zip(at, _Passed.apply(tell, *[values[i] for i in at]), strict=True))
        return tuple(passed.get(i, v) for i, v in enumerate(values))

    def at_outputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook, _ in self.hooks.of("full_backward_pre"):
            gradients = _replaced(gradients, hook(self.module, gradients))
        self.grad_output = gradients
        if not self.inputs:  # nothing goes further back than this module
            self._tell((None,))
        return gradients

    def at_inputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        return self._tell(gradients)

    def _tell(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook, _ in self.hooks.of("full_backward"):
            gradients = _replaced(gradients, hook(self.module, gradients, self.grad_output))
        return gradients


def _replaced(gradients: tuple[Any, ...], new: Any) -> tuple[Any, ...]:
    return gradients if new is None else tuple(new) if isinstance(new, tuple | list) else (new,)
