"""The rows of both programs."""

from __future__ import annotations

from benchmarks.row import Section
from benchmarks.rows import convolution, elementwise, layers, optimiser, products, tiny, train


def sections(program: str) -> list[Section]:
    """The sections of the program "ops" or "train"."""
    if program == "train":
        return train.sections()
    families = (tiny, elementwise, layers, convolution, optimiser, products)
    return [section for family in families for section in family.sections()]


PROGRAMS = ("ops", "train")
