"""Messages in the browser: a user's mistake in a box, never as a traceback; an empty page with the next step."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from ui.problems import is_mistake

_MARKDOWN = re.compile(r"([\\*_{}\[\]<>#|$~:!&])")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")  # only what Markdown too takes for a code span, whatever stands around it


def plain(text: str) -> str:
    """Text that Markdown leaves as it is, but for `code` in a line, which our messages use: __init__ stays __init__."""
    parts = _CODE.split(text)  # text, code, text, …
    escaped = (f"`{part}`" if i % 2 else _MARKDOWN.sub(r"\\\1", part.replace("`", "'")) for i, part in enumerate(parts))
    return "".join(escaped).replace("\n", "  \n")


def error(title: str, problem: BaseException | str) -> None:
    """A red box: what could not be done, and why."""
    st.error(f"**{plain(title)}**\n\n{plain(str(problem))}")


@contextmanager
def explained(title: str) -> Iterator[None]:
    """Shows a user's mistake in a box and goes on below; a defect of ours passes through."""
    try:
        yield
    except Exception as problem:
        if not is_mistake(problem):
            raise
        error(title, problem)


def empty(title: str, text: str, page: str | None = None, link: str = "") -> None:
    """What to do next, where there is nothing to show yet."""
    with st.container(border=True):
        st.markdown(f"#### {title}")
        st.markdown(text)
        if page:
            st.page_link(page, label=f"**{link}**", icon=":material/arrow_forward:")
