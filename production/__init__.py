"""Production: graphs that are defined first and run later. TensorFlow 1's names: `import production as tf`."""

import shared_ops  # isort: skip - it tells OpenBLAS how to share the cores, before NumPy loads that
import numpy as _np

from production import contrib, layers, losses, nn, train
from production.functions import *  # noqa: F403 - the functions under tensorflow, listed in their file
from production.gradients import gradients
from production.graph import Graph, GraphError, Node, Operation, get_default_graph, reset_default_graph
from production.initializers import (
    glorot_normal_initializer,
    glorot_uniform_initializer,
    ones_initializer,
    random_normal_initializer,
    random_uniform_initializer,
    zeros_initializer,
)
from production.plan import FeedError
from production.random_ops import random_normal, random_uniform, set_random_seed
from production.saved_model import SavedModel, SavedModelError, load, save
from production.session import Session
from production.variable import (
    Variable,
    global_variables,
    global_variables_initializer,
    group,
    trainable_variables,
    variables_initializer,
)

float16, bfloat16 = _np.dtype("float16"), _np.dtype("bfloat16")
float32, float64 = _np.dtype("float32"), _np.dtype("float64")
int32, int64, bool_ = _np.dtype("int32"), _np.dtype("int64"), _np.dtype("bool")
