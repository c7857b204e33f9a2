"""Launch: choose an experiment, change what you like, start it."""

import streamlit as st

from ui import boxes, launching, session
from workers.launch import experiments
from workers.yaml_file import read_spec

st.title("Launch", anchor=False)

with boxes.explained("The experiments cannot be read"):
    files = experiments()
    if not files:
        boxes.empty("No experiments here", "Put a spec file, such as `digits.yaml`, into " + launching.own_folder())
    else:
        path = launching.choose(files)
        values = read_spec(path)
        launching.check_file(path, values)
        above = st.container()  # the button stays in sight, whatever the length of the form
        filled = launching.filled_in(path, values)
        if filled is not None:
            with above:
                launching.launch_button(filled, path)
            launching.show_spec(filled)
            launching.glimpse(filled)

if launched := st.session_state.pop("launched", None):
    session.pick_run(launched)
    st.switch_page(session.RUNS)
