"""Losses as modules."""

from __future__ import annotations

from typing import Any, ClassVar

from research.nn import functional as F
from research.nn.function_layer import SeveralInputs

OLD: dict[str, Any] = {"size_average": None, "reduce": None}  # PyTorch's old ways to say `reduction`
MEAN: dict[str, Any] = {**OLD, "reduction": "mean"}
LAST: dict[str, Any] = {"reduce": None, "reduction": "mean"}
BY_CLASS: dict[str, Any] = {"weight": None, "size_average": None, "ignore_index": -100, **LAST}


class Loss(SeveralInputs):
    """Base of the losses; `size_average=False` is PyTorch's old way to say `reduction="sum"`."""

    def check(self) -> None:
        size_average, reduce = getattr(self, "size_average", None), getattr(self, "reduce", None)
        if reduce is False:
            self.reduction = "none"
        elif size_average is not None or reduce is not None:
            self.reduction = "sum" if size_average is False else "mean"
        if self.reduction not in ("none", "mean", "sum", "batchmean"):
            raise ValueError(f"reduction is 'none', 'mean' or 'sum'; got {self.reduction!r}")

    def extra_repr(self) -> str:
        shown = {name: getattr(self, name) for name in self.passed if not hasattr(getattr(self, name), "shape")}
        usual = {name: default for name, default in self.settings.items() if name != "reduction"}
        return ", ".join(f"{k}={v!r}" for k, v in shown.items() if k not in usual or v != usual[k])


class L1Loss(Loss):
    """Absolute difference: (…), (…) -> ()."""

    function = staticmethod(F.l1_loss)
    settings: ClassVar = MEAN


class MSELoss(Loss):
    """Squared difference: (…), (…) -> ()."""

    function = staticmethod(F.mse_loss)
    settings: ClassVar = MEAN


class SmoothL1Loss(Loss):
    """Squared below beta, absolute above: (…), (…) -> (): Girshick 2015."""

    function = staticmethod(F.smooth_l1_loss)
    settings: ClassVar = {**MEAN, "beta": 1.0}


class HuberLoss(Loss):
    """Squared below delta, absolute above: (…), (…) -> (): Huber 1964."""

    function = staticmethod(F.huber_loss)
    settings: ClassVar = {"reduction": "mean", "delta": 1.0}


class CrossEntropyLoss(Loss):
    """-log softmax(input)[target], in nats: (n, classes), (n,) -> (); or shares as target, (n, classes)."""

    function = staticmethod(F.cross_entropy)
    settings: ClassVar = {
        "weight": None,
        "size_average": None,
        "ignore_index": -100,
        "reduce": None,
        "reduction": "mean",
        "label_smoothing": 0.0,
    }


class NLLLoss(Loss):
    """-input[target] of log-probabilities, in nats: (n, classes), (n,) -> ()."""

    function = staticmethod(F.nll_loss)
    settings: ClassVar = {
        "weight": None,
        "size_average": None,
        "ignore_index": -100,
        "reduce": None,
        "reduction": "mean",
    }


class PoissonNLLLoss(Loss):
    """The negative logarithmic likelihood of counts, in nats: (…), (…) -> ()."""

    function = staticmethod(F.poisson_nll_loss)
    settings: ClassVar = {
        "log_input": True,
        "full": False,
        "size_average": None,
        "eps": 1e-8,
        "reduce": None,
        "reduction": "mean",
    }


class GaussianNLLLoss(Loss):
    """That of numbers with a mean and a variance, in nats: (…), (…), (…) -> ()."""

    function = staticmethod(F.gaussian_nll_loss)
    settings: ClassVar = {"full": False, "eps": 1e-6, "reduction": "mean"}


class KLDivLoss(Loss):
    """Kullback-Leibler divergence, in nats, of log-probabilities: (…), (…) -> ()."""

    function = staticmethod(F.kl_div)
    settings: ClassVar = {**MEAN, "log_target": False}


class BCELoss(Loss):
    """Binary cross-entropy of probabilities, in nats: (…), (…) -> ()."""

    function = staticmethod(F.binary_cross_entropy)
    settings: ClassVar = {"weight": None, **MEAN}


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of sigmoid(input), in nats: (…), (…) -> ()."""

    function = staticmethod(F.binary_cross_entropy_with_logits)
    settings: ClassVar = {"weight": None, **MEAN, "pos_weight": None}


class HingeEmbeddingLoss(Loss):
    """The distance where target is 1, what it lacks to the margin where -1: (…), (…) -> ()."""

    function = staticmethod(F.hinge_embedding_loss)
    settings: ClassVar = {"margin": 1.0, **MEAN}


class MarginRankingLoss(Loss):
    """By how much the order that target says, 1 or -1, is missed: (n,), (n,), (n,) -> ()."""

    function = staticmethod(F.margin_ranking_loss)
    settings: ClassVar = {"margin": 0.0, **MEAN}


class CosineEmbeddingLoss(Loss):
    """1 - cos where target is 1, cos above the margin where -1: (n, d), (n, d), (n,) -> ()."""

    function = staticmethod(F.cosine_embedding_loss)
    settings: ClassVar = {"margin": 0.0, **MEAN}


class TripletMarginLoss(Loss):
    """By how much the positive is not nearer than the negative: (n, d) three times -> ()."""

    function = staticmethod(F.triplet_margin_loss)
    settings: ClassVar = {"margin": 1.0, "p": 2.0, "eps": 1e-6, "swap": False, **MEAN}


class SoftMarginLoss(Loss):
    """log(1 + exp(-target * input)), in nats: (…), (…) -> ()."""

    function = staticmethod(F.soft_margin_loss)
    settings: ClassVar = MEAN


class MultiMarginLoss(Loss):
    """How far other classes come within the margin of the right one: (n, c), (n,) -> ()."""

    function = staticmethod(F.multi_margin_loss)
    settings: ClassVar = {"p": 1, "margin": 1.0, "weight": None, **MEAN}


class MultiLabelMarginLoss(Loss):
    """The same for several right classes: (n, c), (n, c) -> ()."""

    function = staticmethod(F.multilabel_margin_loss)
    settings: ClassVar = MEAN


class MultiLabelSoftMarginLoss(Loss):
    """Binary cross-entropy over classes, in nats: (n, c), (n, c) -> ()."""

    function = staticmethod(F.multilabel_soft_margin_loss)
    settings: ClassVar = {"weight": None, **MEAN}


class CTCLoss(Loss):
    """Of all alignments of labels, in nats: (t, n, c), (n, s), (n,), (n,) -> (): Graves et al. 2006."""

    function = staticmethod(F.ctc_loss)
    settings: ClassVar = {"blank": 0, "reduction": "mean", "zero_infinity": False}


class TripletMarginWithDistanceLoss(SeveralInputs):
    """TripletMarginLoss for any distance."""

    function = staticmethod(F.triplet_margin_with_distance_loss)
    settings: ClassVar = {"distance_function": None, "margin": 1.0, "swap": False, "reduction": "mean"}


class CosineSimilarity(SeveralInputs):
    """The cosine of the angle between vectors along an axis."""

    function = staticmethod(F.cosine_similarity)
    settings: ClassVar = {"dim": 1, "eps": 1e-8}


class PairwiseDistance(SeveralInputs):
    """The p-norm of the differences along the last axis: (n, d), (n, d) -> (n,)."""

    function = staticmethod(F.pairwise_distance)
    settings: ClassVar = {"p": 2.0, "eps": 1e-6, "keepdim": False}
