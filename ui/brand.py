"""The logo and the icon of the browser's tab; drawn here, so that no page asks another server for them."""

import streamlit as st
from PIL import Image, ImageDraw

from ui.palette import BLUE, ORANGE

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


@st.cache_resource(show_spinner=False)
def icon() -> Image.Image:
    """Two flights of stairs, one step apart: 64 × 64."""
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.line([(4, 44), (22, 44), (22, 28), (40, 28), (40, 12), (58, 12)], fill=BLUE, width=9, joint="curve")
    pen.line([(22, 58), (42, 58), (42, 42), (60, 42)], fill=ORANGE, width=9, joint="curve")
    return image
