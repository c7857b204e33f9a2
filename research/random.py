"""Random generators: a seed and a count of draws, so the same seed gives the same bits."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from research.tensor import Tensor, _wrap
from shared_ops import ops
from shared_ops.device import to_host
from shared_ops.random import seeded


class Generator:
    """A stream of random numbers: `Generator().manual_seed(0)`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.manual_seed(secrets.randbits(63))

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of this seed, a whole number from 0 to 2**64 - 1."""
        if not 0 <= seed < 2**64:
            raise ValueError(f"a seed is a whole number from 0 to 2**64 - 1; got {seed}")
        self.state = seeded(seed)
        return self

    def initial_seed(self) -> int:
        return int(self.state[0])

    def get_state(self) -> np.ndarray:
        return self.state.copy()

    def set_state(self, state: Any) -> None:
        self.state = np.asarray(state, dtype=np.uint64).reshape(2).copy()

    def draw(self, op: Callable, *args: Any, **attrs: Any) -> Any:
        """What a random op gives from here on; its last output is the generator's next state."""
        with self._lock:
            *out, state = op(*args, self.state, **attrs)
            if getattr(state, "world", "research") != "research":
                raise RuntimeError(
                    "a research generator draws numbers now, and cannot draw them in a graph; a model that is promoted "
                    "draws none: dropout(x, p, training=self.training)"
                )
            self.state = state.array if isinstance(state, Tensor) else state
        return out[0]


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the generator that everything draws from unless told otherwise."""
    return default_generator.manual_seed(seed)


def _sizes(size: tuple) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else size


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = "float32",
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Numbers of the standard normal distribution."""
    made = _drawn(generator, ops.random_normal, shape=_sizes(size), dtype=np.dtype(dtype).name)
    return _finished(made, device, requires_grad)


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = "float32",
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Numbers from 0 up to, but without, 1."""
    made = _drawn(generator, ops.random_uniform, shape=_sizes(size), dtype=np.dtype(dtype).name)
    return _finished(made, device, requires_grad)


def randn_like(input: Tensor, *, requires_grad: bool = False) -> Tensor:
    """Numbers of the standard normal distribution, in the shape, dtype and place of a tensor."""
    return randn(*input.shape, dtype=input.dtype, device=input.device, requires_grad=requires_grad)


def rand_like(input: Tensor, *, requires_grad: bool = False) -> Tensor:
    """Numbers from 0 up to, but without, 1, in the shape, dtype and place of a tensor."""
    return rand(*input.shape, dtype=input.dtype, device=input.device, requires_grad=requires_grad)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Normal numbers: of one mean and deviation in a shape, or of a tensor of each."""
    shape = size if size is not None else np.broadcast_shapes(*(getattr(x, "shape", ()) for x in (mean, std)))
    return randn(*shape, generator=generator) * std + mean


def randperm(n: int, *, generator: Generator | None = None) -> Tensor:
    """The whole numbers below n in a random order."""
    return _drawn(generator, ops.random_permutation, n=n)


def randint(low: int, high: Any, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Whole numbers from low up to, but without, high: `randint(2, 5, (3,))`, or from 0, `randint(5, (3,))`."""
    low, high, size = (0, low, high) if size is None else (low, high, size)
    drawn = (generator or default_generator).draw(
        ops.random_uniform, shape=tuple(size), low=float(low), high=float(high), dtype="float64"
    )
    return _wrap(np.floor(drawn).astype(np.int64))


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that stands at each place, else 0."""
    return (generator or default_generator).draw(ops.random_bernoulli, input.detach())


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Columns drawn by weights, which are not negative: (n, c) -> (n, num_samples), or (c,) -> (num_samples,).

    Raises ValueError for weights that are all 0, and for more samples than weights above 0 without replacement.
    """
    weights = to_host(input.array).astype(np.float64)
    rows = weights.reshape(-1, weights.shape[-1])
    if not (np.isfinite(rows).all() and (rows >= 0).all() and (rows.sum(1) > 0).all()):
        raise ValueError("multinomial needs weights that are finite, not negative and not all 0 in a row")
    fewest = int((rows > 0).sum(1).min())
    if not replacement and num_samples > fewest:
        raise ValueError(f"without replacement at most {fewest} samples can be drawn here; got {num_samples=}")
    if replacement:
        ends = np.cumsum(rows, 1)
        u = rand(len(rows), num_samples, generator=generator, dtype="float64").numpy() * ends[:, -1:]
        found = np.stack([np.searchsorted(e, v, side="right") for e, v in zip(ends, u, strict=True)])
    else:  # the least of exponential waiting times: Efraimidis & Spirakis 2006
        u = rand(*rows.shape, generator=generator, dtype="float64").numpy()
        with np.errstate(divide="ignore"):
            waits = -np.log1p(-u) / rows
        found = np.argsort(waits, 1)[:, :num_samples]
    return _wrap(found.reshape(*weights.shape[:-1], num_samples))


def get_rng_state() -> np.ndarray:
    """Where the default generator is."""
    return default_generator.get_state()


def set_rng_state(state: Any) -> None:
    """Let the default generator go on from a state of `get_rng_state`."""
    default_generator.set_state(state)


def _drawn(generator: Generator | None, op: Callable, **attrs: Any) -> Tensor:
    return _wrap((generator or default_generator).draw(op, **attrs))


def _finished(tensor: Tensor, device: Any, requires_grad: bool) -> Tensor:
    tensor = tensor if device is None else tensor.to(device=device)
    return tensor.requires_grad_() if requires_grad else tensor
