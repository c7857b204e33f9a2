"""What experiments, models and aliases may be called: it becomes a folder's name, a word in a path and on a page."""

from __future__ import annotations

import re

from workers.problems import SpecProblem, shown

PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,79}$"
LATEST = "latest"


def check_name(name: str, what: str) -> None:
    """Raises SpecProblem for what cannot be a name."""
    if not re.fullmatch(PATTERN, name):
        raise SpecProblem(
            f"{what}: a name is a letter or digit, then letters, digits, - _ and dots; got {shown(name)}."
        )


def check_alias(alias: str) -> None:
    """Raises SpecProblem for what cannot be an alias, or means a version by itself."""
    check_name(alias, "alias")
    if alias.isdecimal() or alias == LATEST:
        raise SpecProblem(f"alias: {alias!r} is taken: numbers name versions, and latest the highest of them.")
