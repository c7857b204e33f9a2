"""torch.utils's names."""

from research.utils import checkpoint, data
