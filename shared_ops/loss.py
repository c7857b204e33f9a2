"""Loss ops whose straight composition would be slow, or would overflow; the others are in `loss_functions`.

`weight`, one number for each class, may be left out. `ignore_index` is a label whose samples do not count, None for
none. The mean is the one of samples that count, by the weights of their labels, as in PyTorch. Labels that are no class
raise SpecError.
"""

from __future__ import annotations

from shared_ops.elementwise import cast, clamp, div, eq, floats, ne, sub, where
from shared_ops.index import take
from shared_ops.op import op
from shared_ops.reduce import mean, sum
from shared_ops.shape import unsqueeze
from shared_ops.softmax import log_softmax, softmax, softmax_back
from shared_ops.spec import Spec, SpecError, broadcast, check, float_dtype, is_float, one_array
from shared_ops.transcendental import log, log1p

REDUCTIONS = ("mean", "sum", "none")


# what they share --------------------------------------------------------------------------------------------------
def check_reduction(reduction):
    check(reduction in REDUCTIONS, "a reduction is 'mean', 'sum' or 'none'", reduction=reduction)


def refuse_label(name, labels, classes, ignored):
    """Raise SpecError for the first label that is none of the classes and not ignored."""
    bad = (labels < 0) | (labels >= classes)
    bad = bad if ignored is None else bad & ~ignored
    if bad.any():
        place = [int(axis[0]) for axis in bad.nonzero()]
        rule = f"the label at {place} is no class; it needs labels from 0 to {classes - 1}"
        raise SpecError(f"{name}: {rule}; got {int(labels[tuple(place)])}")


def _shares_of(name, xp, labels, classes, weight, ignore_index, dtype):
    """Which samples count, by how much, and their labels, 0 for the others."""
    counts = xp.ones(labels.shape, bool) if ignore_index is None else labels != ignore_index
    refuse_label(name, labels, classes, None if ignore_index is None else ~counts)
    labels = xp.where(counts, labels, 0)
    shares = weight[0][labels].astype(dtype) * counts if weight else counts.astype(dtype)
    return counts, shares, labels


def _picked(xp, x, labels, counts):
    """x at the label of each sample that counts, 0 for the others: they may hold infinities."""
    picked = xp.take_along_axis(x, labels[:, None], axis=1)[:, 0]
    return xp.where(counts, picked, xp.zeros_like(picked))


def _reduced(losses, shares, reduction):
    if reduction == "none":
        return losses
    return losses.sum() / shares.sum() if reduction == "mean" else losses.sum()


def _spread(g, shares, reduction):
    """The gradient of each sample's loss from that of all of them."""
    return g / shares.sum() if reduction == "mean" else g


def _samples_spec(name, x, labels, weight, ignore_index, reduction, label_smoothing=0.0):
    check(one_array(x).ndim >= 2, f"{name} needs classes as the second axis, (n, c, ...)", input=x)
    check(one_array(labels).dtype.kind in "iu", f"{name} needs whole numbers as labels", labels=labels)
    fits = labels.shape == (x.shape[0], *x.shape[2:])
    check(fits, f"{name} needs one label per row", input=x, labels=labels)
    check(len(weight) <= 1, f"{name} takes one weight for the classes", weight=weight)
    for w in weight:
        fits = isinstance(w, Spec) and w.shape == x.shape[1:2] and is_float(w.dtype)
        check(fits, f"{name} needs a float as weight of each class", weight=w, input=x)
    fine = ignore_index is None or (isinstance(ignore_index, int) and not isinstance(ignore_index, bool))
    check(fine, f"{name} needs ignore_index as a whole number, or None", ignore_index=ignore_index)
    fine = isinstance(label_smoothing, int | float) and 0 <= label_smoothing <= 1
    check(fine, f"{name} needs label_smoothing from 0 to 1", label_smoothing=label_smoothing)
    check_reduction(reduction)
    return Spec(labels.shape if reduction == "none" else (), float_dtype(x))


def _back_spec(name, g, x, labels, weight, ignore_index, reduction, label_smoothing=0.0):
    out = _samples_spec(name, x, labels, weight, ignore_index, reduction, label_smoothing)
    check(one_array(g).shape == out.shape, f"{name} needs a gradient for each loss", g=g, loss=out)
    return Spec(x.shape, float_dtype(g, x))


def _count(labels, weight, ignore_index, dtype):
    """How much each sample counts, by ops."""
    counts = eq(labels, labels) if ignore_index is None else ne(labels, ignore_index)
    if not weight:
        return cast(counts, dtype=dtype)
    return where(counts, take(cast(weight[0], dtype=dtype), where(counts, labels, 0), axis=(0,)), 0)


# cross-entropy ----------------------------------------------------------------------------------------------------
@op
def softmax_cross_entropy(xp, logits, labels, *weight, ignore_index=None, reduction="none", label_smoothing=0.0):
    """-log softmax(logits)[label] of each sample, in nats: (n, c, ...) float, (n, ...) int, (c,) -> (n, ...).

    With smoothing the label has the share 1 - label_smoothing, and the rest goes in equal parts to all classes:
    Szegedy et al. 2016, section 7.
    """
    (logits,) = floats(xp, logits)
    c, name = logits.shape[1], "softmax_cross_entropy"
    counts, shares, labels = _shares_of(name, xp, labels, c, weight, ignore_index, logits.dtype)
    log_p = log_softmax.kernel(xp, logits, axis=1)
    losses = -shares * _picked(xp, log_p, labels, counts)
    if label_smoothing:
        every = _per_class(weight[0], log_p) * log_p if weight else log_p
        losses = (1 - label_smoothing) * losses - label_smoothing / c * every.sum(axis=1)
    return _reduced(xp.where(counts, losses, xp.zeros_like(losses)), shares, reduction)


def _per_class(weight, x):
    return weight.reshape(-1, *[1] * (x.ndim - 2)).astype(x.dtype)


@softmax_cross_entropy.spec
def softmax_cross_entropy_spec(logits, labels, *weight, ignore_index=None, reduction="none", label_smoothing=0.0):
    return _samples_spec("softmax_cross_entropy", logits, labels, weight, ignore_index, reduction, label_smoothing)


@softmax_cross_entropy.grad
def softmax_cross_entropy_grad(g, logits, labels, weight, ignore_index, reduction, label_smoothing):
    how = {"ignore_index": ignore_index, "reduction": reduction, "label_smoothing": label_smoothing}
    return softmax_cross_entropy_back(g, logits, labels, *weight, **how), None, *[None] * len(weight)


@op
def softmax_cross_entropy_back(
    xp, g, logits, labels, *weight, ignore_index=None, reduction="none", label_smoothing=0.0
):
    """The gradient of softmax_cross_entropy's logits, from its output's g: (n, c, ...)."""
    g, logits = floats(xp, g, logits)
    c, name = logits.shape[1], "softmax_cross_entropy_back"
    counts, shares, labels = _shares_of(name, xp, labels, c, weight, ignore_index, logits.dtype)
    g = xp.where(counts, _spread(g, shares, reduction), xp.zeros_like(shares))[:, None]
    classes = xp.arange(c).reshape(-1, *[1] * (logits.ndim - 2))
    target = (classes == labels[:, None]) * (shares[:, None] * (1 - label_smoothing))
    if label_smoothing:
        target = target + label_smoothing / c * (_per_class(weight[0], logits) if weight else 1)
    slope = softmax.kernel(xp, logits, axis=1) * target.sum(axis=1, keepdims=True) - target
    return xp.where(counts[:, None], (slope * g).astype(g.dtype, copy=False), xp.zeros_like(g))


@softmax_cross_entropy_back.spec
def softmax_cross_entropy_back_spec(
    g, logits, labels, *weight, ignore_index=None, reduction="none", label_smoothing=0.0
):
    name = "softmax_cross_entropy_back"
    return _back_spec(name, g, logits, labels, weight, ignore_index, reduction, label_smoothing)


@softmax_cross_entropy_back.grad
def softmax_cross_entropy_back_grad(u, g, logits, labels, weight, ignore_index, reduction, label_smoothing):
    """It is g (s p - t), for p = softmax(logits), the target t of each class, and s their sum."""
    dtype = logits.dtype.name
    count = _count(labels, weight, ignore_index, dtype)
    how = {"ignore_index": ignore_index, "label_smoothing": label_smoothing, "reduction": "none"}
    each = softmax_cross_entropy_back(cast(eq(labels, labels), dtype=dtype), logits, labels, *weight, **how)
    to_g = sum(u * each, axis=1)
    if reduction != "none":
        to_g = sum(to_g)
    if reduction == "mean":
        to_g, g = div(to_g, sum(count)), div(g, sum(count))
    total = count * (1 - label_smoothing)
    if label_smoothing:
        other = cast(mean(weight[0]), dtype=dtype) * label_smoothing if weight else label_smoothing
        total = total + _count(labels, (), ignore_index, dtype) * other
    to_logits = softmax_back(u * unsqueeze(g * total, 1), softmax(logits, axis=1), axis=1)
    return to_g, to_logits, None, *[None] * len(weight)


# negative log-likelihood --------------------------------------------------------------------------------------------
@op
def nll(xp, log_probabilities, labels, *weight, ignore_index=None, reduction="none"):
    """-log_probabilities[label] of each sample, in nats: (n, c, ...) float, (n, ...) int, (c,) -> (n, ...)."""
    (x,) = floats(xp, log_probabilities)
    counts, shares, labels = _shares_of("nll", xp, labels, x.shape[1], weight, ignore_index, x.dtype)
    losses = -shares * _picked(xp, x, labels, counts)
    return _reduced(losses, shares, reduction)


@nll.spec
def nll_spec(log_probabilities, labels, *weight, ignore_index=None, reduction="none"):
    return _samples_spec("nll", log_probabilities, labels, weight, ignore_index, reduction)


@nll.grad
def nll_grad(g, log_probabilities_spec, labels, weight, ignore_index, reduction):
    how = {"ignore_index": ignore_index, "reduction": reduction, "num_classes": log_probabilities_spec.shape[1]}
    return nll_back(g, labels, *weight, **how), None, *[None] * len(weight)


@op
def nll_back(xp, g, labels, *weight, num_classes, ignore_index=None, reduction="none"):
    """The gradient of nll's log-probabilities, from its output's g: zeros but at the labels, (n, c, ...)."""
    (g,) = floats(xp, g)
    _, shares, labels = _shares_of("nll_back", xp, labels, num_classes, weight, ignore_index, g.dtype)
    g = -shares * _spread(g, shares, reduction)
    classes = xp.arange(num_classes).reshape(-1, *[1] * (labels.ndim - 1))
    return xp.where(classes == labels[:, None], g[:, None], xp.zeros_like(g)[:, None])


@nll_back.spec
def nll_back_spec(g, labels, *weight, num_classes, ignore_index=None, reduction="none"):
    check(one_array(labels).ndim > 0, "nll_back needs labels of samples, (n, ...)", labels=labels)
    x = Spec((labels.shape[0], num_classes, *labels.shape[1:]), float_dtype(one_array(g)))
    return _back_spec("nll_back", g, x, labels, weight, ignore_index, reduction)


@nll_back.grad
def nll_back_grad(u, labels, weight, ignore_index, reduction):
    to_g = nll(u, labels, *weight, ignore_index=ignore_index, reduction=reduction)
    return to_g, None, *[None] * len(weight)


# of two classes -----------------------------------------------------------------------------------------------------
LEAST_LOG = -100.0  # PyTorch keeps logarithms of probabilities above this, and slopes below 1e12


def _log_of_yes(p):
    return where(eq(p, 0), LEAST_LOG, clamp(log(where(eq(p, 0), 1, p)), min=LEAST_LOG))


def _log_of_no(p):
    return where(eq(p, 1), LEAST_LOG, log1p(-where(eq(p, 1), 0, p)))


@op
def bce(xp, p, target):
    """-(target * log(p) + (1 - target) * log(1 - p)), in nats; the logarithms are at least -100.

    Raises SpecError for a p that is no probability.
    """
    p, target = floats(xp, p, target)
    bad = (p < 0) | (p > 1)
    if bad.any():
        raise SpecError(f"bce needs probabilities from 0 to 1; got {float(p[bad][0])}")
    with_log = xp.where(p == 0, LEAST_LOG, xp.maximum(xp.log(xp.where(p == 0, 1, p)), LEAST_LOG))
    with_rest = xp.where(p == 1, LEAST_LOG, xp.log1p(-xp.where(p == 1, 0, p)))
    return (target - 1) * with_rest - target * with_log


@bce.spec
def bce_spec(p, target):
    return Spec(broadcast(p, target).shape, float_dtype(p, target))


@bce.grad
def bce_grad(g, p, target, wants):
    to_p = div(g * sub(p, target), clamp((1 - p) * p, min=1e-12)) if wants[0] else None
    return to_p, (g * (_log_of_no(p) - _log_of_yes(p)) if wants[1] else None)
