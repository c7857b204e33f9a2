"""Turns a spec's `net` into a research.nn.Module; which layers exist is read from research.nn, never listed here."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from workers.experiment import Experiment, ModuleNet
from workers.problems import SpecProblem, listed, nearest, users_line
from workers.user_code import load_class

if TYPE_CHECKING:
    from research import nn


def layer_classes() -> dict[str, type]:
    """Every layer of research.nn by name: a public Module with one input and settings that fit a spec."""
    from research import nn

    return {
        name: value
        for name, value in vars(nn).items()
        if not name.startswith("_") and isinstance(value, type) and issubclass(value, nn.Module) and _is_layer(value)
    }


def check_layers(experiment: Experiment, where: str = "the spec") -> None:
    """Raises SpecProblem for a layer that does not exist, or arguments that its signature does not take."""
    if isinstance(experiment.net, ModuleNet):
        return
    known = layer_classes()
    for position, layer in enumerate(experiment.net):
        name, given = _name_and_arguments(layer)
        if name not in known:
            raise SpecProblem(
                f"{where}: net.{position}: there is no layer {name!r}.{nearest(name, known)} "
                f"Layers: {listed(sorted(known))}."
            )
        args, kwargs = _positional_and_keyword(given)
        try:
            inspect.signature(known[name]).bind(*args, **kwargs)
        except TypeError as error:
            raise SpecProblem(f"{where}: net.{position}: {name}: {error}. {_signature(known[name])}.") from None


def build(experiment: Experiment) -> nn.Module:
    """The net, with weights drawn from research's current seed. Raises SpecProblem."""
    from research import nn

    if isinstance(experiment.net, ModuleNet):
        return _from_module(experiment.net, experiment.code_dir)
    check_layers(experiment)
    known = layer_classes()
    layers = []
    for position, layer in enumerate(experiment.net):
        name, given = _name_and_arguments(layer)
        args, kwargs = _positional_and_keyword(given)
        try:
            layers.append(known[name](*args, **kwargs))
        except Exception as error:
            raise SpecProblem(f"net.{position}: {name}: {_first_line(error)} {_signature(known[name])}.") from None
    return nn.Sequential(*layers)


def _from_module(net: ModuleNet, code_dir: str | None) -> nn.Module:
    from research import nn

    cls = load_class(net.module, code_dir)
    if not issubclass(cls, nn.Module):
        raise SpecProblem(
            f"net.module: {net.module} needs to be a subclass of research.nn.Module; its bases: {_bases(cls)}."
        )
    try:
        inspect.signature(cls).bind(**net.arguments)
    except TypeError as error:
        raise SpecProblem(f"net.arguments: {error}. {_signature(cls)}.") from None
    try:
        return cls(**net.arguments)
    except Exception as error:
        raise SpecProblem(
            f"net.module: making {cls.__name__}({', '.join(f'{k}={v!r}' for k, v in net.arguments.items())}) failed: "
            f"{users_line(error, code_dir)}."
        ) from error


def _is_layer(cls: type) -> bool:
    from research import nn

    if cls is nn.Module or cls.forward is nn.Module.forward:  # type: ignore[attr-defined]
        return False
    settings = inspect.signature(cls).parameters.values()
    inputs = list(inspect.signature(cls.forward).parameters.values())[1:]  # type: ignore[attr-defined]
    if any(p.kind is p.VAR_POSITIONAL for p in (*settings, *inputs)):
        return False  # containers take modules, which a spec cannot write
    return sum(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in inputs) == 1


def _name_and_arguments(layer: str | dict[str, Any]) -> tuple[str, Any]:
    return (layer, None) if isinstance(layer, str) else next(iter(layer.items()))


def _positional_and_keyword(given: Any) -> tuple[list[Any], dict[str, Any]]:
    if given is None:
        return [], {}
    if isinstance(given, dict):
        return [], given
    return (given, {}) if isinstance(given, list) else ([given], {})


def _signature(cls: type) -> str:
    parameters = [p.replace(annotation=p.empty) for p in inspect.signature(cls).parameters.values()]
    return f"It takes {cls.__name__}({', '.join(map(str, parameters))})"


def _bases(cls: type) -> str:
    return listed(base.__name__ for base in cls.__mro__[1:])


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300].rstrip(".") + "."
