"""A run's news on their way to the store: into the journal first, then to the owner in batches; a stop comes back."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from db import Journal, StoreError, journal_path

BATCH_EVERY_S = 0.5
HEARTBEAT_EVERY_S = 1.0
BATCH_EVENTS = 20_000  # at most so many at once: a long silence must not end in one huge message
FAREWELL_S = 30.0  # how long the last words may take; after that the journal has them

# (method, *arguments) -> answer; raises when the owner cannot be reached
Send = Callable[..., Any]


class Messenger:
    """The report of a run. A thread of its own sends, so that a long step still has a heartbeat."""

    def __init__(self, run_id: str, run_dir: Path, send: Send) -> None:
        self._run_id, self._send = run_id, send
        self._journal = Journal(journal_path(run_dir))
        self._mutex = threading.Lock()
        self._pending: list[dict[str, Any]] = []
        self._last_words: list[dict[str, Any]] = []
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
        if state == "running":
            self._write("state", state=state, message=message)
        else:  # told at the close: who sees that a run has ended finds all that it made
            self._last_words.append(self._journal.write("state", state=state, message=message))

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
        self._send_all()
        with self._mutex:
            self._pending += self._last_words
        deadline = time.monotonic() + FAREWELL_S
        while not self._send_all() and time.monotonic() < deadline:
            time.sleep(BATCH_EVERY_S)

    def _send_all(self) -> bool:
        """Whether everything arrived; what did not is sent again, and the store knows an event by its seq."""
        # the events first: a sign of life, and how the run ended, must not wait for anything else
        return self._send_events() and self._send_environment() and self._send_artifacts() and not self._pending

    def _send_events(self) -> bool:
        while True:
            with self._mutex:
                events = self._pending[:BATCH_EVENTS]
            try:
                ack = self._send("append", self._run_id, events)
            except Exception:  # whatever kept the owner from answering: the journal has them, the next turn tries again
                return False
            with self._mutex:
                del self._pending[: len(events)]
            if ack.stop_requested:
                self._stop.set()
            if len(events) < BATCH_EVENTS:
                return True

    def _send_environment(self) -> bool:
        with self._mutex:
            environment, self._environment = self._environment, None
        try:
            if environment is not None:
                self._send("update_run", self._run_id, environment=environment)
        except Exception:
            with self._mutex:
                self._environment = self._environment or environment
            return False
        return True

    def _send_artifacts(self) -> bool:
        """An artifact that is gone, or that the store refuses, is dropped with a line in the log."""
        with self._mutex:
            artifacts, self._artifacts = self._artifacts, {}
        for name, path in list(artifacts.items()):
            try:
                digest = _digest(path)
            except OSError as error:
                self.log(f"The artifact {name} was not recorded: {path} cannot be read ({error.strerror}).")
            else:
                try:
                    self._send("add_artifact", self._run_id, name, str(path), *digest)
                except StoreError as error:
                    self.log(f"The artifact {name} was not recorded: {error}")
                except Exception:
                    break
            del artifacts[name]
        with self._mutex:
            self._artifacts = artifacts | self._artifacts
        return not artifacts


def _digest(path: Path) -> tuple[str, int]:
    """(SHA-256, bytes) of a file, from one opening: it may be replaced meanwhile."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(2**20):
            digest.update(part)
            size += len(part)
    return digest.hexdigest(), size
