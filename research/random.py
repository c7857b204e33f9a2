"""Random generators: a seed and a count of draws, so the same seed gives the same bits."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from research.tensor import Tensor, _wrap
from shared_ops import ops
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
    *size: Any, generator: Generator | None = None, dtype: Any = "float32", requires_grad: bool = False
) -> Tensor:
    """Numbers of the standard normal distribution."""
    return _drawn(generator, ops.random_normal, requires_grad, shape=_sizes(size), dtype=np.dtype(dtype).name)


def rand(*size: Any, generator: Generator | None = None, dtype: Any = "float32", requires_grad: bool = False) -> Tensor:
    """Numbers from 0 up to, but without, 1."""
    return _drawn(generator, ops.random_uniform, requires_grad, shape=_sizes(size), dtype=np.dtype(dtype).name)


def randperm(n: int, *, generator: Generator | None = None) -> Tensor:
    """The whole numbers below n in a random order."""
    return _drawn(generator, ops.random_permutation, False, n=n)


def randint(low: int, high: Any, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Whole numbers from low up to, but without, high: `randint(2, 5, (3,))`, or from 0, `randint(5, (3,))`."""
    low, high, size = (0, low, high) if size is None else (low, high, size)
    drawn = (generator or default_generator).draw(
        ops.random_uniform, shape=tuple(size), low=float(low), high=float(high), dtype="float64"
    )
    return _wrap(np.floor(drawn).astype(np.int64))


def _drawn(generator: Generator | None, op: Callable, requires_grad: bool, **attrs: Any) -> Tensor:
    tensor = _wrap((generator or default_generator).draw(op, **attrs))
    return tensor.requires_grad_() if requires_grad else tensor
