"""Derivatives of functions as values: vjp, jvp, jacobian, hessian and products with it: torch.autograd.functional."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from research.backward import grad
from research.grad_mode import GradMode
from research.tensor import Tensor, _wrap
from shared_ops import ops
from shared_ops.device import array_module
from shared_ops.spec import spec_of


def _leaves(inputs: Any, create_graph: bool) -> list[Tensor]:
    """The inputs as points to derive at: copies without history or, with create_graph, continuing it."""
    every = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    if create_graph:
        return [x.clone() if x.requires_grad else x.detach().requires_grad_() for x in every]
    return [x.detach().requires_grad_() for x in every]


def _call(func: Callable, leaves: Sequence[Tensor]) -> tuple[list[Tensor], bool]:
    """The outputs, and whether there are several."""
    out = func(*leaves)
    several = isinstance(out, tuple | list)
    return (list(out) if several else [out]), several


def _pull(outs: list[Tensor], leaves: list[Tensor], seeds: list[Any], create_graph: bool, retain: bool) -> list[Tensor]:
    pairs = [(o, s) for o, s in zip(outs, seeds, strict=True) if o.requires_grad]
    if not pairs:
        return [_zeros(x) for x in leaves]
    given = grad(
        [o for o, _ in pairs],
        leaves,
        [s for _, s in pairs],
        create_graph=create_graph,
        retain_graph=retain or create_graph,
        allow_unused=True,
    )
    return [_zeros(x) if g is None else g for g, x in zip(given, leaves, strict=True)]


def _zeros(like: Tensor) -> Tensor:
    return _wrap(array_module((like.array,)).zeros_like(like.array))


def _seeds(v: Any, outs: Sequence[Tensor], name: str) -> list[Any]:
    """The vectors that are multiplied with, one for each of these. Raises ValueError for another shape."""
    if v is None:
        if any(o.numel() != 1 for o in outs):
            raise ValueError(f"{name} needs v, unless each value is a scalar; got {spec_of(outs[0].array)}")
        return [_zeros(o) + 1 for o in outs]
    every = list(v) if isinstance(v, tuple | list) else [v]
    for given, o in zip(every, outs, strict=True):
        if given.shape != o.shape:
            raise ValueError(f"{name} needs v with the shape of what it goes with, {o.shape}; got {given.shape}")
    return every


def _like(values: list[Tensor], pattern: Any) -> Any:
    return tuple(values) if isinstance(pattern, tuple | list) else values[0]


def vjp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False) -> tuple[Any, Any]:
    """func(*inputs), and v times its Jacobian."""
    with GradMode(True):
        leaves = _leaves(inputs, create_graph)
        outs, several = _call(func, leaves)
        product = _pull(outs, leaves, _seeds(v, outs, "vjp"), create_graph, False)
    return _like(_plain(outs, create_graph), tuple(outs) if several else None), _like(product, inputs)


def jvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False) -> tuple[Any, Any]:
    """func(*inputs), and its Jacobian times v: the gradient, by u, of the gradients that u times the outputs has."""
    with GradMode(True):
        leaves = _leaves(inputs, create_graph)
        outs, several = _call(func, leaves)
        us = [_zeros(o).requires_grad_() for o in outs]
        rows = _pull(outs, leaves, us, True, True)
        product = _pull(rows, us, _seeds(v, leaves, "jvp"), create_graph, False)
    pattern = tuple(outs) if several else None
    return _like(_plain(outs, create_graph), pattern), _like(product, pattern)


def _plain(outs: list[Tensor], create_graph: bool) -> list[Tensor]:
    return outs if create_graph else [o.detach() for o in outs]


def jacobian(func: Callable, inputs: Any, create_graph: bool = False, **_: Any) -> Any:
    """The derivative of every output by every input: shape (*output, *input).

    A tensor, a tuple for several inputs, and a tuple of that for several outputs.
    """
    with GradMode(True):
        leaves = _leaves(inputs, create_graph)
        outs, several = _call(func, leaves)
        blocks = [_blocks(out, leaves, create_graph) for out in outs]
    rows = [_like(block, inputs) for block in blocks]
    return tuple(rows) if several else rows[0]


def _blocks(out: Tensor, leaves: list[Tensor], create_graph: bool) -> list[Tensor]:
    """The Jacobian of one output by each input, a row for each backward."""
    xp = array_module((out.array,))
    rows: list[list[Tensor]] = []
    for i in range(out.numel()):
        seed = xp.zeros(out.numel(), out.dtype)
        seed[i] = 1
        rows.append(_pull([out], leaves, [_wrap(seed.reshape(out.shape))], create_graph, True))
    if not rows:
        return [_wrap(np.zeros((*out.shape, *x.shape), x.dtype)) for x in leaves]
    return [
        ops.reshape(ops.stack([row[k] for row in rows], 0), shape=(*out.shape, *x.shape)) for k, x in enumerate(leaves)
    ]


def hessian(func: Callable, inputs: Any, create_graph: bool = False, **_: Any) -> Any:
    """The second derivatives of a function with one value: shape (*input, *input), in tuples for several inputs."""

    def gradients(*leaves: Tensor) -> Any:
        return _like(list(_gradient(func, leaves)), inputs)

    return jacobian(gradients, inputs, create_graph=create_graph)


def _gradient(func: Callable, leaves: Sequence[Tensor]) -> tuple[Tensor, ...]:
    (out,), _ = _call(func, leaves)
    if out.numel() != 1:
        raise ValueError(f"a Hessian is of a function with one value; got {spec_of(out.array)}")
    return tuple(_pull([out], list(leaves), [_zeros(out) + 1], True, True))


def hvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False) -> tuple[Any, Any]:
    """func(*inputs), and its Hessian times v, without the Hessian."""
    every = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    _, product = vjp(lambda *xs: _gradient(func, xs), tuple(every), _seeds(v, every, "hvp"), create_graph)
    with GradMode(False):
        value = func(*every)
    return value, _like(list(product), inputs)


vhp = hvp  # the Hessian is symmetric
