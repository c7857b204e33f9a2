"""Reading a store: from any process and thread, while the owner writes. Nothing here writes or blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, func, or_, select

from . import codec, queries
from .engine import reading
from .errors import UnknownModel, known, plain_errors
from .home import store_path
from .models import (
    AliasChangeRow,
    AliasRow,
    ArtifactRow,
    ExperimentRow,
    LogRow,
    ModelRow,
    PointRow,
    RunRow,
    SeriesRow,
    VersionRow,
)
from .records import AliasChange, Artifact, LogLine, Model, ModelVersion, Run, Series
from .schema import ensure
from .states import check_state

LATEST = "latest"
POINTS = PointRow.__tablename__
NAN = float("nan")


class Store:
    """The store at `path` (home()/lockstep.db unless given), to read; an empty one is created when there is none.

    Raises NewerStore, StoreError. Where a run is asked for, its id, a unique beginning of it, or its name will do.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = store_path(path)
        ensure(self.path)
        self._engine = reading(self.path)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        if not self.path.exists():
            ensure(self.path)  # its folder was removed under us: an empty store is the truth now
        with plain_errors(self.path), self._engine.begin() as connection:
            yield connection

    def runs(self, *, experiment: str | None = None, state: str | None = None, limit: int | None = None) -> list[Run]:
        """Runs, newest first. A run that was silent for too long is shown, and found, as failed."""
        now = queries.now()
        statement = queries.select_runs().limit(limit)
        if experiment is not None:
            statement = statement.where(ExperimentRow.name == codec.clean(experiment))
        if state is not None:
            statement = statement.where(queries.in_state(check_state(state), now))
        with self._read() as connection:
            return [queries.to_run(row, now) for row in connection.execute(statement)]

    def count(self, *states: str) -> int:
        """The number of runs in these states, as `runs` finds them."""
        now = queries.now()
        wanted = or_(*(queries.in_state(check_state(state), now) for state in states))
        with self._read() as connection:
            return connection.execute(select(func.count()).select_from(RunRow).where(wanted)).scalar_one()

    def run(self, run_id: str) -> Run:
        """One run. Raises UnknownRun, which says what exists."""
        with self._read() as connection:
            number, _ = queries.find_run(connection, run_id)
            row = connection.execute(queries.select_runs().where(RunRow.number == number)).one()
            return queries.to_run(row, queries.now())

    def metric_keys(self, run_id: str) -> list[str]:
        """The names of a run's metrics, sorted. Raises UnknownRun."""
        with self._read() as connection:
            number, _ = queries.find_run(connection, run_id)
            statement = select(SeriesRow.key).where(SeriesRow.run_number == number).order_by(SeriesRow.key)
            return list(connection.execute(statement).scalars())

    def metrics(self, run_id: str, keys: Iterable[str] | None = None) -> dict[str, Series]:
        """Every point of a run's metrics, or of those in `keys` that it has, as they were logged. Raises UnknownRun."""
        with self._read() as connection:
            number, _ = queries.find_run(connection, run_id)
            found = select(SeriesRow.id, SeriesRow.key).where(SeriesRow.run_number == number).order_by(SeriesRow.key)
            if keys is not None:
                found = found.where(SeriesRow.key.in_([codec.clean(key) for key in keys]))
            return {row.key: _series(connection, row.id) for row in connection.execute(found).all()}

    def final_metrics(self, run_ids: Iterable[str]) -> dict[str, dict[str, float]]:
        """Run id -> metric -> the value logged last. One query for any number of ids; here ids are whole."""
        wanted = list(run_ids)
        found: dict[str, dict[str, float]] = {run_id: {} for run_id in wanted}
        ids = func.json_each(codec.encode(wanted)).table_valued("value")
        statement = (
            select(RunRow.id, SeriesRow.key, SeriesRow.last_value)
            .select_from(ids)
            .join(RunRow, RunRow.id == ids.c.value)
            .join(SeriesRow, SeriesRow.run_number == RunRow.number)
            .order_by(SeriesRow.key)
        )
        with self._read() as connection:
            for run_id, key, value in connection.execute(statement):
                found[run_id][key] = value
        return found

    def logs(self, run_id: str, tail: int | None = None) -> list[LogLine]:
        """A run's lines in order, or the last `tail` of them. Raises UnknownRun."""
        with self._read() as connection:
            number, _ = queries.find_run(connection, run_id)
            statement = (
                select(LogRow.seq, LogRow.time, LogRow.rank, LogRow.text)
                .where(LogRow.run_number == number)
                .order_by(LogRow.seq.desc())
                .limit(tail)
            )
            return [LogLine(*row) for row in reversed(connection.execute(statement).all())]

    def artifacts(self, run_id: str) -> list[Artifact]:
        """The files a run made, by name. Raises UnknownRun."""
        with self._read() as connection:
            number, _ = queries.find_run(connection, run_id)
            statement = select(ArtifactRow.__table__).where(ArtifactRow.run_number == number).order_by(ArtifactRow.name)
            return [
                Artifact(row.name, Path(row.path), row.sha256, row.bytes, row.created_at)
                for row in connection.execute(statement)
            ]

    def models(self) -> list[Model]:
        """Every model with its versions and aliases, by name."""
        with self._read() as connection:
            return _models(connection)

    def model(self, name: str) -> Model:
        """One model. Raises UnknownModel, which says what exists."""
        with self._read() as connection:
            return _models(connection, queries.find_model(connection, name))[0]

    def version(self, name: str, version_or_alias: str | int = LATEST, *, at: float | None = None) -> ModelVersion:
        """A version by its number, an alias, or `latest` (the highest number); `at` (unix seconds): as it was then.

        Raises UnknownModel, which says what exists.
        """
        with self._read() as connection:
            model_id = queries.find_model(connection, name)
            number = _version_number(connection, model_id, name, version_or_alias, at)
            statement = queries.select_versions().where(VersionRow.model_id == model_id, VersionRow.version == number)
            return queries.to_version(connection.execute(statement).one())

    def alias_history(self, name: str, alias: str | None = None) -> list[AliasChange]:
        """Every change of a model's aliases, or of one of them, oldest first. Raises UnknownModel."""
        with self._read() as connection:
            statement = select(AliasChangeRow).where(AliasChangeRow.model_id == queries.find_model(connection, name))
            if alias is not None:
                statement = statement.where(AliasChangeRow.alias == codec.clean(alias))
            return [
                AliasChange(name, row.alias, row.version, row.time, row.reason)
                for row in connection.execute(statement.order_by(AliasChangeRow.id))
            ]


def _series(connection: Connection, series_id: int) -> Series:
    raw = connection.connection.driver_connection
    assert raw is not None
    # Straight from SQLite: a chart of a million points has no use for a million Row objects.
    rows = raw.execute(
        f"SELECT step, time, value FROM {POINTS} WHERE series_id = ? ORDER BY seq", (series_id,)
    ).fetchall()
    steps, times, values = zip(*rows, strict=True) if rows else ((), (), ())
    if None in values:  # SQLite keeps NaN as NULL
        values = tuple(NAN if value is None else value for value in values)
    return Series(steps, times, values)


def _models(connection: Connection, only: int | None = None) -> list[Model]:
    """All models, or one of them: three queries whatever their number."""
    names = select(ModelRow.id, ModelRow.name).order_by(ModelRow.name)
    versions, aliases = queries.select_versions(), select(AliasRow.__table__).order_by(AliasRow.alias)
    if only is not None:
        names = names.where(ModelRow.id == only)
        versions = versions.where(VersionRow.model_id == only)
        aliases = aliases.where(AliasRow.model_id == only)
    versions_of: dict[int, list[ModelVersion]] = {}
    for row in connection.execute(versions):
        versions_of.setdefault(row.model_id, []).append(queries.to_version(row))
    aliases_of: dict[int, dict[str, int]] = {}
    for row in connection.execute(aliases):
        aliases_of.setdefault(row.model_id, {})[row.alias] = row.version
    return [
        Model(name, tuple(versions_of.get(model_id, ())), aliases_of.get(model_id, {}))
        for model_id, name in connection.execute(names)
    ]


def _version_number(connection: Connection, model_id: int, name: str, wanted: str | int, at: float | None) -> int:
    """The number that `wanted` means, now or at a time. Raises UnknownModel."""
    text = codec.clean(wanted)
    statement = select(VersionRow.version).where(VersionRow.model_id == model_id).order_by(VersionRow.version)
    if at is not None:
        statement = statement.where(VersionRow.created_at <= at)
    numbers = list(connection.execute(statement).scalars())
    aliases = _aliases(connection, model_id, at)
    if text == LATEST and numbers:
        return numbers[-1]
    if text in aliases:
        return aliases[text]
    if text.isdecimal() and int(text) in numbers:
        return int(text)
    exists = [str(number) for number in numbers] + sorted(aliases)
    had = "has" if at is None else "had at that time"
    raise UnknownModel(
        f"Model {name!r} {had} no version or alias {text!r}. {known(exists, text, 'versions and aliases')}"
    )


def _aliases(connection: Connection, model_id: int, at: float | None) -> dict[str, int]:
    """Alias -> version, now or at a time."""
    if at is None:
        now = select(AliasRow.alias, AliasRow.version).where(AliasRow.model_id == model_id)
        return {row.alias: row.version for row in connection.execute(now)}
    then = (
        select(AliasChangeRow.alias, AliasChangeRow.version)
        .where(AliasChangeRow.model_id == model_id, AliasChangeRow.time <= at)
        .order_by(AliasChangeRow.id)
    )
    latest = {row.alias: row.version for row in connection.execute(then)}
    return {alias: version for alias, version in latest.items() if version is not None}
