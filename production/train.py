"""tensorflow.train's names: optimizers that add their update to the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from production.gradients import gradients
from production.graph import Node, Operation
from production.variable import Variable, group, trainable_variables
from shared_ops import ops


class Optimizer:
    """Base of the optimizers: subclasses say in `_apply_dense` which nodes update one variable."""

    def __init__(self, learning_rate: Any):
        self.learning_rate = learning_rate  # a number, or a node that is fed or computed

    def minimize(
        self, loss: Node, global_step: Variable | None = None, var_list: Sequence[Variable] | None = None
    ) -> Operation:
        """The operation that makes one step down the gradient of `loss`."""
        return self.apply_gradients(self.compute_gradients(loss, var_list), global_step)

    def compute_gradients(
        self, loss: Node, var_list: Sequence[Variable] | None = None
    ) -> list[tuple[Node | None, Variable]]:
        """(gradient, variable) pairs; None for a variable that the loss does not depend on."""
        variables = list(trainable_variables(loss.graph) if var_list is None else var_list)
        if not variables:
            raise ValueError("minimize needs at least one trainable variable in the graph")
        return list(zip(gradients(loss, variables), variables, strict=True))

    def apply_gradients(
        self, grads_and_vars: Sequence[tuple[Node | None, Variable]], global_step: Variable | None = None
    ) -> Operation:
        """The operation that applies gradients. Raises ValueError when every gradient is None."""
        updates = [u for g, v in grads_and_vars if g is not None for u in self._apply_dense(g, v)]
        if not updates:
            raise ValueError("no variable has a gradient: the loss does not depend on any of them")
        if global_step is not None:
            updates.append(global_step.assign_add(1))
        return group(*updates, name=type(self).__name__)

    def _apply_dense(self, gradient: Node, variable: Variable) -> list[Node]:
        raise NotImplementedError


class GradientDescentOptimizer(Optimizer):
    """variable - learning_rate * gradient."""

    def _apply_dense(self, gradient: Node, variable: Variable) -> list[Node]:
        return [variable.assign(ops.sgd(variable, gradient, self.learning_rate))]


class MomentumOptimizer(Optimizer):
    """Gradient descent with momentum, and Nesterov's if asked: Sutskever et al. 2013."""

    def __init__(self, learning_rate: Any, momentum: float, use_nesterov: bool = False):
        super().__init__(learning_rate)
        self.settings = {"momentum": momentum, "nesterov": use_nesterov}

    def _apply_dense(self, gradient: Node, variable: Variable) -> list[Node]:
        name = f"{variable.operation.name}/Momentum"
        buffer = Variable(np.zeros(variable.shape, variable.dtype), trainable=False, name=name, graph=variable.graph)
        new = ops.sgd_momentum(variable, gradient, buffer, self.learning_rate, **self.settings)
        return [v.assign(value) for v, value in zip((variable, buffer), new, strict=True)]


class AdamOptimizer(Optimizer):
    """Adam: Kingma & Ba 2015, algorithm 1."""

    def __init__(self, learning_rate: Any = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8):
        super().__init__(learning_rate)
        self.settings = {"beta1": beta1, "beta2": beta2, "eps": epsilon}

    def _apply_dense(self, gradient: Node, variable: Variable) -> list[Node]:
        zeros = np.zeros(variable.shape, variable.dtype)
        name, graph = variable.operation.name, variable.graph
        mean, variance = (Variable(zeros, trainable=False, name=f"{name}/Adam_{n}", graph=graph) for n in ("m", "v"))
        step = Variable(np.int64(0), trainable=False, name=f"{name}/Adam_step", graph=graph)
        count = step + 1
        new = ops.adam(variable, gradient, mean, variance, count, self.learning_rate, **self.settings)
        updates = [v.assign(value) for v, value in zip((variable, mean, variance), new, strict=True)]
        return [*updates, step.assign(count)]
