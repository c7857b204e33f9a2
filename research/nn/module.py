"""Module: parameters, buffers and modules inside modules, under names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from research.eager import give_shortcuts
from research.hooks import RemovableHandle
from research.nn.module_hooks import ModuleHooks
from research.tensor import Tensor, _as_array
from shared_ops.device import Device
from shared_ops.spec import dtype_named, is_float, spec_of


class Parameter(Tensor):
    """A tensor that a module learns: it requires a gradient, and assigning it to a module registers it."""

    def __init__(self, data: Any, requires_grad: bool = True):
        super().__init__(data, requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


give_shortcuts(Parameter)


class IncompatibleKeys(NamedTuple):
    """What a state lacked and had too much, where that was passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """Base of all layers and models: set parameters and modules as attributes, and write `forward`."""

    training: bool
    _hooks: ModuleHooks | None = None

    def __init__(self) -> None:
        own = {"_parameters": {}, "_buffers": {}, "_modules": {}, "_not_saved": set(), "training": True}
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward: def forward(self, x): …")

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        if self._hooks is not None:
            return self._hooks.call(self, inputs, settings)
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

    def __delattr__(self, name: str) -> None:
        for table in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__[table]:
                del self.__dict__[table][name]
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def _check_name(self, name: str, table: str) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise KeyError(f"what a module holds has a name without dots; got {name!r}")
        if name not in self.__dict__[table] and hasattr(self, name):
            raise KeyError(f"{type(self).__name__} has an attribute {name!r} already")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        self._check_name(name, "_parameters")
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """A tensor that belongs to the module but is not learned; in its `state_dict` if it is persistent."""
        self._check_name(name, "_buffers")
        self._buffers[name] = tensor
        (self._not_saved.discard if persistent else self._not_saved.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        self._check_name(name, "_modules")
        self._modules[name] = module

    register_module = add_module

    def get_submodule(self, target: str) -> Module:
        """The module of a dotted name. Raises AttributeError where there is none."""
        module = self
        for name in target.split(".") if target else ():
            if name not in module._modules:
                raise AttributeError(f"{type(module).__name__} has no module {name!r}, of {target!r}")
            module = module._modules[name]
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of a dotted name."""
        return self._get(target, "_parameters", "parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of a dotted name."""
        return self._get(target, "_buffers", "buffer")

    def _get(self, target: str, table: str, kind: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in module.__dict__[table]:
            raise AttributeError(f"{type(module).__name__} has no {kind} {name!r}, of {target!r}")
        return module.__dict__[table][name]

    # hooks ----------------------------------------------------------------------------------------------------------
    def _hook(self, kind: str, hook: Callable, with_kwargs: bool = False) -> RemovableHandle:
        if self._hooks is None:
            object.__setattr__(self, "_hooks", ModuleHooks())
        assert self._hooks is not None
        return self._hooks.add(kind, hook, with_kwargs)

    def register_forward_pre_hook(self, hook: Callable, *, with_kwargs: bool = False) -> RemovableHandle:
        """Call hook(module, inputs) before forward; what it returns takes the inputs' place."""
        return self._hook("forward_pre", hook, with_kwargs)

    def register_forward_hook(self, hook: Callable, *, with_kwargs: bool = False) -> RemovableHandle:
        """Call hook(module, inputs, output) after forward; what it returns takes the output's place."""
        return self._hook("forward", hook, with_kwargs)

    def register_full_backward_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call hook(module, grad_output) when the outputs' gradients are there; what it returns takes their place."""
        return self._hook("full_backward_pre", hook)

    def register_full_backward_hook(self, hook: Callable) -> RemovableHandle:
        """Call hook(module, grad_input, grad_output) when the inputs' are; what it returns takes grad_input's place."""
        return self._hook("full_backward", hook)

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

    def _named(self, table: str, prefix: str = "") -> Iterator[tuple[str, Module, str, Tensor]]:
        for path, module in self.named_modules(prefix):
            for name, tensor in module.__dict__[table].items():
                if tensor is not None:
                    yield (f"{path}.{name}" if path else name), module, name, tensor

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with its dotted name."""
        return self._once("_parameters", prefix, recurse)  # type: ignore[return-value]

    def _once(self, table: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Tensor]]:
        seen: set[int] = set()
        for path, module, _, tensor in self._named(table, prefix):
            if id(tensor) not in seen and (recurse or module is self):
                seen.add(id(tensor))
                yield path, tensor

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Every buffer once, with its dotted name."""
        return self._once("_buffers", prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        return (b for _, b in self.named_buffers(recurse=recurse))

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

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Learn all parameters, or none."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def to(self, *target: Any, device: Any = None, dtype: Any = None) -> Module:
        """Move parameters, their gradients and buffers to a device, and cast those of floats to a dtype."""
        for wanted in target:
            if isinstance(wanted, Device) or (isinstance(wanted, str) and wanted.partition(":")[0] in ("cpu", "cuda")):
                device = wanted
            elif wanted is not None:
                dtype = wanted
        device = device if device is None or isinstance(device, Device) else Device(device)
        dtype = None if dtype is None else dtype_named(dtype)
        if dtype is not None and not is_float(dtype):
            raise TypeError(f"a module is cast to a dtype of floats; got {dtype}")
        for tensor in [*self.parameters(), *self.buffers()]:
            for one in (tensor, tensor.grad):
                if one is not None:
                    cast = dtype is not None and is_float(one.dtype)
                    array = one.array.astype(dtype, copy=False) if cast else one.array
                    one.array = array if device is None else device.put(array)
        return self

    def cpu(self) -> Module:
        return self.to("cpu")

    def cuda(self, device: Any = None) -> Module:
        return self.to("cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device)

    def float(self) -> Module:
        return self.to("float32")

    def double(self) -> Module:
        return self.to("float64")

    def half(self) -> Module:
        return self.to("float16")

    def bfloat16(self) -> Module:
        return self.to("bfloat16")

    # state ----------------------------------------------------------------------------------------------------------
    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """All parameters and persistent buffers by dotted name, without history; they share memory with the module."""
        return {prefix + path: tensor.detach() for path, tensor in self._state().items()}

    def _state(self) -> dict[str, Tensor]:
        return {
            path: tensor
            for table in ("_parameters", "_buffers")
            for path, module, name, tensor in self._named(table)
            if table == "_parameters" or name not in module._not_saved
        }

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values in by name, all or nothing.

        Raises RuntimeError that lists what is missing, unexpected or of another shape; `strict=False` passes over
        the first two, and says which they were. A count of batches may be missing, as it is in states of old.
        """
        own = self._state()
        missing = [n for n in own if n not in state_dict and not n.endswith("num_batches_tracked")]
        unexpected = [n for n in state_dict if n not in own]
        problems = []
        if strict:
            problems += [f"missing: {n}" for n in missing]
            problems += [f"unexpected: {n}{_suggest(n, own)}" for n in unexpected]
        for name in own.keys() & state_dict.keys():
            have, came = own[name], _as_array(state_dict[name])
            if have.shape != came.shape:
                problems.append(f"another shape: {name} is {spec_of(have.array)}, the state has {spec_of(came)}")
        if problems:
            raise RuntimeError(f"the state does not fit {type(self).__name__}:\n  " + "\n  ".join(sorted(problems)))
        for name in own.keys() & state_dict.keys():
            own[name]._write(own[name].device.put(_as_array(state_dict[name])))
        return IncompatibleKeys(missing, unexpected)

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
