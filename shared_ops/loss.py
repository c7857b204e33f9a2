"""Loss ops whose straight composition would be slow or would overflow; the plain ones are compositions."""

from __future__ import annotations

from shared_ops.index import one_hot
from shared_ops.norm import softmax
from shared_ops.op import op
from shared_ops.shape import unsqueeze
from shared_ops.spec import Spec, SpecError, check, float_dtype


@op
def softmax_cross_entropy(xp, logits, labels):
    """-log softmax(logits)[label] of each row, in nats: (n, c) float, (n,) int -> (n,)."""
    classes = logits.shape[1]
    if labels.size and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
        bad = int(labels[(labels < 0) | (labels >= classes)][0])
        raise SpecError(f"softmax_cross_entropy needs labels from 0 to {classes - 1}; got {bad}")
    z = logits - logits.max(axis=-1, keepdims=True)  # the greatest exponent is 0: exp cannot overflow
    picked = xp.take_along_axis(z, labels[:, None], axis=-1)[:, 0]
    return xp.log(xp.exp(z).sum(axis=-1)) - picked


@softmax_cross_entropy.spec
def softmax_cross_entropy_spec(logits, labels):
    check(logits.ndim == 2, "softmax_cross_entropy needs logits (n, classes)", logits=logits)
    check(labels.dtype.kind in "iu", "softmax_cross_entropy needs whole numbers as labels", labels=labels)
    check(
        labels.shape == logits.shape[:1], "softmax_cross_entropy needs one label per row", logits=logits, labels=labels
    )
    return Spec(labels.shape, float_dtype(logits))


@softmax_cross_entropy.grad
def softmax_cross_entropy_grad(g, logits, labels):
    hot = one_hot(labels, num_classes=logits.shape[1], dtype=logits.dtype.name)
    return unsqueeze(g, -1) * (softmax(logits) - hot), None
