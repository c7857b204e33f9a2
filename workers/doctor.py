"""What a machine has for Lockstep, and its kernels compiled ahead: for those above, who know only workers."""

from research.doctor import findings
from research.warm import PARTS, warm

__all__ = ["PARTS", "findings", "warm"]
