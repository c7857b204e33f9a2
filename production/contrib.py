"""The part of tensorflow.contrib that old programs use: `contrib.layers.xavier_initializer()`."""

from types import SimpleNamespace

from production.initializers import xavier_initializer

layers = SimpleNamespace(xavier_initializer=xavier_initializer)
