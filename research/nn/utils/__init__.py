"""What goes with modules: torch.nn.utils' names."""

from research.nn.utils import rnn

__all__ = ["rnn"]
