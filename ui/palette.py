"""Colours that any kind of colour vision tells apart: Okabe & Ito 2008, without the yellow, which fades on white."""

from collections.abc import Sequence

BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY, GREY = "#CC79A7", "#E69F00", "#56B4E9", "#6B7280"
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)

# a second and a third time through the colours, the line itself differs
DASHES = ("solid", "dash", "dot")

SPLIT_COLOUR = {"train": BLUE, "validation": VERMILLION, "test": GREEN}

# the names are Streamlit's and rich's both, so a badge and a terminal cell agree
STATE_COLOUR = {"created": "gray", "running": "blue", "finished": "green", "failed": "red", "stopped": "orange"}
STATE_PAPER = {  # behind dark or light text alike
    "created": "#8A94A640",
    "running": "#0072B250",
    "finished": "#009E7345",
    "failed": "#D55E0060",
    "stopped": "#E69F0050",
}
STATE_STYLE = {"created": "bright_black", "running": "blue", "finished": "green", "failed": "red", "stopped": "yellow"}


def colour_of(position: int) -> str:
    """The colour of the run at this position; the same in every chart and table of a page."""
    return CYCLE[position % len(CYCLE)]


def dash_of(position: int) -> str:
    """The dash pattern of the run at this position: solid for the first seven."""
    return DASHES[position // len(CYCLE) % len(DASHES)]


def colours_of(run_ids: Sequence[str]) -> dict[str, str]:
    """One colour a run, in the order given."""
    return {run_id: colour_of(position) for position, run_id in enumerate(run_ids)}
