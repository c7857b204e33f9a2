"""Planes of images in a frame of zeros, so that no window looks outside, and back."""

from __future__ import annotations

from numba import njit

from shared_ops.kernels.scalar import COMPILED, f4
from shared_ops.kernels.vector import move


@njit(**COMPILED)
def padded(x, at, out, c, h, w, ph, pw):
    """Planes of x from `at` on, in a frame of zeros: out (c, h + 2 ph, w + 2 pw)."""
    wide = w + 2 * pw
    for i in range(out.size):
        out[i] = f4(0)
    for row in range(c * h):
        to = ((row // h) * (h + 2 * ph) + row % h + ph) * wide + pw
        source = at + row * w
        move(x, source, out, to, w)


@njit(**COMPILED)
def cropped(frame, out, at, c, h, w, ph, pw):
    """Planes of `out` from `at` on become what is inside of the frame."""
    wide = w + 2 * pw
    for row in range(c * h):
        source = ((row // h) * (h + 2 * ph) + row % h + ph) * wide + pw
        to = at + row * w
        move(frame, source, out, to, w)
