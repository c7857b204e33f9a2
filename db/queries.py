"""The statements that read, and how their rows become records."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, literal_column, or_, select

from . import codec
from .errors import UnknownModel, UnknownRun, known
from .models import ExperimentRow, ModelRow, ParamRow, RunRow, VersionRow
from .records import ModelVersion, Run
from .states import STALE_AFTER_S, silence


def select_runs() -> Select[Any]:
    """Runs with their experiment's name and their params, newest first: one statement, whatever their number."""
    in_order = (
        select(ParamRow.key, ParamRow.value.label("value"))
        .where(ParamRow.run_number == RunRow.number)
        .order_by(ParamRow.position)
        .correlate(RunRow)
        .subquery()
    )
    # The values are JSON text already: json() keeps SQLite from quoting them once more.
    params = select(func.json_group_object(in_order.c.key, func.json(literal_column("value")))).select_from(in_order)
    return (
        select(RunRow.__table__, ExperimentRow.name.label("experiment"), params.scalar_subquery().label("params"))
        .join(ExperimentRow, ExperimentRow.id == RunRow.experiment_id)
        .order_by(RunRow.number.desc())
    )


def stale(now: float) -> ColumnElement[bool]:
    """Whether a run is active by its row but was silent for too long."""
    return or_(
        *(and_(RunRow.state == state, RunRow.heartbeat_at < now - after_s) for state, after_s in STALE_AFTER_S.items())
    )


def in_state(state: str, now: float) -> ColumnElement[bool]:
    """Whether a run is shown in `state`: silent ones are shown as failed."""
    if state == "failed":
        return or_(RunRow.state == state, stale(now))
    if state in STALE_AFTER_S:
        return and_(RunRow.state == state, RunRow.heartbeat_at >= now - STALE_AFTER_S[state])
    return RunRow.state == state


def to_run(row: Row[Any], now: float) -> Run:
    """The record of a row of select_runs, as seen at `now`: a run that was silent for too long is shown as failed."""
    state, message, ended_at, presumed = row.state, row.message, row.ended_at, False
    silent_s = now - row.heartbeat_at
    if silent_s > STALE_AFTER_S.get(state, float("inf")):
        message = silence(state, silent_s)
        state, ended_at, presumed = "failed", row.heartbeat_at, True
    return Run(
        id=row.id,
        experiment=row.experiment,
        name=row.name,
        state=state,
        message=message,
        spec=row.spec,
        params=codec.decode(row.params),
        environment=row.environment,
        progress=row.progress,
        data_s=row.data_s,
        compute_s=row.compute_s,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=ended_at,
        heartbeat_at=row.heartbeat_at,
        run_dir=Path(row.run_dir),
        parent=row.parent,
        stop_requested=row.stop_requested,
        presumed=presumed,
    )


def find_run(connection: Connection, wanted: str) -> tuple[int, str]:
    """(number, id) of the run with this id, unique beginning of an id, or name. Raises UnknownRun."""
    wanted = codec.clean(wanted)
    exact = connection.execute(
        select(RunRow.number, RunRow.id).where(or_(RunRow.id == wanted, RunRow.name == wanted))
    ).first()
    if exact is not None:
        return exact.number, exact.id
    # Ids are lower-case hex: everything that begins with `wanted` lies before wanted + "g".
    begins = and_(RunRow.id >= wanted, RunRow.id < wanted + "g") if wanted else RunRow.id.is_(None)
    found = connection.execute(select(RunRow.number, RunRow.id).where(begins).limit(9)).all()
    if len(found) == 1:
        return found[0].number, found[0].id
    if found:
        some = ", ".join(row.id for row in found[:8]) + (" and more" if len(found) > 8 else "")
        raise UnknownRun(f"Several runs begin with {wanted!r}: {some}. Give more characters of the id.")
    newest = connection.execute(select(RunRow.name, RunRow.id).order_by(RunRow.number.desc()).limit(200)).all()
    total = connection.execute(select(func.count()).select_from(RunRow)).scalar_one()
    both = [f"{row.name} ({row.id})" for row in newest]
    told = known(both, wanted, "runs (newest first)", total, [name for row in newest for name in row])
    raise UnknownRun(f"There is no run {wanted!r}. {told}")


def find_model(connection: Connection, name: str) -> int:
    """The id of a model. Raises UnknownModel with the names that exist."""
    name = codec.clean(name)
    found = connection.execute(select(ModelRow.id).where(ModelRow.name == name)).scalar()
    if found is None:
        names = connection.execute(select(ModelRow.name).order_by(ModelRow.name)).scalars()
        raise UnknownModel(f"There is no model {name!r}. {known(names, name, 'models')}")
    return found


def select_versions() -> Select[Any]:
    """Versions with their model's name, oldest first."""
    return (
        select(VersionRow.__table__, ModelRow.name.label("model"))
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .order_by(ModelRow.name, VersionRow.version)
    )


def to_version(row: Row[Any]) -> ModelVersion:
    """The record of a row of select_versions."""
    return ModelVersion(
        model=row.model,
        version=row.version,
        run_id=row.run_id,
        path=Path(row.path),
        proof=row.proof,
        created_at=row.created_at,
    )


def now() -> float:
    """Unix seconds. Heartbeats and their readers use this machine's clock alone, never a worker's."""
    return time.time()
