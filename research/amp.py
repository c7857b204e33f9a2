"""Mixed precision: torch.amp's names. Products in half floats, what needs digits in float32."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

import numpy as np

from research.intercept import around_ops
from research.tensor import Tensor
from shared_ops import ops
from shared_ops.device import array_module
from shared_ops.op import Op
from shared_ops.spec import HALVES, dtype_named

words = str.split
LOW = frozenset(words("matmul linear einsum conv conv_input attention rnn_layer lstm_layer gru_layer"))  # products
HIGH = frozenset(  # where digits or the range would be lost
    words(
        "exp exp2 expm1 log log1p log2 log10 pow rsqrt reciprocal softplus sum mean prod cumsum cumprod var std norm "
        "logsumexp softmax log_softmax masked_softmax softmax_cross_entropy nll bce ctc layer_norm group_norm rms_norm "
        "batch_norm batch_norm_inference acos asin cosh sinh tan erfc inverse solve cholesky qr svd det slogdet eigh"
    )
)


class _Modes(threading.local):
    stack: tuple[Any, ...] = ()  # of dtypes; None where autocast is off


_modes = _Modes()


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Whether ops of this thread are cast."""
    return bool(_modes.stack) and _modes.stack[-1] is not None


def get_autocast_dtype(device_type: str = "cpu") -> Any:
    """To which dtype products are cast now, or would be."""
    return _modes.stack[-1] if is_autocast_enabled() else dtype_named("bfloat16")


class autocast:
    """Inside, products are of bfloat16 or float16, sums, exponentials, norms and losses of float32.

    A context or a decorator, for this thread. What is neither goes on with the dtypes that come. Tensors of float64
    and of whole numbers stay as they are.
    """

    def __init__(
        self, device_type: str = "cpu", dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ):
        if device_type.partition(":")[0] not in ("cpu", "cuda"):
            raise ValueError(f"autocast needs device_type 'cpu' or 'cuda'; got {device_type!r}")
        chosen = dtype_named(dtype if dtype is not None else "bfloat16" if device_type == "cpu" else "float16")
        if chosen not in HALVES:
            raise ValueError(f"autocast casts to bfloat16 or float16; got {chosen}")
        self.dtype = chosen if enabled else None
        self.before: list[tuple[tuple[Any, ...], ExitStack]] = []

    def __enter__(self) -> autocast:
        hung = ExitStack()
        hung.enter_context(around_ops(_cast_op))
        self.before.append((_modes.stack, hung))
        _modes.stack = (*_modes.stack, self.dtype)
        return self

    def __exit__(self, *_: Any) -> None:
        _modes.stack, hung = self.before.pop()
        hung.close()

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def wrapped(*args: Any, **settings: Any) -> Any:
            again = object.__new__(autocast)
            again.dtype, again.before = self.dtype, []
            with again:
                return function(*args, **settings)

        return wrapped


def _cast_op(proceed: Callable, op: Op, args: tuple, attrs: dict[str, Any]) -> Any:
    """The op on what autocast makes of its arguments. Blocks inside each other hang this twice; once cast is cast."""
    low = _modes.stack[-1] if _modes.stack else None
    if low is None or op.name == "cast":
        return proceed(op, args, attrs)
    if op.name in LOW:
        args = _cast_all(args, low, lambda dtype: dtype == np.float32 or dtype in HALVES)
    elif op.name in HIGH or len({a.dtype for a in args if isinstance(a, Tensor) and _is_small(a.dtype)}) > 1:
        args = _cast_all(args, np.dtype("float32"), lambda dtype: dtype in HALVES)
    return proceed(op, args, attrs)


def _is_small(dtype: Any) -> bool:
    return dtype == np.float32 or dtype in HALVES


def _cast_all(args: tuple, dtype: Any, which: Callable[[Any], bool]) -> tuple:
    return tuple(
        ops.cast(a, dtype=dtype.name) if isinstance(a, Tensor) and a.dtype != dtype and which(a.dtype) else a
        for a in args
    )


class GradScaler:
    """Losses made great, so that gradients of float16 do not vanish; steps with infinite gradients are passed over.

    `scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update()`: Micikevicius et al. 2018.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ):
        if growth_factor <= 1 or not 0 < backoff_factor < 1:
            raise ValueError(
                f"growth_factor is above 1, backoff_factor between 0 and 1; got {growth_factor}, {backoff_factor}"
            )
        self._scale, self.growth_factor, self.backoff_factor = float(init_scale), growth_factor, backoff_factor
        self.growth_interval, self.enabled, self._growth_tracker = growth_interval, enabled, 0
        self._found: dict[int, bool] = {}  # by optimizer: whether its gradients, unscaled now, have an infinity

    def is_enabled(self) -> bool:
        return self.enabled

    def get_scale(self) -> float:
        return self._scale if self.enabled else 1.0

    def scale(self, outputs: Any) -> Any:
        """A loss, or several, times the scale."""
        if not self.enabled:
            return outputs
        if isinstance(outputs, Iterable) and not isinstance(outputs, Tensor):
            return type(outputs)(map(self.scale, outputs))  # type: ignore[call-arg]
        return outputs * self._scale

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients by the scale, to clip them before `step`; once for each step."""
        if not self.enabled:
            return
        if id(optimizer) in self._found:
            raise RuntimeError("unscale_ was called for this optimizer since the last update(); once is enough")
        infinite = False
        for p in optimizer.parameters():
            if p.grad is not None:
                xp = array_module((p.grad.array,))
                p.grad.array = (p.grad.array.astype(xp.float32, copy=False) / self._scale).astype(p.grad.dtype)
                infinite = infinite or not bool(xp.isfinite(p.grad.array.astype(xp.float32, copy=False)).all())
        self._found[id(optimizer)] = infinite

    def step(self, optimizer: Any, *args: Any) -> Any:
        """optimizer.step(), unless a gradient is infinite or NaN."""
        if not self.enabled:
            return optimizer.step(*args)
        if id(optimizer) not in self._found:
            self.unscale_(optimizer)
        return None if self._found[id(optimizer)] else optimizer.step(*args)

    def update(self, new_scale: float | None = None) -> None:
        """Lower the scale where a step was passed over, raise it after growth_interval that were not."""
        if not self.enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._found:
            raise RuntimeError("update() comes after step(optimizer); no step was taken since the last one")
        elif any(self._found.values()):
            self._scale, self._growth_tracker = self._scale * self.backoff_factor, 0
        else:
            self._growth_tracker += 1
            if self._growth_tracker == self.growth_interval:
                grown = self._scale * self.growth_factor
                self._scale, self._growth_tracker = (grown if math.isfinite(grown) else self._scale), 0
        self._found.clear()

    def state_dict(self) -> dict[str, Any]:
        """The scale, and how it changes."""
        return {
            "scale": self._scale,
            "growth_factor": self.growth_factor,
            "backoff_factor": self.backoff_factor,
            "growth_interval": self.growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where that one was."""
        self._scale, self._growth_tracker = float(state["scale"]), state["_growth_tracker"]
        self.growth_factor, self.backoff_factor = state["growth_factor"], state["backoff_factor"]
        self.growth_interval = state["growth_interval"]
