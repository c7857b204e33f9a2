"""Every op by name, and the few functions that are another name for an op's call."""

from shared_ops.activation import (
    celu,
    elu,
    gelu,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    logsigmoid,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softplus,
    softsign,
)
from shared_ops.adaptive import adaptive_avg_pool, adaptive_avg_unpool, adaptive_max_pool
from shared_ops.attention import attention, masked_softmax, scaled_dot_product_attention
from shared_ops.batch_norm import batch_norm, batch_norm_inference, batch_norm_running
from shared_ops.conv import (
    conv,
    conv1d,
    conv2d,
    conv3d,
    conv_input,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    conv_weight,
)
from shared_ops.decompose import cholesky, cofactor, det, eigh, inverse, lower_half, qr, slogdet, solve, svd
from shared_ops.dropout import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, masked_scale
from shared_ops.elementwise import (
    abs,
    add,
    cast,
    clamp,
    div,
    eq,
    ge,
    gt,
    le,
    lerp,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    reciprocal,
    rsqrt,
    sign,
    sqrt,
    square,
    sub,
    where,
)
from shared_ops.einsum import einsum
from shared_ops.erf import erf, erfc
from shared_ops.fold import col2im, fold, im2col, unfold
from shared_ops.index import getitem, one_hot, put, take, take_add
from shared_ops.linalg import addmm, bmm, dot, linear, matmul, mm, mv, outer
from shared_ops.logic import (
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    isfinite,
    isinf,
    isnan,
    left_shift,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    right_shift,
)
from shared_ops.loss import nll, softmax_cross_entropy
from shared_ops.norm import (
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from shared_ops.op import REGISTRY
from shared_ops.pool import avg_pool, avg_unpool, max_pool, max_pool_at, max_unpool
from shared_ops.pool_functions import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from shared_ops.random import (
    random_bernoulli,
    random_normal,
    random_permutation,
    random_randint,
    random_truncated_normal,
    random_uniform,
)
from shared_ops.reduce import amax, amin, argmax, mean, sum
from shared_ops.resample import interpolate, pixel_shuffle, pixel_unshuffle, resample, resample_input
from shared_ops.rounding import ceil, floor, floor_div, frac, remainder, round, trunc
from shared_ops.shape import (
    cat,
    expand,
    flatten,
    permute,
    reshape,
    squeeze,
    stack,
    stop_gradient,
    sum_to,
    transpose,
    unsqueeze,
)
from shared_ops.softmax import log_softmax, softmax
from shared_ops.transcendental import (
    acos,
    asin,
    atan,
    atan2,
    cos,
    cosh,
    exp,
    exp2,
    expm1,
    log,
    log1p,
    log2,
    log10,
    pow,
    sin,
    sinh,
    tan,
    tanh,
)
from shared_ops.update import adadelta, adagrad, adam, adamw, lamb, lion, rmsprop, sgd, sgd_momentum

__all__ = [
    "REGISTRY",
    "addmm",
    "alpha_dropout",
    "bmm",
    "dot",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "instance_norm",
    "local_response_norm",
    "mm",
    "mv",
    "outer",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "flatten",
    "fold",
    "interpolate",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "pixel_shuffle",
    "pixel_unshuffle",
    "scaled_dot_product_attention",
    "squeeze",
    "stack",
    "transpose",
    "unfold",
    "unsqueeze",
    *sorted(REGISTRY),
]
