"""What goes with modules: torch.nn.utils' names. `utils.rnn` has those for sequences of different lengths."""

from research.nn import packing as rnn
from research.nn.clip_grad import clip_grad_norm_, clip_grad_value_

__all__ = ["clip_grad_norm_", "clip_grad_value_", "rnn"]
