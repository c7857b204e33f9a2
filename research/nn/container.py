"""Modules that hold modules, or parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from research.nn.module import Module, Parameter


class _Listed(Module):
    """What lists share: their entries are named by number, in a table of the module."""

    table: str

    def __init__(self, entries: Iterable[Any] = ()):
        super().__init__()
        self.extend(entries)

    def _entries(self) -> dict[str, Any]:
        return self.__dict__[self.table]

    def _set(self, entries: Iterable[Any]) -> None:
        self.__dict__[self.table] = {}
        for i, entry in enumerate(entries):
            self._add(str(i), entry)

    def _add(self, name: str, entry: Any) -> None:
        raise NotImplementedError

    def _at(self, index: int) -> str:
        names = list(self._entries())
        if not -len(names) <= index < len(names):
            raise IndexError(f"{type(self).__name__} has {len(names)} entries; there is no {index}")
        return names[index]

    def append(self, entry: Any) -> Any:
        self._add(str(len(self)), entry)
        return self

    def extend(self, entries: Iterable[Any]) -> Any:
        for entry in list(entries):
            self.append(entry)
        return self

    def insert(self, index: int, entry: Any) -> Any:
        entries = list(self)
        entries.insert(index, entry)
        self._set(entries)
        return self

    def __iadd__(self, entries: Iterable[Any]) -> Any:
        return self.extend(entries)

    def __len__(self) -> int:
        return len(self._entries())

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._entries().values()))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._entries()[self._at(index)]

    def __setitem__(self, index: int, entry: Any) -> None:
        self._add(self._at(index), entry)

    def __delitem__(self, index: Any) -> None:
        entries = list(self)
        del entries[index]
        self._set(entries)


class ModuleList(_Listed):
    """A list whose modules are found by name."""

    table = "_modules"

    def _add(self, name: str, entry: Any) -> None:
        if not isinstance(entry, Module):
            raise TypeError(f"{type(self).__name__} holds modules; got {type(entry).__name__}")
        self.add_module(name, entry)


class Sequential(ModuleList):
    """Each module takes what the one before it gave. Modules in order, or one dict of them by name."""

    def __init__(self, *modules: Any):
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], Mapping) else None
        super().__init__(modules if named is None else ())
        for name, module in (named or {}).items():
            self._add(name, module)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(dict(list(self._modules.items())[index]))
        return super().__getitem__(index)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)
        return input


class ParameterList(_Listed):
    """A list of parameters; what is no parameter becomes one."""

    table = "_parameters"

    def _add(self, name: str, entry: Any) -> None:
        self.register_parameter(name, entry if isinstance(entry, Parameter) else Parameter(entry))

    def extra_repr(self) -> str:
        return ", ".join(f"({name}): {tuple(p.shape)}" for name, p in self._parameters.items())


class _Named(Module):
    """What dicts share."""

    table: str

    def __init__(self, entries: Any = None):
        super().__init__()
        self.update(entries or {})

    def _entries(self) -> dict[str, Any]:
        return self.__dict__[self.table]

    def update(self, entries: Any) -> None:
        """Take over the entries of a dict, or of pairs."""
        for name, entry in entries.items() if isinstance(entries, Mapping | _Named) else entries:
            self[name] = entry

    def __setitem__(self, name: str, entry: Any) -> None:
        raise NotImplementedError

    def __getitem__(self, name: str) -> Any:
        return self._entries()[name]

    def __delitem__(self, name: str) -> None:
        del self._entries()[name]

    def __len__(self) -> int:
        return len(self._entries())

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._entries()))

    def __contains__(self, name: str) -> bool:
        return name in self._entries()

    def keys(self) -> Any:
        return self._entries().keys()

    def values(self) -> Any:
        return self._entries().values()

    def items(self) -> Any:
        return self._entries().items()

    def pop(self, name: str) -> Any:
        return self._entries().pop(name)

    def clear(self) -> None:
        self._entries().clear()


class ModuleDict(_Named):
    """A dict whose modules are found by name."""

    table = "_modules"

    def __setitem__(self, name: str, entry: Any) -> None:
        if not isinstance(entry, Module):
            raise TypeError(f"ModuleDict holds modules; {name!r} is a {type(entry).__name__}")
        self.add_module(name, entry)


class ParameterDict(_Named):
    """A dict of parameters; what is no parameter becomes one."""

    table = "_parameters"

    def __setitem__(self, name: str, entry: Any) -> None:
        self.register_parameter(name, entry if isinstance(entry, Parameter) else Parameter(entry))
