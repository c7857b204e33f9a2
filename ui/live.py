"""The picked run, renewed every second while it is active."""

import streamlit as st

from db import Run, Store
from ui import boxes, run_view, session
from ui.problems import is_mistake

EVERY_S = 1.0


def show(store: Store, run: Run) -> None:
    """Everything about one run. What changes is drawn anew every second; the rest stays still."""
    st.divider()
    st.fragment(_changing, run_every=None if run.ended else EVERY_S)(store, run.id)
    with st.expander("Parameters and environment"):
        # the environment is recorded a moment after the start
        st.fragment(_facts, run_every=None if run.ended else 3.0)(store, run.id)
    artifacts = store.artifacts(run.id)
    if artifacts:
        with st.expander(f"Files ({len(artifacts)})"):
            names = [artifact.name for artifact in artifacts]
            sizes = [f"{artifact.bytes:,} bytes" for artifact in artifacts]
            paths = [str(artifact.path) for artifact in artifacts]
            st.dataframe({"name": names, "size": sizes, "path": paths}, hide_index=True)


def _facts(store: Store, run_id: str) -> None:
    with boxes.explained("The parameters cannot be read"):
        run_view.facts(store.run(run_id))


def _changing(store: Store, run_id: str) -> None:
    with boxes.explained("This run cannot be read"):
        run = store.run(run_id)
        top, buttons = st.columns([3, 1], vertical_alignment="top")
        with top:
            run_view.header(run)
        with buttons:
            _buttons(run)
        run_view.message(run)
        run_view.progress(run)
        run_view.figures(run, store.final_metrics([run.id]).get(run.id, {}))
        logarithmic = st.toggle("Logarithmic loss", key="runs-logarithmic")
        run_view.metric_charts(store, run, logarithmic)
        st.markdown("**Log**")
        run_view.log_tail(store, run)
        if run.ended and st.session_state.get("watched") == run.id:
            st.session_state.pop("watched")
            st.rerun()  # the last look has been drawn: the page stops asking
        if not run.ended:
            st.session_state["watched"] = run.id


def _buttons(run: Run) -> None:
    with st.container(horizontal=True, horizontal_alignment="right"):
        if not run.ended:
            st.button(
                "Stop",
                key="stop-run",
                disabled=run.stop_requested,
                help="The run saves a checkpoint, then ends.",
                on_click=_stop,
                args=(run.id,),
            )
            if problem := st.session_state.pop("stop-problem", None):
                boxes.error("The run cannot be stopped", problem)
        elif run.state == "finished":
            if st.button("Compare", key="compare-run"):
                session.pick_to_compare(run)
                st.switch_page(session.COMPARE)
            if st.button("Promote", key="promote-run", type="primary"):
                session.pick_to_promote(run.id)
                st.switch_page(session.MODELS)


def _stop(run_id: str) -> None:
    from workers.launch import stop  # brings in Ray, which looking at runs does not need

    try:
        stop(run_id)
        st.toast("Asked the run to stop; it saves a checkpoint first.")
    except Exception as problem:
        if not is_mistake(problem):
            raise
        st.session_state["stop-problem"] = str(problem)
