"""What the Runs page shows of one run, from its state down to its last log lines."""

from collections.abc import Mapping

import streamlit as st

from db import Run, Store
from ui import boxes, charts, palette, run_rows, words
from ui.charts import Curve
from ui.curves import curves

LOG_LINES, TAIL_LINES = 500, 8
CHART_OPTIONS = {"displayModeBar": False, "scrollZoom": False}


def header(run: Run) -> None:
    """Name, state and the facts in one line."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(boxes.plain(run.name or run.id), anchor=False, width="content")
        st.badge(run.state, color=palette.STATE_COLOUR.get(run.state, "gray"))  # type: ignore[arg-type]
        if run.stop_requested and not run.ended:
            st.badge("stopping", color="orange")
    begun = f"started {words.ago(run.started_at)}" if run.started_at else f"created {words.ago(run.created_at)}"
    st.caption(f"run `{run.id}` · experiment {boxes.plain(run.experiment)} · {begun}")


def message(run: Run) -> None:
    """What the run has to say about its end; why it failed in a red box."""
    if run.state == "failed":
        boxes.error("The run failed", run.message or "It left no message.")
    elif run.message:
        st.info(boxes.plain(run.message))


def progress(run: Run) -> None:
    """The bar, with the epoch and the time left."""
    parts = [run_rows.epoch(run)]
    left = run_rows.remaining_s(run)
    if run.state == "created":
        parts = ["waiting for its process to start"]
    elif left is not None:
        parts.append(f"about {words.duration(left)} left")
    done = run_rows.progress(run)
    st.progress(done, text=" · ".join(filter(None, [f"{100 * done:.0f} %", *parts])))


def figures(run: Run, finals: Mapping[str, float]) -> None:
    """The last value of the telling metrics, the duration, and what the time went into."""
    keys = run_rows.columns([run_rows.row(run, finals)], limit=4)
    cells = st.columns(6)
    for cell, key in zip(cells, keys, strict=False):
        family, split = words.family_and_split(key)
        cell.metric(boxes.plain(f"{split} {family}".strip()), words.metric(key, finals[key]))
    cells[len(keys)].metric("duration", words.duration(run_rows.duration_s(run)))
    with cells[len(keys) + 1]:
        waiting(run)


def waiting(run: Run) -> None:
    """Waiting for data against computing: a bar and the share in words."""
    total = run.data_s + run.compute_s
    if total <= 0:
        return
    share = words.percent(run.data_s / total)
    st.metric(
        "waiting for data", share, help=f"{words.duration(run.data_s)} of {words.duration(total)}; the rest computing"
    )
    st.progress(round(100 * run.data_s / total))


def metric_charts(store: Store, run: Run, logarithmic: bool) -> None:
    """A chart for each family, two side by side."""
    found = curves(store, run)
    if not found:
        text = "The first curves appear after the first epoch." if not run.ended else "This run logged no metrics."
        st.info(text)
        return
    grouped = charts.families(list(found))
    columns = st.columns(2 if len(grouped) > 1 else 1, gap="medium")
    for position, (family, keys) in enumerate(grouped.items()):
        with columns[position % len(columns)]:
            one_chart(run, family, {key: found[key] for key in keys}, logarithmic)


def one_chart(run: Run, family: str, found: Mapping[str, Curve], logarithmic: bool) -> None:
    """One family's chart, with a word on the values that cannot be drawn."""
    broken = sum(curve.not_finite for curve in found.values())
    if broken < sum(curve.points for curve in found.values()):
        figure = charts.run_chart(family, found, logarithmic)
        st.plotly_chart(figure, config=CHART_OPTIONS, key=f"chart-{run.id}-{family}")
    else:
        st.markdown(f"**{boxes.plain(family)}**")
    if broken:
        st.caption(f"{words.plural(broken, 'value')} not drawn: NaN or infinite")


def log_tail(store: Store, run: Run) -> None:
    """The last lines that the run's processes printed; those before them folded away."""
    lines = store.logs(run.id, tail=LOG_LINES)
    if not lines:
        st.caption("Nothing printed yet." if not run.ended else "This run printed nothing.")
        return
    ranks = len({line.rank for line in lines}) > 1
    texts = [f"[{line.rank}] {line.text}" if ranks else line.text for line in lines]
    st.code("\n".join(texts[-TAIL_LINES:]), language=None, wrap_lines=True)
    if len(texts) > TAIL_LINES:
        with st.expander(f"{words.plural(len(texts) - TAIL_LINES, 'line')} before these"):
            st.code("\n".join(texts[:-TAIL_LINES]), language=None, wrap_lines=True, height=300)


def facts(run: Run) -> None:
    """Parameters beside environment."""
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Parameters**")
        table(run.params)
    with right:
        st.markdown("**Environment**")
        table(flat(run.environment))


def flat(nested: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """{packages: {numpy: 2.1}} -> {packages.numpy: 2.1}."""
    found: dict[str, object] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def table(pairs: Mapping[str, object]) -> None:
    """Names and values."""
    if not pairs:
        st.caption("Not recorded yet.")
        return
    shown = {"name": list(pairs), "value": [words.number(value) for value in pairs.values()]}
    st.dataframe(shown, hide_index=True, height="content" if len(pairs) <= 10 else 386)
