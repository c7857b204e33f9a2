"""The examples run as they stand, and learn. The digit classifiers are trained in tests/workers and tests/ui."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize("name", ["research_by_hand.py", "production_by_hand.py"])
def test_an_example_learns(name):
    assert runpy.run_path(str(EXAMPLES / name))["main"]() > 0.9
