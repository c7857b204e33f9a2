"""Models: promote a run, see the proof, name versions, try one on an image."""

import streamlit as st

from ui import boxes, models_view, session, try_it

st.title("Models", anchor=False)

with boxes.explained("The models cannot be read"):
    store = session.store()
    finished = store.runs(state="finished", limit=200)
    models = store.models()
    if not models and not finished:
        boxes.empty(
            "No models yet",
            "A model is a finished run turned into a static graph, computing the same bit for bit. Train one first.",
            session.LAUNCH,
            "Launch an experiment",
        )
    if finished:
        models_view.promotion(finished, first=not models)
        models = store.models()
    if models:
        model = models_view.choose(models)
        version = models_view.choose_version(model)
        left, right = st.columns(2, gap="large")
        with left:
            models_view.proof_of(version)
            models_view.versions(store, model, version)
        with right, boxes.explained("This version cannot be used"):
            try_it.show(store, version)
