"""The Models page: promoting a run, the proof of a version, versions and aliases."""

from typing import Any

import streamlit as st

from db import Model, ModelVersion, Run, Store
from ui import boxes, proof, run_rows, session, words
from ui.problems import is_mistake


def promotion(finished: list[Run], first: bool) -> None:
    """The box in which a finished run becomes a version of a model; a mistake of its user is told below the button."""
    wanted = st.session_state.get("to_promote")
    known = {run.id: run for run in finished}
    with st.expander("Promote a run", expanded=first or wanted is not None or "promotion-problem" in st.session_state):
        st.caption(
            "The run's net is recorded as a static graph and compared with the original bit for bit. "
            "If a single bit differs, nothing is saved."
        )
        cells = st.columns([3, 2, 2, 1], vertical_alignment="bottom")
        position = list(known).index(wanted) if wanted in known else 0
        run_id = cells[0].selectbox(
            "Run",
            list(known),
            index=position,
            format_func=lambda run_id: run_rows.label(known[run_id]),
            key="promoted-run",
        )
        name = cells[1].text_input("Model name", value=known[run_id].experiment, key=f"promote-name-{run_id}")
        alias = cells[2].text_input(
            "Alias",
            placeholder="none, or for example production",
            key="promote-alias",
            help="A name that points at a version.",
        )
        if cells[3].button("Promote", type="primary", key="promote", width="stretch"):
            _promote(run_id, name.strip(), alias.strip())
    if problem := st.session_state.pop("promotion-problem", None):
        boxes.error("This run cannot be promoted", problem)


def _promote(run_id: str, name: str, alias: str) -> None:
    from workers.promotion import promote  # brings in both worlds, which looking at models does not need

    try:
        with st.spinner("Recording, saving, and comparing bit for bit …"):
            version = promote(run_id, name or None, alias or None)
    except Exception as problem:
        if not is_mistake(problem):
            raise
        st.session_state["promotion-problem"] = str(problem)
    else:
        st.session_state.pop("to_promote", None)
        session.pick_version(version.model, version.version)
        st.toast(f"Promoted: {boxes.plain(version.model)} version {version.version}")
    st.rerun()


def choose(models: list[Model]) -> Model:
    """One of the models."""
    names = [model.name for model in models]
    picked = session.picked_model()
    if picked not in names:
        picked = max(models, key=lambda model: model.versions[-1].created_at if model.versions else 0.0).name
    if len(names) > 1:
        shown = st.pills(
            "Model", names, default=picked, format_func=boxes.plain, key="model-pills", label_visibility="collapsed"
        )
        picked = shown or picked
    return models[names.index(picked)]


def choose_version(model: Model) -> ModelVersion:
    """One of a model's versions, the newest first; beside it the aliases that point there."""
    numbers = [version.version for version in reversed(model.versions)]
    key = f"version-of-{model.name}"
    if st.session_state.get(key) not in numbers:
        picked = session.picked_version(model.name)
        st.session_state[key] = picked if picked in numbers else numbers[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(boxes.plain(model.name), anchor=False, width="content")
        number = st.selectbox(
            "Version", numbers, key=key, width=140, label_visibility="collapsed", format_func=lambda n: f"version {n}"
        )
        for alias in aliases_of(model, number):
            st.badge(boxes.plain(alias), color="green")
    return next(version for version in model.versions if version.version == number)


def aliases_of(model: Model, number: int) -> list[str]:
    """The names that point at a version."""
    return sorted(alias for alias, version in model.aliases.items() if version == number)


def proof_of(version: ModelVersion) -> None:
    """Why this version can be trusted: in words, then what was compared."""
    st.markdown("**The proof**")
    if version.proof.get("bit_for_bit"):
        st.success(proof.in_words(version.proof), icon=":material/verified:")
        st.dataframe(proof.rows(version.proof), hide_index=True)
    else:
        st.warning(proof.in_words(version.proof))


def versions(store: Store, model: Model, chosen: ModelVersion) -> None:
    """All versions, and the aliases with what they point at."""
    st.markdown("**Versions and aliases**")
    runs = [version.run_id for version in model.versions if version.run_id]
    finals = store.final_metrics(runs)
    st.dataframe(version_rows(model, finals), hide_index=True)
    with st.form(f"alias-{model.name}", border=False):
        alias = st.text_input("Alias", placeholder="production", key=f"alias-name-{model.name}")
        with st.container(horizontal=True):  # side by side where there is room for their whole labels
            point = st.form_submit_button(f"Point at version {chosen.version}")
            remove = st.form_submit_button("Remove alias")
    if point or remove:
        with boxes.explained("The alias cannot be changed"):
            _change_alias(model.name, alias.strip(), chosen.version if point else None)
            st.rerun()


def version_rows(model: Model, finals: dict[str, dict[str, float]]) -> dict[str, list[Any]]:
    """A row a version, the newest first."""
    newest_first = list(reversed(model.versions))
    accuracy = [finals.get(version.run_id or "", {}) for version in newest_first]
    keys = sorted({key for of_run in accuracy for key in of_run}, key=words.metric_order)[:1]
    return {
        "version": [version.version for version in newest_first],
        "aliases": [", ".join(aliases_of(model, version.version)) for version in newest_first],
        "run": [version.run_id or "–" for version in newest_first],
        **{
            " ".join(reversed(words.family_and_split(key))).strip(): [
                words.metric(key, of_run[key]) if key in of_run else "" for of_run in accuracy
            ]
            for key in keys
        },
        "promoted": [words.ago(version.created_at) for version in newest_first],
    }


def _change_alias(model: str, alias: str, version: int | None) -> None:
    from ui.commands import UsageProblem
    from workers.promotion import remove_alias, set_alias

    if not alias:
        raise UsageProblem("Write an alias, such as production, first.")
    if version is None:
        remove_alias(model, alias)
    else:
        set_alias(model, alias, version)
