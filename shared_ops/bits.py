"""Whether two arrays are the same to the last bit."""

from __future__ import annotations

from typing import Any

from shared_ops.device import to_host


def same_bits(a: Any, b: Any) -> bool:
    """Shape, dtype and every bit are equal: NaN equals the same NaN, 0.0 is not -0.0."""
    a, b = to_host(a), to_host(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
