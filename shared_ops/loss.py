"""Loss ops whose straight composition would be slow or would overflow; the plain ones are compositions."""

from __future__ import annotations

from shared_ops.elementwise import floats
from shared_ops.index import one_hot
from shared_ops.op import op
from shared_ops.shape import unsqueeze
from shared_ops.softmax import softmax
from shared_ops.spec import Spec, SpecError, check, float_dtype


def _at_labels(name, xp, rows, labels):
    """rows[i, labels[i]] for each row i. Raises SpecError for a label that is no column."""
    classes = rows.shape[1]
    if labels.size and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
        bad = int(labels[(labels < 0) | (labels >= classes)][0])
        raise SpecError(f"{name} needs labels from 0 to {classes - 1}; got {bad}")
    return xp.take_along_axis(rows, labels[:, None], axis=-1)[:, 0]


def _labels_spec(name, rows, labels):
    check(rows.ndim == 2, f"{name} needs one row of classes a sample, (n, classes)", input=rows)
    check(labels.dtype.kind in "iu", f"{name} needs whole numbers as labels", labels=labels)
    check(labels.shape == rows.shape[:1], f"{name} needs one label per row", input=rows, labels=labels)
    return Spec(labels.shape, float_dtype(rows))


def _hot(labels, rows):
    return one_hot(labels, num_classes=rows.shape[1], dtype=rows.dtype.name)


@op
def softmax_cross_entropy(xp, logits, labels):
    """-log softmax(logits)[label] of each row, in nats: (n, c) float, (n,) int -> (n,)."""
    (logits,) = floats(xp, logits)
    z = logits - logits.max(axis=-1, keepdims=True)  # the greatest exponent is 0: exp cannot overflow
    return xp.log(xp.exp(z).sum(axis=-1)) - _at_labels("softmax_cross_entropy", xp, z, labels)


@softmax_cross_entropy.spec
def softmax_cross_entropy_spec(logits, labels):
    return _labels_spec("softmax_cross_entropy", logits, labels)


@softmax_cross_entropy.grad
def softmax_cross_entropy_grad(g, logits, labels):
    return unsqueeze(g, -1) * (softmax(logits) - _hot(labels, logits)), None


@op
def nll(xp, log_probabilities, labels):
    """-log_probabilities[label] of each row, in nats: (n, c) float, (n,) int -> (n,)."""
    (log_probabilities,) = floats(xp, log_probabilities)
    return -_at_labels("nll", xp, log_probabilities, labels)


@nll.spec
def nll_spec(log_probabilities, labels):
    return _labels_spec("nll", log_probabilities, labels)


@nll.grad
def nll_grad(g, log_probabilities_spec, labels):
    return -unsqueeze(g, -1) * _hot(labels, log_probabilities_spec), None
