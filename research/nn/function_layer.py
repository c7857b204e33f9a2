"""FunctionLayer: a layer without parameters, which is a function and its settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from research.nn.module import Module
from research.tensor import Tensor

REQUIRED = inspect.Parameter.empty
NOT_FOR_THE_FUNCTION = {"inplace", "size_average", "reduce"}  # PyTorch's, which make no difference to the result


class FunctionLayer(Module):
    """Base: subclasses name the function, and its settings by order, name and default.

    `inplace` is taken as PyTorch's, and the result is the same; but a new tensor is made.
    """

    function: ClassVar[Callable]
    settings: ClassVar[dict[str, Any]] = {}
    passed: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        cls.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, kind, default=default) for name, default in cls.settings.items()]
        )
        cls.passed = tuple(name for name in cls.settings if name not in NOT_FOR_THE_FUNCTION)

    def __init__(self, *args: Any, **given: Any):
        super().__init__()
        try:
            bound = inspect.signature(type(self)).bind(*args, **given)
        except TypeError as error:
            known = ", ".join(self.settings) or "no settings"
            raise TypeError(f"{type(self).__name__} takes {known}: {error}") from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if isinstance(value, Tensor):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)
        self.check()

    def check(self) -> None:
        """Raise ValueError for settings that cannot be."""

    def forward(self, input: Any) -> Any:
        if not self.passed:
            return type(self).function(input)
        return type(self).function(input, **self.chosen())

    def chosen(self) -> dict[str, Any]:
        """The settings that the function takes."""
        return {name: getattr(self, name) for name in self.passed}

    def extra_repr(self) -> str:
        shown = ((name, getattr(self, name)) for name in self.settings)
        return ", ".join(f"{name}={value!r}" for name, value in shown if value is not None and value is not False)


class SeveralInputs(FunctionLayer):
    """The same for a function of several inputs."""

    def forward(self, *inputs: Any, **more: Any) -> Any:
        return type(self).function(*inputs, **self.chosen(), **more)


def a_probability(layer: str, p: float) -> None:
    """Raise ValueError for what is no probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"{layer} needs a probability between 0 and 1; got p={p}")
