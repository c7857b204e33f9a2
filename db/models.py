"""The tables. One writer fills them, any number of readers look.

A run has a short number inside the store, so that a million points do not each carry its name; outside it is known by
its id. All times are unix seconds.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from . import codec
from .errors import StoreError
from .states import NEXT


class Json(TypeDecorator[Any]):
    """A JSON value in a text column; NaN and infinities survive."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return codec.encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        try:
            return codec.decode(value or "null")
        except ValueError:
            raise StoreError(f"The store is damaged: a field that must be JSON holds {value!r:.80}.") from None


class Real(TypeDecorator[float]):
    """A float column where NaN survives: SQLite keeps NaN as NULL, so NULL is read as NaN. (-0.0 comes back as 0.0.)"""

    impl = Float
    cache_ok = True

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        return float("nan") if value is None else value


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: Json, str: Text, float: Float, int: Integer}  # noqa: RUF012 SQLAlchemy's name


class ExperimentRow(Base):
    __tablename__ = "experiments"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[float]


class RunRow(Base):
    __tablename__ = "runs"
    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id"))
    name: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    message: Mapped[str] = mapped_column(default="")
    spec: Mapped[dict[str, Any]]
    environment: Mapped[dict[str, Any]]
    progress: Mapped[dict[str, Any]]
    data_s: Mapped[float] = mapped_column(default=0.0)
    compute_s: Mapped[float] = mapped_column(default=0.0)
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    heartbeat_at: Mapped[float]
    run_dir: Mapped[str]
    parent: Mapped[str | None] = mapped_column(ForeignKey("runs.id"))
    stop_requested: Mapped[bool] = mapped_column(default=False)
    # Every event up to this one is stored.
    last_seq: Mapped[int] = mapped_column(BigInteger, default=0)

    __table_args__ = (
        CheckConstraint("state IN ({})".format(", ".join(f"'{s}'" for s in NEXT)), name="run_state"),
        Index("runs_by_experiment", "experiment_id", "number"),
        Index("runs_by_state", "state", "heartbeat_at"),
    )


class ParamRow(Base):
    __tablename__ = "params"
    run_number: Mapped[int] = mapped_column(ForeignKey("runs.number"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    value: Mapped[Any] = mapped_column(Json, nullable=False)
    __table_args__ = (UniqueConstraint("run_number", "key"), {"sqlite_with_rowid": False})


class SeriesRow(Base):
    """One metric of one run, with its last value at hand: a list of runs needs nothing else of it."""

    __tablename__ = "series"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_number: Mapped[int] = mapped_column(ForeignKey("runs.number"))
    key: Mapped[str]
    last_seq: Mapped[int] = mapped_column(BigInteger)
    last_value: Mapped[float] = mapped_column(Real, nullable=True)
    __table_args__ = (UniqueConstraint("run_number", "key"),)


class PointRow(Base):
    __tablename__ = "points"
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger)
    time: Mapped[float]
    value: Mapped[float] = mapped_column(Real, nullable=True)
    __table_args__ = ({"sqlite_with_rowid": False},)  # rows lie in the order in which a chart reads them


class LogRow(Base):
    __tablename__ = "logs"
    run_number: Mapped[int] = mapped_column(ForeignKey("runs.number"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    time: Mapped[float]
    rank: Mapped[int]
    text: Mapped[str]
    __table_args__ = ({"sqlite_with_rowid": False},)


class ArtifactRow(Base):
    __tablename__ = "artifacts"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_number: Mapped[int] = mapped_column(ForeignKey("runs.number"))
    name: Mapped[str]
    path: Mapped[str]
    sha256: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[float]
    __table_args__ = (UniqueConstraint("run_number", "name"),)


class ModelRow(Base):
    __tablename__ = "models"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[float]


class VersionRow(Base):
    __tablename__ = "versions"
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id"))
    path: Mapped[str] = mapped_column(unique=True)
    proof: Mapped[dict[str, Any]]
    created_at: Mapped[float]


class AliasRow(Base):
    __tablename__ = "aliases"
    model_id: Mapped[int] = mapped_column(primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    __table_args__ = (ForeignKeyConstraint(["model_id", "version"], ["versions.model_id", "versions.version"]),)


class AliasChangeRow(Base):
    """Append-only (triggers refuse anything else): what was in production on that date, and why."""

    __tablename__ = "alias_history"
    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"))
    alias: Mapped[str]
    version: Mapped[int | None]
    time: Mapped[float]
    reason: Mapped[str]
    __table_args__ = (Index("alias_history_by_model", "model_id", "alias", "time"),)
