"""What the Compare page shows of the runs chosen: final metrics, curves, parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from db import Run, Store
from ui import charts, palette, run_rows, run_view, words
from ui.charts import Curve
from ui.comparison import Row
from ui.curves import curves

_BEST = "font-weight: 700; background-color: rgba(0, 158, 115, 0.18)"


def names_of(runs: Sequence[Run]) -> dict[str, str]:
    """A name for each run, in the order chosen."""
    return {run.id: run.name or run.id for run in runs}


def final_table(runs: Sequence[Run], rows: Sequence[Row]) -> None:
    """A row a run, a column a metric; the best of a column on green."""
    st.subheader("Final metrics", anchor=False)
    columns: dict[str, list[str]] = {
        " ".join(reversed(words.family_and_split(row.name))).strip(): [
            "" if value is None else words.metric(row.name, value) for value in row.values
        ]
        for row in rows
    }
    columns["duration"] = [words.duration(run_rows.duration_s(run)) for run in runs]
    columns["state"] = [run.state for run in runs]
    best = {(position, column) for column, row in enumerate(rows) for position in row.best}
    _table(runs, columns, best)
    if best:
        st.caption("On green: the best of each column.")


def params_table(runs: Sequence[Run], rows: Sequence[Row]) -> None:
    """The parameters that are not the same everywhere."""
    st.subheader("Differing parameters", anchor=False)
    if not rows:
        st.caption("These runs have the same parameters.")
        return
    columns = {row.name: [words.number(value) for value in row.values] for row in rows}
    _table(runs, columns, set())


def same_params(shared: Mapping[str, Any]) -> None:
    """The rest of the parameters, folded away."""
    if shared:
        with st.expander(f"The same in all ({len(shared)})"):
            run_view.table(shared)


def _table(runs: Sequence[Run], columns: Mapping[str, list[str]], best: set[tuple[int, int]]) -> None:
    frame = pd.DataFrame({"run": [f"⬤ {name}" for name in names_of(runs).values()], **columns})
    colours = [palette.colour_of(position) for position in range(len(runs))]

    def styles(_: pd.DataFrame) -> pd.DataFrame:
        cells = pd.DataFrame("", index=frame.index, columns=frame.columns)
        for position, colour in enumerate(colours):
            cells.iat[position, 0] = f"color: {colour}; font-weight: 600"
        for position, column in best:
            cells.iat[position, column + 1] = _BEST
        return cells

    st.dataframe(
        frame.style.apply(styles, axis=None),
        hide_index=True,
        height="content" if len(runs) <= 12 else 460,
        column_config={
            name: st.column_config.TextColumn(name, width="medium")  # the rest of a long value shows on a click
            for name, values in {"run": [], **columns}.items()
            if name == "run" or max(map(len, values)) > 30
        },
    )


def curves_of(store: Store, runs: Sequence[Run]) -> None:
    """The curves, renewed every second while one of the runs is active."""
    st.subheader("Curves", anchor=False)
    active = any(not run.ended for run in runs)
    st.fragment(_charts, run_every=1.0 if active else None)(store, [run.id for run in runs])


def _charts(store: Store, run_ids: list[str]) -> None:
    runs = [store.run(run_id) for run_id in run_ids]
    with st.container(horizontal=True, gap="medium"):
        training = st.toggle("Training curves", value=True, key="compare-training")
        logarithmic = st.toggle("Logarithmic loss", key="compare-logarithmic")
    found = {run.id: curves(store, run) for run in runs}
    grouped = charts.families(sorted({key for of_run in found.values() for key in of_run}))
    columns = st.columns(2 if len(grouped) > 1 else 1, gap="medium")
    for position, (family, keys) in enumerate(grouped.items()):
        shown = chosen_keys(keys, training)
        chart = charts.compare_chart(family, _only(found, shown), names_of(runs), logarithmic)
        with columns[position % len(columns)]:
            st.plotly_chart(chart, config=run_view.CHART_OPTIONS, key=f"compare-{family}")


def chosen_keys(keys: Sequence[str], training: bool) -> list[str]:
    """A family's keys, without the training one if it is not wanted and there is another."""
    others = [key for key in keys if words.family_and_split(key)[1] != "train"]
    return list(keys) if training or not others else others


def _only(found: Mapping[str, Mapping[str, Curve]], keys: Sequence[str]) -> dict[str, dict[str, Curve]]:
    return {run_id: {key: of_run[key] for key in keys if key in of_run} for run_id, of_run in found.items()}
