"""What the demo runs: kernels of `triton_mlx.examples` with inputs, a rival and a formula each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import mlx.core as mx


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence about a case that has more to say than its error, and whether it is good news."""

    text: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One row to be: a function of mx.arrays that launches `kernels`, and what to hold against it.

    `mlx` is MLX's own way to the same result, `formula` the result in float64; without a formula
    the interpreter's result is the reference. An error above `limit` makes the demo fail.
    """

    kernel: str
    shape: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kernels: tuple[Any, ...]
    mlx: Callable[[], Any] | None = None
    formula: Callable[[], Any] | None = None
    limit: float = 1e-4
    verdict: Callable[[], Verdict] | None = None

    def metal_lines(self) -> int:
        """Lines of Metal that the last launch of each of the kernels is made of."""
        import triton_mlx

        texts = [triton_mlx.emit_last(kernel, target="metal") for kernel in self.kernels]
        return sum(len(text.splitlines()) for text in texts)


def _random(seed: int, *shape: int) -> mx.array:
    import mlx.core as mx

    return mx.random.normal(shape, key=mx.random.key(seed))


def _exact(x: mx.array) -> Any:
    import mlx.core as mx
    import numpy as np

    return np.asarray(x.astype(mx.float32)).astype(np.float64)


def cases() -> list[Case]:
    """The kernels of the demo, in the order of the table."""
    return [
        _add(), _chain(), _softmax(), _long_softmax(), _layer_norm(), _dropout(),
        _matmul("float32"), _matmul("float16"), _linear(),
        _attention("float32", causal=False), _attention("float32", causal=True),
    ]  # fmt: skip


def _add() -> Case:
    from ..examples import elementwise

    x, y = _random(0, 1 << 20), _random(1, 1 << 20)
    return Case(
        "vector add", "1048576 fp32", elementwise.add, (x, y), (elementwise.add_kernel,),
        mlx=lambda: x + y, formula=lambda: _exact(x) + _exact(y),
    )  # fmt: skip


def _chain() -> Case:
    import mlx.core as mx
    import numpy as np

    from ..examples import elementwise

    x, y = _random(2, 1 << 22), _random(3, 1 << 22)
    compiled = mx.compile(lambda x, y: mx.maximum(x * 0.75 + y, 0.0) * y - x)

    def formula() -> Any:
        a, b = _exact(x), _exact(y)
        return np.maximum(a * 0.75 + b, 0.0) * b - a

    return Case(
        "five-op chain", "4194304 fp32", elementwise.chain, (x, y, 0.75),
        (elementwise.chain_kernel,), mlx=lambda: compiled(x, y), formula=formula,
    )  # fmt: skip


def _softmax_of(x: Any) -> Any:
    import numpy as np

    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _softmax() -> Case:
    import mlx.core as mx

    from ..examples import softmax

    x = _random(4, 1024, 1024)
    return Case(
        "softmax", "1024x1024 fp32", softmax.softmax, (x,), (softmax.softmax_kernel,),
        mlx=lambda: mx.softmax(x, axis=-1), formula=lambda: _softmax_of(_exact(x)),
    )  # fmt: skip


def _long_softmax() -> Case:
    import mlx.core as mx

    from ..examples import softmax

    x = _random(5, 64, 50_000)
    return Case(
        "softmax, long rows", "64x50000 fp32", softmax.softmax_long, (x,),
        (softmax.softmax_long_kernel,),
        mlx=lambda: mx.softmax(x, axis=-1), formula=lambda: _softmax_of(_exact(x)),
    )  # fmt: skip


def _layer_norm() -> Case:
    import mlx.core as mx
    import numpy as np

    from ..examples import layernorm

    x, weight, bias = _random(6, 1024, 1000), _random(7, 1000), _random(8, 1000)

    def formula() -> Any:
        rows = _exact(x)
        centred = rows - rows.mean(axis=1, keepdims=True)
        rstd = 1 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
        return centred * rstd * _exact(weight) + _exact(bias)

    return Case(
        "layer norm", "1024x1000 fp32", layernorm.layer_norm, (x, weight, bias),
        (layernorm.layer_norm_kernel,),
        mlx=lambda: mx.fast.layer_norm(x, weight, bias, 1e-5), formula=formula,
    )  # fmt: skip


def _dropout() -> Case:
    import mlx.core as mx

    from ..examples import dropout

    x = _random(9, 1 << 19)

    def by_mlx() -> mx.array:
        return mx.where(mx.random.bernoulli(0.75, x.shape), x * (1 / 0.75), 0.0)

    return Case(
        "dropout", "524288 fp32", dropout.dropout, (x, 0.25, 7), (dropout.dropout_kernel,),
        mlx=by_mlx,
    )  # fmt: skip


def _matmul(dtype: str) -> Case:
    import mlx.core as mx

    from ..examples import matmul

    a, b = (_random(seed, 512, 512).astype(getattr(mx, dtype)) for seed in (10, 11))
    return Case(
        "matmul", f"512x512x512 {dtype.replace('float', 'fp')}", matmul.matmul, (a, b),
        (matmul.matmul_kernel,), mlx=lambda: a @ b, formula=lambda: _exact(a) @ _exact(b),
        # float16 values around 100 are 1/16 apart.
        limit=1e-3 if dtype == "float32" else 1 / 16,
    )  # fmt: skip


def _linear() -> Case:
    import mlx.core as mx
    import numpy as np

    from ..examples import matmul

    x, weight, bias = _random(12, 500, 300), _random(13, 300, 400), _random(14, 400)

    def by_mlx() -> mx.array:
        y = mx.addmm(bias, x, weight)
        return mx.maximum(y, 0.01 * y)

    def formula() -> Any:
        y = _exact(x) @ _exact(weight) + _exact(bias)
        return np.maximum(y, 0.01 * y)

    return Case(
        "matmul + bias + leaky ReLU", "500x300x400 fp32", matmul.linear, (x, weight, bias, 0.01),
        (matmul.matmul_kernel,), mlx=by_mlx, formula=formula,
    )  # fmt: skip


def _attention(dtype: str, *, causal: bool) -> Case:
    import mlx.core as mx
    import numpy as np

    from ..examples import attention

    shape = (1, 8, 500, 64)
    q, k, v = (_random(seed, *shape).astype(getattr(mx, dtype)) for seed in (15, 16, 17))

    def by_mlx() -> mx.array:
        mask = "causal" if causal else None
        return mx.fast.scaled_dot_product_attention(q, k, v, scale=0.125, mask=mask)

    def formula() -> Any:
        scores = _exact(q) @ np.swapaxes(_exact(k), -1, -2) * 0.125
        if causal:
            scores = np.where(np.tri(500) > 0, scores, -np.inf)
        return _softmax_of(scores) @ _exact(v)

    return Case(
        "attention, causal" if causal else "attention",
        f"{'x'.join(map(str, shape))} {dtype.replace('float', 'fp')}",
        attention.attention, (q, k, v, causal), (attention.attention_kernel,),
        mlx=by_mlx, formula=formula,
    )  # fmt: skip
