"""The formulas that the examples compute, in numpy with float64 inside.

Arguments are arrays of any float type, results are float64, not rounded to a storage type.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint32]


def add(x: Floats, y: Floats) -> Floats:
    """`x + y`."""
    return x + y


def chain(x: Floats, y: Floats, scale: float) -> Floats:
    """`relu(x * scale + y) * y - x`."""
    return np.maximum(x * scale + y, 0.0) * y - x


def softmax(x: Floats) -> Floats:
    """Softmax over the last axis."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float64)


def matmul(a: Floats, b: Floats) -> Floats:
    """`a @ b`."""
    return np.asarray(a @ b, dtype=np.float64)


def linear(x: Floats, weight: Floats, bias: Floats, slope: float | None) -> Floats:
    """`x @ weight + bias`, then leaky ReLU if there is a slope."""
    y = x @ weight + bias
    return y if slope is None else np.where(y >= 0, y, y * slope)


def layer_norm(
    x: Floats, weight: Floats, bias: Floats, eps: float
) -> tuple[Floats, Floats, Floats]:
    """Result, means and reciprocal standard deviations of the rows."""
    mean = x.mean(axis=1)
    rstd = 1.0 / np.sqrt(x.var(axis=1) + eps)
    return (x - mean[:, None]) * rstd[:, None] * weight + bias, mean, rstd


def attention(q: Floats, k: Floats, v: Floats, causal: bool) -> Floats:
    """`softmax(q @ k.T / sqrt(dim)) @ v` over the last two axes."""
    scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
    return np.asarray(softmax(scores) @ v, dtype=np.float64)


def philox(seed: int, counter: Words) -> Words:
    """First word of Philox4x32-10 at the counters (counter, 0, 0, 0) under a 64-bit key.

    Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    low = np.uint64(0xFFFFFFFF)
    c0, zero = counter.astype(np.uint64), np.zeros(counter.shape, np.uint64)
    c1, c2, c3 = zero, zero, zero
    key0, key1 = seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF
    for _ in range(10):
        first = c0 * np.uint64(0xD2511F53)
        second = c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (second >> np.uint64(32)) ^ c1 ^ np.uint64(key0),
            second & low,
            (first >> np.uint64(32)) ^ c3 ^ np.uint64(key1),
            first & low,
        )
        key0, key1 = (key0 + 0x9E3779B9) & 0xFFFFFFFF, (key1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0.astype(np.uint32)


def uniform(words: Words) -> Float32s:
    """Random words as float32 in [0, 1): the magnitude of the signed word, times 2^-31, less."""
    signed = words.view(np.int32)
    magnitude = np.where(signed < 0, ~signed, signed)
    return magnitude.astype(np.float32) * np.float32(4.6566127342e-10)


def dropout(x: Float32s, p: float, seed: int) -> Float32s:
    """Dropout of float32, to the bit: float32 arithmetic here, because the kernel's is."""
    keep = uniform(philox(seed, np.arange(x.size, dtype=np.uint32))) > np.float32(p)
    scaled = x * np.float32(1.0 / (1.0 - p))
    return np.where(keep.reshape(x.shape), scaled, np.float32(0.0))
