"""Text from elsewhere in Markdown: it shows as it is, and does nothing."""

import pytest

from ui import boxes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("__init__ failed", r"\_\_init\_\_ failed"),
        ("write `a_b` here", "write `a_b` here"),
        ("an odd ` here", "an odd ' here"),
        ("two\nlines", "two  \nlines"),
        ("`a\n\n![x](u)`", "'a  \n  \n\\!\\[x\\](u)'"),  # a code span ends at a blank line
        ("```![x](u)`", "'''\\!\\[x\\](u)'"),  # three backticks are not closed by one
        ("\\`*a*`", r"\\`*a*`"),  # the backslash is text, and quotes no backtick
    ],
)
def test_only_code_in_a_line_stays_markdown(text, shown):
    assert boxes.plain(text) == shown
