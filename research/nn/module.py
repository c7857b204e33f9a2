"""Module: parameters, buffers and modules inside modules, under names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from research.eager import give_shortcuts
from research.tensor import Tensor, _as_array
from shared_ops.device import Device
from shared_ops.spec import spec_of


class Parameter(Tensor):
    """A tensor that a module learns: it requires a gradient, and assigning it to a module registers it."""

    def __init__(self, data: Any, requires_grad: bool = True):
        super().__init__(data, requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


give_shortcuts(Parameter)


class Module:
    """Base of all layers and models: set parameters and modules as attributes, and write `forward`."""

    training: bool

    def __init__(self) -> None:
        for name, value in {"_parameters": {}, "_buffers": {}, "_modules": {}, "training": True}.items():
            object.__setattr__(self, name, value)

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward: def forward(self, x): …")

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        return self.forward(*inputs, **settings)

    # names ----------------------------------------------------------------------------------------------------------
    def __setattr__(self, name: str, value: Any) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(
                f"{type(self).__name__}.__init__ must call super().__init__() before it sets attributes"
            )
        kinds = {"_parameters": Parameter, "_modules": Module, "_buffers": Tensor}
        home = next((h for h, kind in kinds.items() if isinstance(value, kind)), None)
        if home == "_buffers" and name not in self._buffers:
            home = None  # a plain tensor is an ordinary attribute unless it was registered as a buffer
        for table in kinds:
            if table != home and not (value is None and name in self.__dict__[table]):
                self.__dict__[table].pop(name, None)
        if home is None and not any(name in self.__dict__[table] for table in kinds):
            object.__setattr__(self, name, value)
        else:
            self.__dict__.pop(name, None)
            table = home or next(t for t in kinds if name in self.__dict__[t])
            self.__dict__[table][name] = value

    def __getattr__(self, name: str) -> Any:
        for table in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__.get(table, ()):
                return self.__dict__[table][name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        self._parameters[name] = parameter

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """A tensor that belongs to the module's state but is not learned."""
        self._buffers[name] = tensor

    def add_module(self, name: str, module: Module) -> None:
        self._modules[name] = module

    # walks ----------------------------------------------------------------------------------------------------------
    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all inside it, each once."""
        seen: set[int] = set()
        waiting = [(prefix, self)]
        while waiting:
            name, module = waiting.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module
                inside = [(f"{name}.{n}" if name else n, m) for n, m in module._modules.items() if m is not None]
                waiting.extend(reversed(inside))

    def modules(self) -> Iterator[Module]:
        return (m for _, m in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((n, m) for n, m in self._modules.items() if m is not None)

    def children(self) -> Iterator[Module]:
        return (m for _, m in self.named_children())

    def _named(self, table: str) -> Iterator[tuple[str, Module, str, Tensor]]:
        for path, module in self.named_modules():
            for name, tensor in module.__dict__[table].items():
                if tensor is not None:
                    yield (f"{path}.{name}" if path else name), module, name, tensor

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with its dotted name."""
        seen: set[int] = set()
        for path, _, _, tensor in self._named("_parameters"):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield path, tensor  # type: ignore[misc]

    def parameters(self) -> Iterator[Parameter]:
        return (p for _, p in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        return ((path, tensor) for path, _, _, tensor in self._named("_buffers"))

    def buffers(self) -> Iterator[Tensor]:
        return (b for _, b in self.named_buffers())

    def apply(self, function: Callable[[Module], Any]) -> Module:
        """Call a function on every module, the innermost first."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    # modes and places -----------------------------------------------------------------------------------------------
    def train(self, mode: bool = True) -> Module:
        """Training mode: dropout drops."""
        for module in self.modules():
            object.__setattr__(module, "training", mode)
        return self

    def eval(self) -> Module:
        """Evaluation mode: dropout does nothing."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or make them zeros."""
        for p in self.parameters():
            p._forget_grad(set_to_none)

    def to(self, device: str | Device) -> Module:
        """Move all parameters and buffers to a device."""
        device = Device(device) if isinstance(device, str) else device
        for tensor in [*self.parameters(), *self.buffers()]:
            tensor.array = device.put(tensor.array)
        return self

    # state ----------------------------------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Tensor]:
        """All parameters and buffers by dotted name, without history; they share memory with the module."""
        return {path: tensor.detach() for path, tensor in self._state().items()}

    def _state(self) -> dict[str, Tensor]:
        return {path: tensor for table in ("_parameters", "_buffers") for path, _, _, tensor in self._named(table)}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Copy values in by name, all or nothing.

        Raises RuntimeError that lists what is missing, unexpected or of another shape; `strict=False` passes over
        the first two.
        """
        own = self._state()
        problems = []
        if strict:
            problems += [f"missing: {n}" for n in own if n not in state]
            problems += [f"unexpected: {n}{_suggest(n, own)}" for n in state if n not in own]
        for name in own.keys() & state.keys():
            have, came = own[name], _as_array(state[name])
            if have.shape != came.shape:
                problems.append(f"another shape: {name} is {spec_of(have.array)}, the state has {spec_of(came)}")
        if problems:
            raise RuntimeError(f"the state does not fit {type(self).__name__}:\n  " + "\n  ".join(sorted(problems)))
        for name in own.keys() & state.keys():
            own[name]._write(own[name].device.put(_as_array(state[name])))

    # words ----------------------------------------------------------------------------------------------------------
    def extra_repr(self) -> str:
        """What stands between the brackets when the module is printed."""
        return ""

    def __repr__(self) -> str:
        inside = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self.named_children()]
        body = "\n  " + "\n  ".join(inside) + "\n" if inside else ""
        return f"{type(self).__name__}({self.extra_repr()}{body})"


def _suggest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f" (did you mean {close[0]}?)" if close else ""
