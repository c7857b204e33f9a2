"""What the pages share: the store, and the runs and models that a visitor has picked."""

from pathlib import Path

import streamlit as st

from db import Run, Store
from db.home import home

LAUNCH, RUNS, COMPARE, MODELS = "views/launch.py", "views/runs.py", "views/compare.py", "views/models.py"


@st.cache_resource(show_spinner=False)
def _store(path: Path) -> Store:
    return Store(path)


def store() -> Store:
    """The store of $LOCKSTEP_HOME, opened once for all visitors. Raises StoreError."""
    return _store(home() / "lockstep.db")


def picked_run() -> str | None:
    """The run to show: picked on this page or another, or named in the address (?run=…)."""
    picked = st.session_state.get("picked_run") or st.query_params.get("run")
    return str(picked) if picked else None


def pick_run(run_id: str) -> None:
    """Shows this run from now on; the address names it, so that it can be passed on."""
    st.session_state["picked_run"] = run_id
    st.query_params["run"] = run_id


def forget_run() -> None:
    """Back to the newest run."""
    st.session_state.pop("picked_run", None)
    st.query_params.pop("run", None)


def pick_to_compare(run: Run) -> None:
    """Puts this run among those on the Compare page."""
    chosen = list(st.session_state.get("compared", []))
    st.session_state["compared"] = [*chosen, *([] if run.id in chosen else [run.id])]


def pick_to_promote(run_id: str) -> None:
    """Chooses this run on the Models page."""
    st.session_state["to_promote"] = run_id


def choose_compared(runs: list[Run]) -> None:
    """Fills the choice of runs: those picked before that still exist, with newer ones up to two if there are fewer."""
    known = {run.id for run in runs}
    chosen = [run_id for run_id in st.session_state.get("compared", []) if run_id in known]
    if "compared-widget" in st.session_state:
        return  # what is on the page is what counts
    for run in [run for run in runs if run.state == "finished"] + runs:
        if len(chosen) < 2 and run.id not in chosen:
            chosen.append(run.id)
    st.session_state["compared-widget"] = chosen


def keep_compared() -> None:
    """Remembers the choice for a visit to another page and back."""
    st.session_state["compared"] = list(st.session_state["compared-widget"])


def picked_model() -> str | None:
    """The model to show: picked before, or named in the address (?model=…)."""
    picked = st.session_state.get("picked_model") or st.query_params.get("model")
    return str(picked) if picked else None


def picked_version(model: str) -> int | None:
    """The version of a model that was promoted last in this session."""
    picked: int | None = st.session_state.get("picked_versions", {}).get(model)
    return picked


def pick_version(model: str, version: int) -> None:
    """Shows this version from now on."""
    st.session_state["picked_model"] = model
    st.session_state["picked_versions"] = {**st.session_state.get("picked_versions", {}), model: version}
    st.session_state.pop(f"version-of-{model}", None)
    st.session_state.pop("model-pills", None)
