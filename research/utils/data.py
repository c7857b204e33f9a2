"""torch.utils.data's names: see `research.data`."""

from research.data import *  # noqa: F403
