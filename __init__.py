"""Run unchanged Triton kernels on MLX.

With mlx and triton installed, and no other Triton driver active, `kernel[grid](mx_array, ...)` just works:
nothing needs to be imported from here. `use` chooses where kernels run.
"""

from __future__ import annotations

import contextlib as _contextlib
from typing import Any

from .runtime.frontend.place import choose as _choose_front_end

_choose_front_end()
# Then this, so that Triton's plug-in discovery has finished before any module of ours looks at it.
with _contextlib.suppress(ImportError):
    import triton as _triton  # noqa: F401

__version__ = "0.1.0"
__all__ = ["Shaped", "counted", "emit_last", "fuse", "fuse_report", "prepare", "targets", "use"]


def __getattr__(name: str) -> Any:
    if name != "Shaped":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .runtime.report.ahead import Shaped

    return Shaped


def use(
    target: str, *, checked: bool | None = None, chip: str | None = None, tuned: bool = True
) -> Any:
    """Run kernels on `target`: "host", "simulate" or "metal". Also a context manager.

    `chip`: a row of the capability table ("M3 Max") that "simulate" and "metal" lower for; without it,
    the chip that is there.
    `checked` (simulate only): report races, missing barriers, bad accesses and unwritten outputs; a
    finding raises SimulatorFinding.
    `tuned`: launches use what `python -m triton_mlx tune` has measured for them on this
    machine (docs/tuning.md). Raises UnknownTarget for another name.

        triton_mlx.use("host")
        with triton_mlx.use("simulate", checked=True):
            kernel[grid](x, y, out, n, BLOCK=256)
    """
    from .runtime.target import use as _use

    return _use(target, checked=checked, chip=chip, tuned=tuned)


def counted() -> Any:
    """Count what launches on the "simulate" target do, as a context manager that gives a list.

    One triton_mlx.runtime.simulator.Counts per launched kernel: bytes read and written per buffer and
    in threadgroup memory, barriers, simdgroup and matrix operations. Launches inside are checked.

        with triton_mlx.use("simulate"), triton_mlx.counted() as counts:
            kernel[grid](x, y, out, n, BLOCK=256)
        print(counts[0].buffers["x_ptr"].read)
    """
    from .runtime.simulator import counted as _counted

    return _counted()


def prepare(launch: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Makes the launch `launch(*args, **kwargs)`, and returns a function that makes it on other arrays.

        scale = triton_mlx.prepare(kernel[grid], x, y, n, 2.0, BLOCK=256)
        scale(x2, y2)

    The arrays are those of the launch, each once, in order, with the same dtypes; scalars and grid stay.
    Triton does not look at the arguments again, which takes most of the time of a launch. Raises LookupError
    if nothing was launched.
    """
    from .runtime.handle import prepare as _prepare

    return _prepare(launch, args, kwargs)


def fuse(function: Any = None, *, relax_rounding: bool = False) -> Any:
    """Join the launches made inside, where proof allows: a decorator, and with () a context manager.

    Results are those of separate launches, bit for bit. Arrays that nobody holds at the end are not
    computed. Only mx.arrays take part; launches on others happen as always.

    With `relax_rounding` numbers that go from launch to launch inside a kernel are not rounded to the type of
    the array between them: results are then at least as exact, and not the same bits.

    mx.compile(fuse(function)) records the launches once for arrays of the same shapes and dtypes.

        @triton_mlx.fuse                      with triton_mlx.fuse() as scope:
        def layer(x): ...                         kernel[grid](x, y)
                                              print(scope.report)
    """
    from .runtime.capture import Scope

    scope = Scope(relax_rounding)
    return scope if function is None else scope(function)


def fuse_report(
    subject: Any = None, /, *args: Any, since: str = "", chip: str = "", **kwargs: Any
) -> Any:
    """What became of launches: which kernels they are now, what those cost, and why they are not fewer.

        fuse_report()                        the scope that ended last
        fuse_report(fused)                   the last call of a fused function, or a scope
        fuse_report(kernel)                  the last launch of a @triton.jit kernel
        fuse_report(kernel[grid], *args)     that launch, made now
        fuse_report(function, *args)         the launches of that call, made now, in a scope
        fuse_report(since="start")           everything that this process has launched

    With triton_mlx.Shaped(shape, dtype) in the place of arrays nothing is computed. `chip`: the row of the
    hardware table whose resources and modelled times are shown. Print it, or use show(), to_json(),
    to_dot(), to_mermaid(), save_html(path), measure(). Raises LookupError if there is nothing to report on.
    """
    from .runtime.report.ask import ask

    return ask(subject, args, kwargs, since, chip)


def emit_last(kernel: Any, target: str = "metal") -> str:
    """The source of `kernel` (a @triton.jit function) for `target`, as its last launch would need it.

    Raises LookupError if the kernel has not been launched.
    """
    from .runtime.inspect import emit_last as _emit_last

    return _emit_last(kernel, target)


def targets() -> tuple[Any, ...]:
    """The rows of the hardware-capability table (triton_mlx.hwinfo.Capability)."""
    from . import hwinfo

    return tuple(hwinfo.rows())
