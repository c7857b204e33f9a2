"""Writing a store: one process at a time, every call one transaction.

When a call returns, what it wrote survives the death of any process. Promotions (versions, aliases) are rare and
precious: they wait for the disk too, and survive a power cut.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, exists, func, insert, select, update
from sqlalchemy.dialects import sqlite

from . import append, queries, reaper, registry
from .codec import clean, clean_name, clean_path
from .engine import writing
from .errors import StoreError, plain_errors
from .home import journal_path, make_private, store_path
from .lock import Lock
from .models import ArtifactRow, ExperimentRow, ParamRow, RunRow
from .records import Ack, Event, Scalar
from .schema import migrate
from .states import ACTIVE, ENDED, STALE_AFTER_S, check_change

ID_BYTES = 6  # 12 hex characters


class Writer:
    """The owner of the store at `path` (home()/lockstep.db unless given): takes its lock, creates or upgrades it.

    Raises StoreLocked, which names the owner, when the lock is not free within `lock_timeout_s` seconds; NewerStore;
    StoreError. Safe between threads. Where a run is named, its id, a unique beginning of it, or its name will do.
    """

    def __init__(self, path: Path | str | None = None, lock_timeout_s: float = 10.0) -> None:
        self.path = store_path(path)
        self._mutex = threading.RLock()
        self._connection: Connection | None = None
        make_private(self.path.parent)
        self._lock = Lock(self.path, lock_timeout_s)
        try:
            migrate(self.path)
            self._engine = writing(self.path)
            with plain_errors(self.path):
                self._connection = self._engine.connect()
        except BaseException:
            self._lock.release()
            raise

    @contextmanager
    def _write(self, *, durable: bool = False) -> Iterator[Connection]:
        """One transaction; `durable` waits until the disk has it."""
        with self._mutex, plain_errors(self.path):
            if self._connection is None:
                raise StoreError(f"This writer of {self.path} is closed.")
            if durable:
                self._pragma("synchronous=FULL")
            try:
                with self._connection.begin():
                    yield self._connection
            finally:
                if durable:
                    self._pragma("synchronous=NORMAL")

    def _pragma(self, pragma: str) -> None:
        # Past SQLAlchemy, which would begin a transaction first, where this pragma does nothing.
        assert self._connection is not None
        raw = self._connection.connection.driver_connection
        assert raw is not None
        raw.execute(f"PRAGMA {pragma}")

    def create_run(
        self,
        experiment: str,
        spec: Mapping[str, Any],
        params: Mapping[str, Scalar],
        *,
        run_dir: Path | str | None = None,
        parent: str | None = None,
    ) -> str:
        """Record a new run of `experiment` and return its id. Its name is the experiment's with a count: digits-3.

        `run_dir` is runs/<id> beside the store unless given; not created here. `parent` is the run it goes on from.
        Raises UnknownRun for the parent, StoreError.
        """
        experiment = clean_name(experiment, "experiment")
        now = queries.now()
        with self._write() as connection:
            parent_id = None if parent is None else queries.find_run(connection, parent)[1]
            experiment_id = _experiment(connection, experiment, now)
            run_id = _new_id(connection)
            row = insert(RunRow).values(
                id=run_id,
                experiment_id=experiment_id,
                name=_run_name(connection, experiment, experiment_id),
                state="created",
                spec=dict(spec),
                environment={},
                progress={},
                created_at=now,
                heartbeat_at=now,
                run_dir=clean_path(run_dir or self.path.parent / "runs" / run_id),
                parent=parent_id,
            )
            number = connection.execute(row.returning(RunRow.number)).scalar_one()
            rows = [
                {"run_number": number, "position": position, "key": clean(key), "value": value}
                for position, (key, value) in enumerate(params.items())
            ]
            if rows:
                connection.execute(insert(ParamRow), rows)
        return run_id

    def append(self, run_id: str, events: Iterable[Event]) -> Ack:
        """Store a batch of events, all or nothing; an empty one is a heartbeat. See events.py for their kinds.

        An event whose seq is stored already is skipped, so a batch may be sent again. Raises UnknownRun, StoreError.
        """
        with self._write() as connection:
            return append.append(connection, run_id, events, queries.now())

    def update_run(
        self,
        run_id: str,
        *,
        state: str | None = None,
        message: str | None = None,
        environment: Mapping[str, Any] | None = None,
        progress: Mapping[str, Any] | None = None,
    ) -> None:
        """Change what is given; a sign of life. Raises UnknownRun, and StoreError for a state that cannot follow."""
        now = queries.now()
        with self._write() as connection:
            number, run_id = queries.find_run(connection, run_id)
            old = connection.execute(select(RunRow.state).where(RunRow.number == number)).scalar_one()
            changes: dict[str, Any] = {} if old in ENDED else {"heartbeat_at": now}
            if state is not None:
                check_change(run_id, old, state)
                changes |= append.change_of_state(old, state, now)
            if message is not None:
                changes["message"] = clean(message)
            if environment is not None:
                changes["environment"] = dict(environment)
            if progress is not None:
                changes["progress"] = dict(progress)
            if changes:
                connection.execute(update(RunRow).where(RunRow.number == number).values(**changes))

    def request_stop(self, run_id: str) -> None:
        """Ask a run to stop: the answer to its next batch or heartbeat says so. One that has ended is left alone."""
        with self._write() as connection:
            number, _ = queries.find_run(connection, run_id)
            active = (RunRow.number == number) & RunRow.state.in_(ACTIVE)
            connection.execute(update(RunRow).where(active).values(stop_requested=True))

    def add_artifact(self, run_id: str, name: str, path: Path | str, sha256: str, bytes: int) -> None:
        """Record a file that a run made; one recorded again under its name is replaced. Raises UnknownRun."""
        with self._write() as connection:
            number, _ = queries.find_run(connection, run_id)
            values = {"path": clean_path(path), "sha256": sha256, "bytes": int(bytes), "created_at": queries.now()}
            statement = sqlite.insert(ArtifactRow).values(
                run_number=number, name=clean_name(name, "artifact"), **values
            )
            connection.execute(statement.on_conflict_do_update(index_elements=["run_number", "name"], set_=values))

    def next_version(self, model: str) -> int:
        """The number the next version of `model` will get: 1 for a model that does not exist yet."""
        with self._write() as connection:
            return registry.next_version(connection, clean_name(model, "model"))

    def add_version(self, model_name: str, *, run_id: str | None, path: Path | str, proof: Mapping[str, Any]) -> int:
        """Record a promoted model, saved at `path`, as the next version, and return its number.

        Raises UnknownRun, and StoreError when `path` is a version already.
        """
        with self._write(durable=True) as connection:
            return registry.add_version(connection, model_name, run_id=run_id, path=path, proof=dict(proof))

    def set_alias(self, model: str, alias: str, version: int | str, *, reason: str = "") -> None:
        """Let `alias` (such as production) name a version, and write into the history that it does, and why.

        Raises UnknownModel, and StoreError for an alias that reads like a number or is `latest`.
        """
        with self._write(durable=True) as connection:
            registry.set_alias(connection, model, alias, version, reason)

    def remove_alias(self, model: str, alias: str, *, reason: str = "") -> None:
        """Take an alias away; its history stays. Raises UnknownModel."""
        with self._write(durable=True) as connection:
            registry.remove_alias(connection, model, alias, reason)

    def replay(self, run_id: str) -> None:
        """Store what the run's journal holds and never arrived; for a run whose process is gone. Raises UnknownRun."""
        with self._write() as connection:
            number, _ = queries.find_run(connection, run_id)
            run_dir = connection.execute(select(RunRow.run_dir).where(RunRow.number == number)).scalar_one()
            reaper.replay(connection, number, journal_path(Path(run_dir)))

    def reap(
        self,
        stale_after_s: float = STALE_AFTER_S["running"],
        created_stale_after_s: float = STALE_AFTER_S["created"],
    ) -> list[str]:
        """End the runs that were silent for so many seconds, and return their ids.

        First what their journals still hold is stored. When a journal ends with a final state, that is the run's state;
        otherwise it has failed, with a message that says since when it is silent.
        """
        with self._write() as connection:
            return reaper.reap(connection, {"running": stale_after_s, "created": created_stale_after_s}, queries.now())

    def close(self) -> None:
        """Close the store and give back the lock; closing twice is harmless."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
                self._engine.dispose()
                self._lock.release()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _experiment(connection: Connection, name: str, now: float) -> int:
    statement = sqlite.insert(ExperimentRow).values(name=name, created_at=now).on_conflict_do_nothing()
    connection.execute(statement)
    return connection.execute(select(ExperimentRow.id).where(ExperimentRow.name == name)).scalar_one()


def _new_id(connection: Connection) -> str:
    while True:
        run_id = secrets.token_hex(ID_BYTES)
        if not connection.execute(select(exists().where(RunRow.id == run_id))).scalar():
            return run_id


def _run_name(connection: Connection, experiment: str, experiment_id: int) -> str:
    count = select(func.count()).select_from(RunRow).where(RunRow.experiment_id == experiment_id)
    return f"{experiment}-{connection.execute(count).scalar_one() + 1}"
