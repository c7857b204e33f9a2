"""The table of runs, in which one is picked."""

import hashlib
from typing import Any

import streamlit as st

from db import Run, Store
from ui import boxes, palette, run_rows, session, words

LIMIT = 200
METRIC = "metric "  # before a metric's name, so that one called "state" hides no other column
_STATES = list(palette.STATE_COLOUR)


def show(store: Store, runs: list[Run]) -> None:
    """The table with its filters. It renews itself apart from the rest of the page: runs may start elsewhere too."""
    active = any(not run.ended for run in runs)
    st.fragment(_table, run_every=2.0 if active else 5.0)(store)


def _table(store: Store) -> None:
    runs = store.runs(limit=LIMIT)
    names = sorted({run.experiment for run in runs})
    experiment = None
    if len(names) > 1:
        experiment = st.pills(
            "Experiment", names, format_func=boxes.plain, key="runs-experiment", label_visibility="collapsed"
        )
    shown = [run for run in runs if experiment in (None, run.experiment)]
    finals = store.final_metrics([run.id for run in shown])
    rows = [run_rows.row(run, finals.get(run.id, {})) for run in shown]
    ids = [run.id for run in shown]
    # the table is a new one when its runs change: a selection is a row number, and must not slip to another run
    key = "runs-" + hashlib.sha1(" ".join(ids).encode()).hexdigest()[:12]
    wanted = session.picked_run() or (runs[0].id if runs else None)
    picked = next((run.id for run in shown if wanted in (run.id, run.name)), None)
    st.dataframe(
        _cells(rows),
        hide_index=True,
        height="content" if len(rows) <= 8 else 35 * 9 + 19,  # half a row more says that there is more
        column_config=_columns(rows),
        on_select=lambda: _pick(key, ids),
        selection_mode="single-row",
        selection_default={"selection": {"rows": [ids.index(picked)]}} if picked else None,
        key=key,
    )
    if st.session_state.pop("run-picked-in-table", False):
        st.rerun()  # the details below the table are another part of the page
    if len(runs) == LIMIT:
        st.caption(f"The newest {LIMIT} runs.")


def _pick(key: str, ids: list[str]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        session.pick_run(ids[rows[0]])
        st.session_state["run-picked-in-table"] = True


def _cells(rows: list[run_rows.RunRow]) -> dict[str, list[Any]]:
    cells: dict[str, list[Any]] = {
        "state": [[row.run.state] for row in rows],
        "run": [row.run.name or row.run.id for row in rows],
        "experiment": [row.run.experiment for row in rows],
        "progress": [int(100 * row.progress) for row in rows],
    }
    for key in run_rows.columns(rows):
        cells[METRIC + key] = [words.metric(key, row.final[key]) if key in row.final else "" for row in rows]
    cells["duration"] = [words.duration(row.duration_s) for row in rows]
    cells["created"] = [words.ago(row.run.created_at) for row in rows]
    return cells


def _columns(rows: list[run_rows.RunRow]) -> dict[str, Any]:
    config: dict[str, Any] = {
        "state": st.column_config.MultiselectColumn(
            "State", options=_STATES, color=[palette.STATE_PAPER[state] for state in _STATES], width=90
        ),
        "run": st.column_config.TextColumn("Run", width="medium"),
        "experiment": st.column_config.TextColumn("Experiment", width="medium"),
        "progress": st.column_config.ProgressColumn("Progress", min_value=0, max_value=100, format="%d%%"),
        "duration": st.column_config.TextColumn("Duration", width="small"),
        "created": st.column_config.TextColumn("Created", width="small"),
    }
    for key in run_rows.columns(rows):
        config[METRIC + key] = st.column_config.TextColumn(" ".join(reversed(words.family_and_split(key))).strip())
    return config
