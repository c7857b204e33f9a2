"""Compare: several runs side by side, one colour a run in every chart and table."""

import streamlit as st

from ui import boxes, compare_view, session
from ui.comparison import differing_params, final_rows, shared_params
from ui.run_rows import label

st.title("Compare", anchor=False)

with boxes.explained("The runs cannot be compared"):
    store = session.store()
    known = {run.id: run for run in store.runs(limit=500)}
    if len(known) < 2:
        boxes.empty(
            "Two runs make a comparison",
            "Launch two experiments, or one twice with another learning rate; here their curves lie over each other.",
            session.LAUNCH,
            "Launch an experiment",
        )
    else:
        session.choose_compared(list(known.values()))
        chosen = st.multiselect(
            "Runs",
            list(known),
            format_func=lambda run_id: label(known[run_id]),
            key="compared-widget",
            on_change=session.keep_compared,
            placeholder="Choose two or more runs",
            label_visibility="collapsed",
        )
        runs = [known[run_id] for run_id in chosen]
        if len(runs) < 2:
            st.info("Choose two or more runs above.")
        else:
            finals = store.final_metrics(chosen)
            compare_view.final_table(runs, final_rows(chosen, finals))
            compare_view.curves_of(store, runs)
            compare_view.params_table(runs, differing_params([run.params for run in runs]))
            compare_view.same_params(shared_params([run.params for run in runs]))
