"""A text that every Python has: the source of some modules of its standard library."""

import sysconfig
from pathlib import Path

import numpy as np

MODULES = "argparse ast bisect calendar csv dataclasses fractions heapq inspect json/decoder random statistics textwrap"


def stdlib_text():
    """The source of MODULES, one after another, in ASCII."""
    library = Path(sysconfig.get_path("stdlib"))
    texts = [(library / f"{name}.py").read_text(encoding="utf-8") for name in MODULES.split(" ")]
    return "\n".join(texts).encode("ascii", "ignore").decode()


class Characters:
    """The characters of a text, by number."""

    def __init__(self, text):
        self.characters = sorted(set(text))
        self.number = {c: i for i, c in enumerate(self.characters)}

    def __len__(self):
        return len(self.characters)

    def encode(self, text):
        """The numbers of a text's characters: (len(text),) int64."""
        return np.array([self.number[c] for c in text], np.int64)

    def decode(self, numbers):
        """The text of some numbers."""
        return "".join(self.characters[i] for i in numbers)


def windows(numbers, length, batch_size, seed=0):
    """Batches of pieces from anywhere in a text, without end: (batch_size, length + 1)."""
    rng = np.random.default_rng(seed)
    while True:
        starts = rng.integers(0, len(numbers) - length - 1, batch_size)
        yield np.stack([numbers[s : s + length + 1] for s in starts])
