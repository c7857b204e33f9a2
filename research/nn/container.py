"""Modules that hold modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from research.nn.module import Module


class ModuleList(Module):
    """A list whose modules are found by name."""

    def __init__(self, modules: Any = ()):
        super().__init__()
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> ModuleList:
        self.add_module(str(len(self._modules)), module)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, index: int) -> Module:
        return list(self.children())[index]


class Sequential(ModuleList):
    """Each module takes what the one before it gave. Modules in order, or one dict of them by name."""

    def __init__(self, *modules: Any):
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], dict) else {}
        super().__init__(() if named else modules)
        for name, module in named.items():
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input
