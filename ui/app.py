"""The browser app. `lockstep ui` starts it; each page is a script of its own in ui/views."""

import streamlit as st

from ui import brand, session

st.set_page_config(page_title="Lockstep", page_icon=brand.icon(), layout="wide")
st.logo(brand.LOGO, size="large")
st.navigation(
    [
        st.Page(session.LAUNCH, title="Launch", icon=":material/rocket_launch:", default=True),
        st.Page(session.RUNS, title="Runs", icon=":material/monitoring:"),
        st.Page(session.COMPARE, title="Compare", icon=":material/stacked_line_chart:"),
        st.Page(session.MODELS, title="Models", icon=":material/deployed_code:"),
    ],
    position="top",
).run()
