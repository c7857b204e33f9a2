"""Every op by name, and the few functions that are another name for an op's call."""

from shared_ops.conv import (
    avg_pool2d,
    conv2d,
    conv2d_input,
    conv2d_weight,
    max_pool2d,
    pick2d,
    spread2d,
    unpool2d,
)
from shared_ops.elementwise import (
    abs,
    add,
    cast,
    clamp,
    cos,
    div,
    eq,
    exp,
    ge,
    gt,
    le,
    leaky_relu,
    log,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    pow,
    relu,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    sub,
    tanh,
    where,
)
from shared_ops.index import getitem, one_hot, put, take, take_add
from shared_ops.linalg import linear, matmul
from shared_ops.loss import nll, softmax_cross_entropy
from shared_ops.norm import dropout, log_softmax, softmax
from shared_ops.op import REGISTRY
from shared_ops.random import random_normal, random_permutation, random_uniform
from shared_ops.reduce import amax, amin, argmax, mean, sum
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
from shared_ops.update import adam, sgd, sgd_momentum

__all__ = ["REGISTRY", "flatten", "squeeze", "stack", "transpose", "unsqueeze", *sorted(REGISTRY)]
