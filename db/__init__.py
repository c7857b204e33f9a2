"""The store of runs, metrics, logs and promoted models: one SQLite file, one writer, any number of readers.

with Writer() as writer:                        # owns the store: one process at a time
    run_id = writer.create_run("digits", spec, params)
    writer.append(run_id, [journal.write("metric", key="loss", step=1, value=0.5)])
Store().metrics(run_id)["loss"].values          # anyone, at any time
"""

from .errors import NewerStore, StoreError, StoreLocked, UnknownModel, UnknownRun
from .home import STORE_NAME, home, journal_path, make_private
from .journal import Journal
from .records import (
    Ack,
    AliasChange,
    Artifact,
    Event,
    LogLine,
    Model,
    ModelVersion,
    Run,
    Scalar,
    Series,
)
from .store import Store
from .writer import Writer

__all__ = [
    "STORE_NAME",
    "Ack",
    "AliasChange",
    "Artifact",
    "Event",
    "Journal",
    "LogLine",
    "Model",
    "ModelVersion",
    "NewerStore",
    "Run",
    "Scalar",
    "Series",
    "Store",
    "StoreError",
    "StoreLocked",
    "UnknownModel",
    "UnknownRun",
    "Writer",
    "home",
    "journal_path",
    "make_private",
]
