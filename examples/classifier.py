"""A two-layer classifier made of the other examples' kernels."""

from __future__ import annotations

import mlx.core as mx

from triton_mlx.examples.matmul import linear
from triton_mlx.examples.softmax import softmax


def predict(
    x: mx.array, w1: mx.array, b1: mx.array, w2: mx.array, b2: mx.array, slope: float
) -> mx.array:
    """Probabilities (samples, classes): two linear layers, leaky ReLU between them, softmax.

    x (samples, features), w1 (features, hidden), w2 (hidden, classes), all float32.
    """
    hidden = linear(x, w1, b1, slope)
    return softmax(linear(hidden, w2, b2))
