"""Writing models, their versions and aliases, within the caller's transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects import sqlite

from . import queries
from .codec import clean, clean_name, clean_path
from .errors import StoreError, UnknownModel, known
from .models import AliasChangeRow, AliasRow, ModelRow, VersionRow

RESERVED = "latest"


def next_version(connection: Connection, model: str) -> int:
    """One more than the model's highest version; 1 when there is none."""
    highest = (
        select(func.max(VersionRow.version))
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .where(ModelRow.name == model)
    )
    return (connection.execute(highest).scalar() or 0) + 1


def add_version(
    connection: Connection, model: str, *, run_id: str | None, path: Path | str, proof: dict[str, Any]
) -> int:
    """Record the next version, and the model when it is the first. Raises UnknownRun, StoreError."""
    model, where, now = clean_name(model, "model"), clean_path(path), queries.now()
    if run_id is not None:
        _, run_id = queries.find_run(connection, run_id)
    taken = select(VersionRow.version, ModelRow.name).join(ModelRow).where(VersionRow.path == where)
    if (found := connection.execute(taken).first()) is not None:
        raise StoreError(
            f"{where} is version {found.version} of model {found.name!r} already. "
            "Save each version in a folder of its own."
        )
    connection.execute(sqlite.insert(ModelRow).values(name=model, created_at=now).on_conflict_do_nothing())
    version = next_version(connection, model)
    connection.execute(
        insert(VersionRow).values(
            model_id=queries.find_model(connection, model),
            version=version,
            run_id=run_id,
            path=where,
            proof=proof,
            created_at=now,
        )
    )
    return version


def set_alias(connection: Connection, model: str, alias: str, version: int | str, reason: str) -> None:
    """Raises UnknownModel, StoreError."""
    alias = clean_name(alias, "alias")
    if alias == RESERVED or alias.isdecimal():
        raise StoreError(
            f"An alias is a word of your own, such as production; {alias!r} already names a version by itself."
        )
    model_id = queries.find_model(connection, model)
    numbers = list(
        connection.execute(
            select(VersionRow.version).where(VersionRow.model_id == model_id).order_by(VersionRow.version)
        ).scalars()
    )
    wanted = str(version)
    if not wanted.isdecimal() or int(wanted) not in numbers:
        raise UnknownModel(
            f"Model {model!r} has no version {version!r}. {known(map(str, numbers), wanted, 'versions')}"
        )
    row = sqlite.insert(AliasRow).values(model_id=model_id, alias=alias, version=int(wanted))
    connection.execute(
        row.on_conflict_do_update(index_elements=["model_id", "alias"], set_={"version": row.excluded.version})
    )
    _remember(connection, model_id, alias, int(wanted), reason)


def remove_alias(connection: Connection, model: str, alias: str, reason: str) -> None:
    """Raises UnknownModel."""
    model_id, alias = queries.find_model(connection, model), clean(alias)
    here = AliasRow.model_id == model_id
    if connection.execute(delete(AliasRow).where(here, AliasRow.alias == alias)).rowcount == 0:
        aliases = connection.execute(select(AliasRow.alias).where(here).order_by(AliasRow.alias)).scalars()
        raise UnknownModel(f"Model {model!r} has no alias {alias!r}. {known(aliases, alias, 'aliases')}")
    _remember(connection, model_id, alias, None, reason)


def _remember(connection: Connection, model_id: int, alias: str, version: int | None, reason: str) -> None:
    row = {"model_id": model_id, "alias": alias, "version": version, "time": queries.now(), "reason": clean(reason)}
    connection.execute(insert(AliasChangeRow).values(**row))
