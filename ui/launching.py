"""What the Launch page does: spec files to choose from, the form, the check, the start."""

from pathlib import Path
from typing import Any

import streamlit as st
import yaml

from db import home
from ui import boxes, form, pictures, words
from workers.experiment import Experiment


def own_folder() -> str:
    """Where a user's own spec files go."""
    return boxes.plain(f"`{words.short_path(home() / 'experiments')}`")


def choose(files: list[Path]) -> Path:
    """One of the files: all side by side while they are few."""
    names = {path: path.stem.replace("_", "-") for path in files}
    if len(set(names.values())) < len(names):
        names = {path: f"{path.parent.name}/{path.stem}" for path in files}
    chosen: Path
    if len(files) <= 6:
        picked = st.pills(
            "Experiment",
            files,
            default=files[0],
            format_func=lambda path: boxes.plain(names[path]),
            key="launch-example",
        )
        chosen = picked or files[0]
    else:
        chosen = st.selectbox("Experiment", files, format_func=lambda path: names[path], key="launch-example")
    place = boxes.plain(f"`{chosen.parent.name}/{chosen.name}`")
    st.caption(f"From {place}. Your own spec files in {own_folder()} are listed here too.")
    return chosen


def check_file(path: Path, values: dict[str, Any]) -> None:
    """A box if the file could not be launched as it is: the form leaves out what no widget of it can say."""
    with boxes.explained("This file has mistakes; where the form cannot show them, it shows the defaults"):
        Experiment.from_dict(values, where=str(path), folder=path.parent)


def filled_in(path: Path, values: dict[str, Any]) -> dict[str, Any] | None:
    """The form, filled with the file's values; what it says now, or None with a box if a field is no YAML."""
    # a file that was edited is another form: its new values show
    prefix = f"{path}#{hash(repr(values))}"
    with boxes.explained("A field cannot be read"):
        filled: dict[str, Any] = form.draw(Experiment.model_json_schema(), values, prefix)
        return filled
    return None


def glimpse(filled: dict[str, Any]) -> None:
    """A few rows of the data, where they are pictures."""
    data = filled.get("data")
    if not isinstance(data, dict) or data.get("source") != "digits":
        return  # a file of the user's may be large, or wrong: the check on launch reads it
    pictures_of, labels = _digits()
    st.caption("A glimpse of the data:")
    with st.container(horizontal=True, gap="small"):
        for picture, label in zip(pictures_of, labels, strict=True):
            with st.container(width=64, gap=None):
                st.image(picture, width=56, caption=label)


@st.cache_data(show_spinner=False)
def _digits() -> tuple[list[Any], list[str]]:
    from workers.datasets import load
    from workers.experiment import DigitsData

    rows = load(DigitsData.model_validate({}))
    shown = [(rows.train_x[i], rows.train_y[i]) for i in range(14)]
    return [pictures.enlarged(x, 56) for x, _ in shown], [rows.class_names[y] for _, y in shown]


def show_spec(filled: dict[str, Any]) -> None:
    """The form as a spec file, to keep or to send."""
    with st.expander("As a spec file"):
        text = yaml.safe_dump(filled, sort_keys=False, allow_unicode=True)
        st.code(text, language="yaml")
        st.download_button("Download", text, f"{filled.get('name', 'experiment')}.yaml", "application/yaml")


def launch_button(filled: dict[str, Any], path: Path) -> None:
    """Checks and starts; a mistake is shown in a box, and nothing has begun."""
    if not st.button("Launch", type="primary", key="launch", icon=":material/rocket_launch:"):
        return
    with boxes.explained("This experiment cannot be launched"):
        st.session_state["launched"] = start(filled, path)


def start(filled: dict[str, Any], path: Path) -> str:
    """The id of the new run. Raises SpecProblem, StoreError, ClusterProblem before there is one."""
    from workers.launch import launch

    place = st.empty()
    try:
        with place.status("Checking the experiment …") as status:
            experiment = Experiment.from_dict(filled, where="the form", folder=path.parent)
            return str(launch(experiment, on_status=lambda text: status.update(label=boxes.plain(text))))
    finally:
        place.empty()  # the run, or the box that says why there is none, comes in its place
