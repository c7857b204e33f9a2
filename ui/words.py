"""Numbers, times and names as a person reads them. The pages and the terminal share these."""

import math
import time
from datetime import datetime
from pathlib import Path

SPLITS = ("train", "validation", "test")
_SHORT_SPLIT = {"val": "validation", "valid": "validation"}

HIGHER_IS_BETTER = ("accuracy", "f1", "precision", "recall", "auc", "score", "r2")
LOWER_IS_BETTER = ("loss", "error", "mse", "mae", "perplexity")


def number(value: object) -> str:
    """Four significant figures, without a tail of noughts; NaN and infinities by name; anything else as text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value != 0 and (abs(value) < 1e-4 or abs(value) >= 1e6):
        return f"{value:.3g}"
    return f"{value:.4g}"


def percent(fraction: float) -> str:
    """0.9722 -> 97.2 %."""
    return f"{100 * fraction:.1f} %" if math.isfinite(fraction) else number(fraction)


def metric(key: str, value: float) -> str:
    """A metric's value: accuracies in per cent, the rest as numbers."""
    return percent(value) if "accuracy" in key.lower() and -0.001 <= value <= 1.001 else number(value)


def duration(seconds: float | None) -> str:
    """4.2 s, 3 min 05 s, 2 h 10 min."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def ago(unix_time: float | None, now: float | None = None) -> str:
    """How long ago this was: just now, 3 min ago, 2 h ago; older than a day, the date."""
    if unix_time is None:
        return "–"
    seconds = (time.time() if now is None else now) - unix_time
    if seconds < 10:
        return "just now"
    if seconds < 60:
        return f"{seconds:.0f} s ago"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    if seconds < 86_400:
        return f"{seconds // 3600:.0f} h ago"
    return clock(unix_time)


def clock(unix_time: float | None) -> str:
    """The local date and time, to the minute."""
    return "–" if unix_time is None else datetime.fromtimestamp(unix_time).strftime("%Y-%m-%d %H:%M")


def short_path(path: Path) -> str:
    """A path as people write it: ~ for their home."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


def plural(count: int, noun: str) -> str:
    """1 run, 2 runs."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def family_and_split(key: str) -> tuple[str, str]:
    """What a metric measures and on which data: `train/loss` -> (loss, train); `lr` -> (lr, "")."""
    for separator in ("/", "_", "."):
        head, found, tail = key.partition(separator)
        head = _SHORT_SPLIT.get(head, head)
        if found and tail and head in SPLITS:
            return tail, head
    return key, ""


def higher_is_better(key: str) -> bool | None:
    """True for an accuracy, False for a loss, None where no direction is known (a learning rate)."""
    family = family_and_split(key)[0].lower()
    if any(word in family for word in LOWER_IS_BETTER):
        return False
    return True if any(word in family for word in HIGHER_IS_BETTER) else None


def metric_order(key: str) -> tuple[int, str, int, str]:
    """Sorts metrics: accuracies before losses before the rest; validation, which decides, before train."""
    family, split = family_and_split(key)
    direction = higher_is_better(key)
    rank = {True: 0, False: 1, None: 2}[direction]
    return rank, family, {"validation": 0, "test": 1, "train": 2}.get(split, 3), key
