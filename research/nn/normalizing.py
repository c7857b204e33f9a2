"""Normalisation, embedding and attention as functions, by torch.nn.functional's names; `functional` has them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared_ops import ops
from shared_ops.spec import check


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """(n, c, *size), (c,) four times -> (n, c, *size). In training the running statistics are written into."""
    weight, bias = 1.0 if weight is None else weight, 0.0 if bias is None else bias
    if not training and running_mean is not None:
        return ops.batch_norm_inference(input, weight, bias, running_mean, running_var, eps=eps)
    out, mean, var = ops.batch_norm(input, weight, bias, eps=eps)
    if training and running_mean is not None:
        new = ops.batch_norm_running(
            running_mean, running_var, mean.detach(), var.detach(), input.detach(), float(momentum)
        )
        running_mean._write(new[0].array)
        running_var._write(new[1].array)
    return out


def _check_last(name: str, input: Any, normalized_shape: Sequence[int]) -> int:
    last = tuple(input.shape)[len(input.shape) - len(normalized_shape) :]
    check(
        last == tuple(normalized_shape),
        f"{name} needs an input whose last sizes are normalized_shape",
        input=tuple(input.shape),
        normalized_shape=tuple(normalized_shape),
    )
    return len(normalized_shape)


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Mean 0 and variance 1 over the last axes, then * weight + bias."""
    count = _check_last("layer_norm", input, normalized_shape)
    weight, bias = 1.0 if weight is None else weight, 0.0 if bias is None else bias
    return ops.layer_norm(input, weight, bias, normalized_ndim=count, eps=eps)[0]


def rms_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """Divided by the root of the mean square over the last axes, then * weight."""
    count = _check_last("rms_norm", input, normalized_shape)
    return ops.rms_norm(input, 1.0 if weight is None else weight, normalized_ndim=count, eps=eps)[0]


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Mean 0 and variance 1 over each group of channels of each sample, then * weight + bias by channel."""
    weight, bias = 1.0 if weight is None else weight, 0.0 if bias is None else bias
    return ops.group_norm(input, weight, bias, num_groups=num_groups, eps=eps)[0]


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Mean 0 and variance 1 over each channel of each sample, (n, c, *size), then * weight + bias by channel.

    In training the running statistics, (c,), take in the means over the samples; without `use_input_stats` they serve.
    """
    weight, bias = 1.0 if weight is None else weight, 0.0 if bias is None else bias
    if not use_input_stats:
        return ops.batch_norm_inference(input, weight, bias, running_mean, running_var, eps=eps)
    if running_mean is not None:
        axes = tuple(range(2, len(input.shape)))
        mean = ops.mean(ops.mean(input.detach(), axis=axes), axis=0)
        var = ops.mean(ops.var(input.detach(), axis=axes), axis=0)
        running_mean._write((running_mean * (1 - momentum) + mean * momentum).array)
        running_var._write((running_var * (1 - momentum) + var * momentum).array)
    return ops.instance_norm(input, weight, bias, eps=eps)


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """Divided by what neighbouring channels make: Krizhevsky et al. 2012, section 3.3."""
    return ops.local_response_norm(input, size, alpha, beta, k)
