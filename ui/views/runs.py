"""Runs: what was launched, how it goes, and everything about the one that is picked."""

import streamlit as st

import db
from ui import boxes, live, run_table, session

st.title("Runs", anchor=False)

with boxes.explained("The runs cannot be read"):
    store = session.store()
    runs = store.runs(limit=run_table.LIMIT)
    if not runs:
        boxes.empty(
            "No runs yet",
            "Launch an example experiment; it takes a few seconds, and its curves appear here while it learns.",
            session.LAUNCH,
            "Launch an experiment",
        )
    else:
        run_table.show(store, runs)
        picked = session.picked_run() or runs[0].id
        try:
            live.show(store, store.run(picked))
        except db.UnknownRun as problem:
            boxes.error("No such run", problem)
            session.forget_run()
