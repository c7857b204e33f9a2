"""The browser app. `lockstep ui` starts it; each page is a script of its own in ui/views."""

import streamlit as st

from ui import session

# textLength: an image may not use the page's fonts, and whatever font it gets must fit
LOGO = """
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 148 32" width="148" height="32">
  <g fill="none" stroke-width="4" stroke-linejoin="round" stroke-linecap="round">
    <path d="M3 23h9v-8h9V7h9" stroke="#0072B2"/>
    <path d="M14 30h9v-8h8" stroke="#E69F00"/>
  </g>
  <text x="42" y="24" textLength="102" lengthAdjust="spacingAndGlyphs" font-family="Helvetica, Arial, sans-serif"
        font-size="23" font-weight="700" fill="#0072B2">Lockstep</text>
</svg>
"""

st.set_page_config(page_title="Lockstep", page_icon=":material/stairs_2:", layout="wide")
st.logo(LOGO, size="large")
st.navigation(
    [
        st.Page(session.LAUNCH, title="Launch", icon=":material/rocket_launch:", default=True),
        st.Page(session.RUNS, title="Runs", icon=":material/monitoring:"),
        st.Page(session.COMPARE, title="Compare", icon=":material/stacked_line_chart:"),
        st.Page(session.MODELS, title="Models", icon=":material/deployed_code:"),
    ],
    position="top",
).run()
