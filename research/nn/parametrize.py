"""Weights that are computed from others before each forward: weight and spectral normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from research.grad_mode import no_grad
from research.nn.module import Module, Parameter
from research.random import randn
from research.tensor import Tensor
from shared_ops import ops

HANDLES = "_computed_weights"


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Let a weight be g * v / |v|, its length and direction learned apart: Salimans & Kingma 2016.

    The norm is over all axes but `dim`, or over all; the parameters are `name`_g and `name`_v.
    """
    weight = _taken(module, name)
    axes = None if dim is None else tuple(i for i in range(weight.ndim) if i != dim % weight.ndim)
    with no_grad():
        module.register_parameter(f"{name}_g", Parameter(_norm(weight, axes)))
        module.register_parameter(f"{name}_v", Parameter(weight.detach().clone()))

    def compute(module: Any, _: Any) -> None:
        g, v = getattr(module, f"{name}_g"), getattr(module, f"{name}_v")
        object.__setattr__(module, name, ops.mul(v, ops.div(g, _norm(v, axes))))

    return _hang(module, name, compute)


def _norm(v: Any, axes: Any) -> Any:
    return ops.norm(v, ord=2.0, axis=axes, keepdim=axes is not None)


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int = 0
) -> Module:
    """Divide a weight by its greatest singular value: Miyato et al. 2018.

    That is estimated by power iterations, some in each forward in training; the parameter is `name`_orig.
    """
    weight = _taken(module, name)
    rows = weight.shape[dim]
    module.register_parameter(f"{name}_orig", Parameter(weight.detach().clone()))
    for key, size in (("u", rows), ("v", weight.numel() // rows)):
        start = randn(size, dtype=weight.dtype)
        module.register_buffer(f"{name}_{key}", start / (start.norm() + eps))

    def compute(module: Any, _: Any) -> None:
        original = getattr(module, f"{name}_orig")
        turned = ops.movedim(original, dim, 0) if dim else original
        matrix = ops.reshape(turned, shape=(rows, -1))
        u, v = getattr(module, f"{name}_u"), getattr(module, f"{name}_v")
        if module.training:
            with no_grad():
                for _ in range(n_power_iterations):
                    v._write(_unit(matrix.detach().t() @ u, eps).array)
                    u._write(_unit(matrix.detach() @ v, eps).array)
        greatest = ops.matmul(u.detach().clone(), ops.matmul(matrix, v.detach().clone()))
        object.__setattr__(module, name, ops.div(original, greatest))

    return _hang(module, name, compute)


def _unit(vector: Tensor, eps: float) -> Tensor:
    return vector / vector.norm().clamp(min=eps)


def _taken(module: Module, name: str) -> Parameter:
    """The module's parameter, which is its parameter no longer. Raises ValueError where it has none."""
    weight = module._parameters.get(name)
    if weight is None:
        raise ValueError(f"{type(module).__name__} has no parameter {name!r}; it has {', '.join(module._parameters)}")
    del module._parameters[name]
    return weight


def _hang(module: Module, name: str, compute: Any) -> Module:
    compute(module, None)
    handle = module.register_forward_pre_hook(compute)
    module.__dict__.setdefault(HANDLES, {})[name] = handle
    return module


def _removed(module: Module, name: str, parts: tuple[str, ...], what: str) -> Module:
    """The weight, as it is now, a parameter again."""
    handle = module.__dict__.get(HANDLES, {}).pop(name, None)
    if handle is None:
        raise ValueError(f"{what} of {name!r} was not found on {type(module).__name__}")
    handle.remove()
    value = np.array(getattr(module, name).detach().array)
    object.__delattr__(module, name)
    for part in parts:
        delattr(module, f"{name}_{part}")
    module.register_parameter(name, Parameter(value))
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """A plain weight again."""
    return _removed(module, name, ("g", "v"), "weight_norm")


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """A plain weight again."""
    return _removed(module, name, ("orig", "u", "v"), "spectral_norm")
