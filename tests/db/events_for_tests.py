"""Short ways to say an event."""

from typing import Any

from db import Event


def metric(seq: int, value: float, step: int = 0, key: str = "loss", time: float = 1.0) -> Event:
    return {"seq": seq, "time": time, "kind": "metric", "key": key, "step": step, "value": value}


def log(seq: int, text: str, rank: int = 0) -> Event:
    return {"seq": seq, "time": 1.0, "kind": "log", "rank": rank, "text": text}


def event(seq: int, kind: str, time: float = 1.0, **fields: Any) -> Event:
    return {"seq": seq, "time": time, "kind": kind, **fields}
