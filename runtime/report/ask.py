"""What `triton_mlx.fuse_report` reports on: a fused function, a kernel, a call made for it, or everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...fusion.errors import BadArgument
from . import ahead, details, history
from .report import FuseReport


def ask(
    subject: Any, args: tuple[Any, ...], kwargs: dict[str, Any], since: str, chip: str
) -> FuseReport:
    """See triton_mlx.fuse_report. Raises LookupError, BadArgument and UnknownChip."""
    if since not in ("", "start"):
        raise BadArgument(f"since={since!r}", hint='since="start" is everything of this process')
    if since and (subject is not None or args or kwargs):
        raise BadArgument("since= with something to report on", hint="fuse_report(since='start')")
    found = history.everything() if since else _found(subject, args, kwargs, chip)
    return found.on(chip) if chip else found


def _found(subject: Any, args: tuple[Any, ...], kwargs: dict[str, Any], chip: str) -> FuseReport:
    from ..capture import Scope, last_report

    if subject is None:
        return _or_nothing(last_report())
    if isinstance(subject, Scope):
        return subject.report
    if args or kwargs:
        return _of_call(subject, args, kwargs, chip)
    if hasattr(subject, "last"):
        return _or_nothing(getattr(subject.last, "report", None))
    if hasattr(subject, "run"):  # a kernel of Triton, or one wrapped by it
        return _last_launch(subject)
    if callable(subject):
        return _of_call(subject, args, kwargs, chip)
    raise BadArgument(
        f"a report on {type(subject).__name__}",
        hint="pass a function, a fused function, a kernel or kernel[grid] and its arguments",
    )


def _or_nothing(report: FuseReport | None) -> FuseReport:
    if report is None:
        raise LookupError("no fuse scope has ended yet: run the function or scope once first")
    return report


def _last_launch(kernel: Any) -> FuseReport:
    from ..inspect import last_launcher

    launcher = last_launcher(kernel)
    launch = history.last_launch(launcher)
    return FuseReport(
        (launch,), (launch,), (), (launcher.last_scalars,), launcher.choice, (launcher.file,)
    )


def _of_call(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], chip: str
) -> FuseReport:
    """Call it in a scope. With a stand-in among its arguments nothing runs."""
    from ..capture import Scope

    if hasattr(function, "last"):  # fused already: its own scope would keep the launches
        function = getattr(function, "__wrapped__", function)
    if not ahead.has_shapes((args, kwargs)):
        with Scope() as scope:
            kept = function(*args, **kwargs)
        del kept
        return scope.report
    named = details.chip_here(chip)
    with ahead.nothing_runs(named), Scope() as scope:
        kept = ahead.called(function, args, kwargs)
    del kept
    return scope.report.on(named)
