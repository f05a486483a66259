"""The real model of the demo: a two-layer classifier of scikit-learn's handwritten digits.

MLX trains it; its forward pass then runs through the kernels of `triton_mlx.examples` alone.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .demo_cases import Case, Verdict

if TYPE_CHECKING:
    import mlx.core as mx

HIDDEN = 128
SLOPE = 0.01
STEPS = 150
# Of the 1,797 digits, those after the first 1,400 are kept from the training.
TRAINED_ON = 1400


class MissingDataError(RuntimeError):
    """scikit-learn, which brings the digits, is not installed."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Pixels scaled to 0..1, (samples, 64) float32, and the digit in each, (samples,) int32."""

    pixels: mx.array
    labels: mx.array


def classifier() -> Case:
    """Train the model and return its forward pass as a case. Raises MissingDataError."""
    import mlx.core as mx

    from ..examples import classifier as example
    from ..examples import matmul, softmax

    digits = _digits()
    model = _trained(digits)
    first, second = model.layers[0], model.layers[2]
    weights = (
        mx.contiguous(first.weight.T), first.bias, mx.contiguous(second.weight.T), second.bias,
    )  # fmt: skip
    mx.eval(weights)

    def by_mlx() -> mx.array:
        return mx.softmax(model(digits.pixels), axis=-1)

    def verdict() -> Verdict:
        ours = example.predict(digits.pixels, *weights, SLOPE)
        return _compare(mx.argmax(ours, axis=-1), mx.argmax(by_mlx(), axis=-1), digits.labels)

    return Case(
        "digits classifier", f"{len(digits.labels)}x64x{HIDDEN}x10 fp32",
        example.predict, (digits.pixels, *weights, SLOPE),
        (matmul.matmul_kernel, softmax.softmax_kernel),
        mlx=by_mlx, formula=lambda: _by_numpy(digits.pixels, *weights), verdict=verdict,
    )  # fmt: skip


def _digits() -> Digits:
    import mlx.core as mx
    import numpy as np

    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingDataError(
            "No digits classifier: scikit-learn is missing; pip install 'triton-mlx[demo]'."
        ) from None
    pixels, labels = load_digits(return_X_y=True)
    return Digits(mx.array((pixels / 16).astype(np.float32)), mx.array(labels.astype(np.int32)))


def _trained(digits: Digits) -> Any:
    """A model after STEPS steps of Adam on the first digits, the same on every run."""
    import mlx.core as mx
    from mlx import optimizers as optim

    # mlx.nn exports by `import *`, which type checkers do not follow.
    nn: Any = importlib.import_module("mlx.nn")
    mx.random.seed(7)
    model = nn.Sequential(nn.Linear(64, HIDDEN), nn.LeakyReLU(SLOPE), nn.Linear(HIDDEN, 10))
    optimizer = optim.Adam(learning_rate=0.01)
    pixels, labels = digits.pixels[:TRAINED_ON], digits.labels[:TRAINED_ON]

    def loss(x: mx.array, y: mx.array) -> Any:
        return nn.losses.cross_entropy(model(x), y, reduction="mean")

    gradient = nn.value_and_grad(model, loss)
    for _ in range(STEPS):
        _, slopes = gradient(pixels, labels)
        optimizer.update(model, slopes)
        mx.eval(model.parameters(), optimizer.state)
    return model


def _by_numpy(*arrays: mx.array) -> Any:
    """The forward pass in float64."""
    import numpy as np

    x, w1, b1, w2, b2 = (np.asarray(array).astype(np.float64) for array in arrays)
    hidden = x @ w1 + b1
    scores = np.where(hidden >= 0, hidden, SLOPE * hidden) @ w2 + b2
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _compare(ours: mx.array, theirs: mx.array, labels: mx.array) -> Verdict:
    import numpy as np

    total = len(labels)
    same = int(np.asarray(ours == theirs).sum())
    unseen = int(np.asarray(ours == labels)[TRAINED_ON:].sum())
    text = (
        f"The digits classifier predicts what MLX predicts on {same} of {total} digits, "
        f"and is right on {unseen} of the {total - TRAINED_ON} that it was not trained on."
    )
    return Verdict(text, same == total)
