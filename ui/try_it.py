"""Trying a promoted model in the browser: on held-out rows, on a drawing, on an image file."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from db import ModelVersion, Store
from ui import boxes, charts, pictures, samples, words
from ui.run_view import CHART_OPTIONS

MOST_ROWS = 2_000  # of the held-out rows, to say how many are right
PICTURES = 14  # two rows of seven


def show(store: Store, version: ModelVersion) -> None:
    """The ways to try it that fit what it takes, the answer, and how it does on held-out rows."""
    st.markdown("**Try it**")
    shape = samples.input_shape(version)
    ways = ["Held-out sample"]
    if pictures.picture_shape(shape):
        ways += ["Draw", "Image file"]
    way = st.segmented_control("With", ways, default=ways[0], key="try-way", label_visibility="collapsed") or ways[0]
    left, right = st.columns([2, 3], gap="medium")
    with left, boxes.explained("This input cannot be used"):
        x, label = _input(way, store, version, shape)
    if x is not None:
        with right:
            answer(version, x, label)
    if samples.class_names(version):
        with boxes.explained("The held-out rows cannot be read"):
            report(store, version)


def _input(
    way: str, store: Store, version: ModelVersion, shape: tuple[int, ...]
) -> tuple[np.ndarray | None, str | None]:
    """One input and, where it is known, its label."""
    if way == "Draw":
        from ui import draw

        side = pictures.picture_shape(shape) or (8, 8)
        drawn = draw.pad(*side, key=f"pad-{side}")
        return (None if drawn is None else drawn.astype(np.float32).reshape(shape)), None
    if way == "Image file":
        file = st.file_uploader("A picture of one digit", type=["png", "jpg", "jpeg", "bmp", "gif"], key="try-file")
        if file is None:
            st.caption("Dark on light or light on dark; it is cut out, centred and made small.")
            return None, None
        x = pictures.from_image(file, shape)
        _picture(x)
        return x, None
    return _sample(store, version)


def _sample(store: Store, version: ModelVersion) -> tuple[np.ndarray, str | None]:
    rows = held_out(store.path, version.path, store, version)
    key = "try-row"
    if st.session_state.get(key, 0) >= len(rows.x):
        st.session_state[key] = 0
    row = st.number_input("Row", min_value=0, max_value=len(rows.x) - 1, step=1, key=key)
    st.button(
        "Another one", key="try-another", on_click=lambda: st.session_state.update({key: random.randrange(len(rows.x))})
    )
    x = rows.row(int(row))
    _picture(x)
    return x, rows.labels[int(row)] if rows.labels else None


def _picture(x: np.ndarray) -> None:
    grey = pictures.enlarged(x, 160)
    if grey is None:
        st.caption(f"an input of shape {x.shape}")
    else:
        st.image(grey, width=160)


def answer(version: ModelVersion, x: np.ndarray, label: str | None) -> None:
    """What the model says, with its probabilities as bars."""
    from workers.predict import predict

    said = predict(version.model, x[None], version.version)
    if "values" in said:
        st.dataframe({"output": np.ravel(said["values"][0]).tolist()}, hide_index=True)
        return
    probabilities = said["probabilities"][0]
    verdict = f"It says **{boxes.plain(said['labels'][0])}**, with {words.percent(max(probabilities))}"
    if label is not None:
        verdict += f" · the label is **{boxes.plain(label)}**"
    st.markdown(verdict)
    names = samples.class_names(version) or tuple(str(i) for i in range(len(probabilities)))
    chart = charts.probability_chart(names, probabilities)
    st.plotly_chart(chart, config=CHART_OPTIONS, key="try-probabilities")


def report(store: Store, version: ModelVersion) -> None:
    """How many held-out rows are right, and pictures of those that are not."""
    rows = held_out(store.path, version.path, store, version)
    said = _labels_said(version.path, version.created_at, version, rows.x[:MOST_ROWS])
    labels = rows.labels[: len(said)]
    wrong = [i for i, (told, label) in enumerate(zip(said, labels, strict=True)) if told != label]
    right = len(said) - len(wrong)
    st.markdown(f"**On {len(said):,} held-out rows: {right:,} right, {words.percent(right / max(1, len(said)))}**")
    if not wrong or pictures.picture_shape(rows.x.shape[1:]) is None:
        return
    st.caption(f"{'The' if len(wrong) <= PICTURES else 'Some of the'} rows it gets wrong:")
    with st.container(horizontal=True, gap="small"):
        for i in wrong[:PICTURES]:
            grey = pictures.enlarged(rows.x[i], 64)
            if grey is None:
                continue
            with st.container(width=72, gap=None):
                st.image(grey, width=64, caption=boxes.plain(f"{said[i]} for {labels[i]}"))


@st.cache_data(show_spinner=False, max_entries=20)
def held_out(store_path: Path, model_path: Path, _store: Store, _version: ModelVersion) -> Any:
    """The held-out rows of a version, read once."""
    return samples.held_out(_store, _version)


@st.cache_data(show_spinner=False, max_entries=20)
def _labels_said(path: Path, created_at: float, _version: ModelVersion, _x: np.ndarray) -> list[str]:
    from workers.predict import predict

    labels: list[str] = predict(_version.model, _x, _version.version)["labels"]
    return labels
