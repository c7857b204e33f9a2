"""A run's news on their way to the store: into the journal first, then to the owner in batches; a stop comes back."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from db import Journal

BATCH_EVERY_S = 0.5
HEARTBEAT_EVERY_S = 1.0
FAREWELL_S = 30.0  # how long the last words may take; after that the journal has them

# (method, *arguments) -> answer; raises when the owner cannot be reached
Send = Callable[..., Any]


class Messenger:
    """The report of a run. A thread of its own sends, so that a long step still has a heartbeat."""

    def __init__(self, run_id: str, run_dir: Path, send: Send) -> None:
        self._run_id, self._send = run_id, send
        self._journal = Journal(run_dir / "journal.jsonl")
        self._mutex = threading.Lock()
        self._pending: list[dict[str, Any]] = []
        self._artifacts: dict[str, Path] = {}
        self._environment: dict[str, Any] | None = None
        self._stop = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_sending, name="messenger", daemon=True)
        self._thread.start()

    # what a training loop says --------------------------------------------------------------------------------------
    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def metric(self, key: str, step: int, value: float) -> None:
        self._write("metric", key=key, step=step, value=value)

    def log(self, text: str, rank: int = 0) -> None:
        self._write("log", rank=rank, text=text)

    def progress(self, step: int, total_steps: int, epoch: int, epochs: int) -> None:
        self._write("progress", step=step, total_steps=total_steps, epoch=epoch, epochs=epochs)

    def timing(self, data_s: float, compute_s: float) -> None:
        self._write("timing", data_s=data_s, compute_s=compute_s)

    def artifact(self, name: str, path: Path) -> None:
        with self._mutex:
            self._artifacts[name] = path

    # what the run's process says ------------------------------------------------------------------------------------
    def state(self, state: str, message: str = "") -> None:
        self._write("state", state=state, message=message)

    def environment(self, values: dict[str, Any]) -> None:
        with self._mutex:
            self._environment = values

    def close(self) -> None:
        """Sends what is left and ends; the journal keeps what could not be sent."""
        self._closing.set()
        self._thread.join()
        self._journal.close()

    # sending --------------------------------------------------------------------------------------------------------
    def _write(self, kind: str, **fields: Any) -> None:
        with self._mutex:  # so that events are pending in the order of their seq
            self._pending.append(self._journal.write(kind, **fields))

    def _keep_sending(self) -> None:
        sent_at = 0.0
        while not self._closing.wait(BATCH_EVERY_S):
            if (self._pending or time.monotonic() - sent_at >= HEARTBEAT_EVERY_S) and self._send_all():
                sent_at = time.monotonic()
        deadline = time.monotonic() + FAREWELL_S
        while not self._send_all() and time.monotonic() < deadline:
            time.sleep(BATCH_EVERY_S)

    def _send_all(self) -> bool:
        """Whether everything pending arrived; what did not is sent again, and the store knows it by its seq."""
        with self._mutex:
            events = list(self._pending)
            artifacts, self._artifacts = self._artifacts, {}
            environment, self._environment = self._environment, None
        try:
            if environment is not None:
                self._send("update_run", self._run_id, environment=environment)
                environment = None
            for name, path in list(artifacts.items()):
                self._send("add_artifact", self._run_id, name, str(path), *_digest(path))
                del artifacts[name]
            ack = self._send("append", self._run_id, events)
        except (
            Exception
        ):  # whatever kept the owner from answering, the journal has the events and the next turn tries again
            with self._mutex:
                self._artifacts = artifacts | self._artifacts
                self._environment = self._environment or environment
            return False
        with self._mutex:
            self._pending = self._pending[len(events) :]
        if ack.stop_requested:
            self._stop.set()
        return True


def _digest(path: Path) -> tuple[str, int]:
    """(SHA-256, bytes) of a file, from one opening: it may be replaced meanwhile."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(2**20):
            digest.update(part)
            size += len(part)
    return digest.hexdigest(), size
