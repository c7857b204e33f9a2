"""Losses as modules."""

from __future__ import annotations

from typing import Any

from research.nn import functional as F
from research.nn.module import Module


class Loss(Module):
    """Base of the losses; `size_average=False` is PyTorch's old way to say `reduction="sum"`."""

    def __init__(self, size_average: bool | None = None, reduction: str = "mean"):
        super().__init__()
        self.reduction = reduction if size_average is None else "mean" if size_average else "sum"

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


class MSELoss(Loss):
    """Squared difference: (…), (…) -> ()."""

    def forward(self, input: Any, target: Any) -> Any:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """Absolute difference: (…), (…) -> ()."""

    def forward(self, input: Any, target: Any) -> Any:
        return F.l1_loss(input, target, reduction=self.reduction)


class CrossEntropyLoss(Loss):
    """-log softmax(input)[target], in nats: (n, classes), (n,) -> ()."""

    def forward(self, input: Any, target: Any) -> Any:
        return F.cross_entropy(input, target, reduction=self.reduction)


class NLLLoss(Loss):
    """-input[target] of log-probabilities, in nats: (n, classes), (n,) -> ()."""

    def forward(self, input: Any, target: Any) -> Any:
        return F.nll_loss(input, target, reduction=self.reduction)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of sigmoid(input), in nats: (…), (…) -> ()."""

    def forward(self, input: Any, target: Any) -> Any:
        return F.binary_cross_entropy_with_logits(input, target, reduction=self.reduction)
