"""The curves of runs, read once and reduced to what a screen can show."""

from pathlib import Path

import streamlit as st

from db import Run, Store
from ui.charts import Curve, curve


def curves(store: Store, run: Run) -> dict[str, Curve]:
    """Metric -> curve. A run that has ended does not change any more: its curves are kept."""
    if run.ended:
        return _kept(store.path, run.id, run.ended_at, _store=store)
    return _read(store, run.id)


def _read(store: Store, run_id: str) -> dict[str, Curve]:
    return {key: curve(series.steps, series.values) for key, series in store.metrics(run_id).items()}


@st.cache_data(show_spinner=False, max_entries=300)
def _kept(path: Path, run_id: str, ended_at: float | None, _store: Store) -> dict[str, Curve]:
    return _read(_store, run_id)
