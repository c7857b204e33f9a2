"""The life of a run: which state may follow which, and when silence means death."""

from __future__ import annotations

from .errors import StoreError

NEXT: dict[str, tuple[str, ...]] = {
    "created": ("running", "failed", "stopped"),
    "running": ("finished", "failed", "stopped"),
    "finished": (),
    "failed": (),
    "stopped": (),
}
ENDED = frozenset(state for state, following in NEXT.items() if not following)
ACTIVE = frozenset(NEXT) - ENDED

# A running run sends a heartbeat every second, and a dead one is to show as failed within 15 s. One that is only
# created may wait for a cluster to start.
STALE_AFTER_S = {"running": 12.0, "created": 60.0}


def check_state(state: str) -> str:
    """`state` itself. Raises StoreError when there is no such state."""
    if state not in NEXT:
        raise StoreError(f"A run's state is one of {', '.join(NEXT)}; got {state!r}.")
    return state


def check_change(run_id: str, old: str, new: str) -> None:
    """Raises StoreError unless a run may go from `old` to `new`; staying where it is, is allowed."""
    check_state(new)
    if new == old or new in NEXT[old]:
        return
    if old in ENDED:
        raise StoreError(f"Run {run_id} has ended as {old}, which is final: it cannot become {new}. Start a new run.")
    raise StoreError(f"Run {run_id} is {old}: it can become {' or '.join(NEXT[old])}, not {new}.")


def silence(state: str, silent_s: float) -> str:
    """What to say about a run that was not heard of for `silent_s` seconds."""
    if state == "created":
        return f"It never started: no sign of life in the {silent_s:.0f} s since it was created."
    return f"No sign of life for {silent_s:.0f} s: its process was killed, or its machine is gone."
