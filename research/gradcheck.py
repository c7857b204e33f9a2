"""gradcheck: gradients against slopes that are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from research.backward import grad
from research.random import Generator, randn
from research.tensor import Tensor
from shared_ops.device import to_host
from shared_ops.spec import spec_of


class GradcheckError(RuntimeError):
    """A gradient that is not the slope."""


def gradcheck(
    func: Callable,
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether the gradients of func(*inputs) are the central differences, for inputs of float64 that require them.

    Raises GradcheckError with both values where they differ, or gives False without `raise_exception`.
    """
    every = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wrt = [x for x in every if isinstance(x, Tensor) and x.requires_grad]
    if not wrt:
        raise ValueError("gradcheck needs an input that requires its gradient; got none")
    for x in wrt:
        if x.dtype != np.float64:
            raise ValueError(f"gradcheck needs float64, for slopes in fewer digits say little; got {spec_of(x.array)}")
    places = [i for i, x in enumerate(every) if any(x is w for w in wrt)]
    for o, out in enumerate(_outputs(func, every)):
        if not out.requires_grad:
            continue
        for place, x in zip(places, wrt, strict=True):
            analytic, measured = _by_backward(out, x), _by_differences(func, every, x, o, eps)
            if not np.allclose(analytic, measured, rtol, atol):
                if not raise_exception:
                    return False
                worst = np.unravel_index(np.argmax(np.abs(analytic - measured)), analytic.shape)
                raise GradcheckError(
                    f"output {o} by input {place}: at {tuple(map(int, worst))} of (output, input) backward gives "
                    f"{analytic[worst]:.6g}, the slope is {measured[worst]:.6g}"
                )
    return True


def gradgradcheck(
    func: Callable,
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    **settings: Any,
) -> bool:
    """gradcheck of func's gradients, by the inputs and by the gradients that come in."""
    every = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    outs = [o for o in _outputs(func, every) if o.requires_grad]
    if grad_outputs is None:
        drawn = Generator().manual_seed(0)
        seeds = [randn(*o.shape, dtype=o.dtype, generator=drawn, requires_grad=True) for o in outs]
    else:
        seeds = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    count = len(every)

    def gradients(*args: Any) -> Any:
        outs = [o for o in _outputs(func, list(args[:count])) if o.requires_grad]
        wrt = [x for x in args[:count] if isinstance(x, Tensor) and x.requires_grad]
        found = grad(outs, wrt, list(args[count:]), create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(gradients, [*every, *seeds], **settings)


def _outputs(func: Callable, inputs: list[Any]) -> list[Tensor]:
    out = func(*inputs)
    return [o for o in (out if isinstance(out, tuple | list) else (out,)) if isinstance(o, Tensor)]


def _by_backward(out: Tensor, x: Tensor) -> np.ndarray:
    """The Jacobian (values of out, values of x), a row for each backward."""
    rows = np.zeros((out.numel(), x.numel()))
    for i in range(out.numel()):
        seed = np.zeros(out.shape, out.dtype)
        seed.flat[i] = 1
        (g,) = grad(out, x, Tensor(seed), retain_graph=True, allow_unused=True)
        if g is not None:
            rows[i] = to_host(g.array).reshape(-1)
    return rows


def _by_differences(func: Callable, inputs: list[Any], x: Tensor, o: int, eps: float) -> np.ndarray:
    """The same by changing one value at a time, up and down by eps; x is as before in the end."""
    columns, flat = [], x.array.reshape(-1) if x.array.flags.c_contiguous else None
    if flat is None:
        raise ValueError(f"gradcheck changes its inputs' values one by one; make {spec_of(x.array)} contiguous()")
    for i in range(flat.size):
        before = flat[i].copy()
        ends = []
        for step in (eps, -eps):
            flat[i] = before + step
            ends.append(to_host(_outputs(func, inputs)[o].array).astype(np.float64).reshape(-1))
        flat[i] = before
        columns.append((ends[0] - ends[1]) / (2 * eps))
    return np.stack(columns, 1) if columns else np.zeros((0, 0))
