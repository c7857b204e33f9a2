"""What goes with modules: torch.nn.utils' names. `utils.rnn` has those for sequences of different lengths."""

from research.nn import packing as rnn

__all__ = ["rnn"]
