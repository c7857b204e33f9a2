"""Optimizers over the update ops: torch.optim's names."""

from research.nn.clip_grad import clip_grad_norm_
from research.optim import lr_scheduler, swa_utils
from research.optim.adam import LAMB, Adam, AdamW, Lamb, NAdam, RAdam
from research.optim.adaptive import Adadelta, Adagrad, RMSprop
from research.optim.lbfgs import LBFGS
from research.optim.optimizer import Optimizer
from research.optim.sgd import SGD, Lion

__all__ = [
    "LAMB",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lamb",
    "Lion",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "clip_grad_norm_",
    "lr_scheduler",
    "swa_utils",
]
