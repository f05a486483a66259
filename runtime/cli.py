"""The command line: `python -m triton_mlx COMMAND`.

Exit codes: 0 it worked, 1 refused or failed, 2 wrong usage. Results go to stdout, with --json as one
JSON object that has a "schema" number; progress and errors go to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Sequence

OK, REFUSED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; `argv` is sys.argv[1:] if None. Returns the exit code, or raises SystemExit.

    What a command refuses on purpose is printed without a traceback.
    """
    from ..fusion.errors import TritonMlxError
    from ..hwinfo import HardwareTableError
    from .commands import WrongUsage

    given, after = _split(list(sys.argv[1:] if argv is None else argv))
    args = _parser().parse_args(given)
    args.after = after
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except (TritonMlxError, HardwareTableError, WrongUsage) as error:
        return _say(str(error), USAGE if _is_usage(error) else REFUSED)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("triton_mlx"):
            raise
        return _say(
            f"{error.name} is not installed; python -m triton_mlx doctor says what is missing",
            REFUSED,
        )
    except BrokenPipeError:
        # The reader has gone (| head). Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    return code


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Some commands' own options may stand after the script, so the script's arguments come after --."""
    if argv[:1] not in (["report"], ["tune"]) or "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _is_usage(error: Exception) -> bool:
    from ..hwinfo import UnknownChip
    from .commands import WrongUsage

    return isinstance(error, (UnknownChip, WrongUsage))


def _say(message: str, code: int) -> int:
    print(f"triton-mlx: {message}", file=sys.stderr)
    return code


def _broken_import() -> str:
    """A sentence if MLX or Triton cannot be imported, whatever they raise; empty if both can."""
    for module in ("mlx.core", "triton"):
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001  a broken installation may raise anything
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            return (
                f"{module} cannot be imported ({why}); python -m triton_mlx doctor says what to do"
            )
    return ""


def _parser() -> argparse.ArgumentParser:
    from .. import __version__

    parser = argparse.ArgumentParser(
        prog="python -m triton_mlx",
        description="Run unchanged Triton kernels on MLX.",
        epilog="Exit codes: 0 it worked, 1 refused or failed, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"triton-mlx {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, help_: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_, description=help_)
        sub.add_argument("--json", action="store_true", help="print one JSON object")
        return sub

    command("demo", "run kernels and a small model, with errors and measured times").set_defaults(
        run=_demo
    )
    doctor = command("doctor", "say what works on this machine, and what to do about the rest")
    doctor.add_argument(
        "--selftest", action="store_true", help="run the numeric self-tests of the hardware table"
    )
    doctor.add_argument("--save", metavar="FILE", help="with --selftest: a JSON report for a bug")
    doctor.set_defaults(run=_doctor)
    targets = command("targets", "the hardware table: what is known of each chip, and from where")
    targets.add_argument("name", nargs="?", help='all cells of one row, such as "M3 Max"')
    targets.set_defaults(run=_targets)
    cache = command("cache", "the cache of compiled kernels on disk")
    cache.add_argument("action", choices=("ls", "clear", "path", "stats"))
    cache.set_defaults(run=_cache)
    _add_bench(command("bench", "measure, and say what got worse than the committed baseline"))
    _add_install(command("install-triton", "install Triton's Python files where it has no wheel"))
    if importlib.util.find_spec("triton_mlx.runtime.inspect") is not None:
        _add_emit(command("emit", "run a script, and print the source of the kernels it launched"))
    _add_report(command("report", "run a script, and say what became of the kernels it launched"))
    _add_tune(
        command("tune", "run a script, and find faster schedules for the kernels it launched")
    )
    return parser


def _add_install(install: argparse.ArgumentParser) -> None:
    install.add_argument("--version", dest="release", default="", help="of Triton")
    install.add_argument("--wheel", help="a downloaded wheel of Triton: no network is needed")
    install.add_argument("--uninstall", action="store_true", help="remove it again")
    install.set_defaults(run=_install)


def _add_bench(bench: argparse.ArgumentParser) -> None:
    for name, help_ in (
        ("gate", "compare with the baseline; exit code 1 if something got worse"),
        ("deterministic", "only counts of the simulator, no times"),
        ("short", "only the benchmarks marked as short"),
        ("page", "write docs/benchmarks.md and its pictures from what is measured"),
        ("recorded", "with --page: from what was measured before; nothing runs"),
    ):
        bench.add_argument(f"--{name}", action="store_true", help=help_)
    bench.add_argument(
        "--update", metavar="REASON", help="rewrite the baseline; the reason is kept"
    )
    bench.add_argument(
        "--suite", action="append", default=[], help="a folder of bench/, such as host"
    )
    bench.add_argument("--baseline", metavar="FILE", help="instead of bench/baseline.json")
    bench.set_defaults(run=_bench)


def _add_emit(emit: argparse.ArgumentParser) -> None:
    emit.add_argument("--target", choices=("metal", "cuda", "host"), default="metal")
    emit.add_argument("--kernel", help="only the kernel of this name")
    emit.add_argument("script", help="a Python file; its output goes to stderr")
    emit.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the script")
    emit.set_defaults(run=_emit)


def _add_report(report: argparse.ArgumentParser) -> None:
    report.add_argument("script", help="a Python file; its output goes to stderr")
    report.add_argument("--chip", default="", help='a row of the hardware table, such as "M2 Pro"')
    report.add_argument("--html", metavar="FILE", default="", help="write one page with everything")
    report.epilog = "Arguments of the script come after --."
    report.set_defaults(run=_report)


def _add_tune(tune: argparse.ArgumentParser) -> None:
    tune.add_argument("script", help="a Python file; its output goes to stderr")
    tune.add_argument(
        "--target", choices=("host", "metal", "simulate", "cuda"), default="",
        help="tune for this one, wherever the script runs (simulate: metal, ranked by a model)",
    )  # fmt: skip
    tune.add_argument("--chip", default="", help='a row of the hardware table, such as "M2 Pro"')
    tune.add_argument("--budget", metavar="SECONDS", default="120", help="of trying (120)")
    tune.epilog = "Arguments of the script come after --."
    tune.set_defaults(run=_tune)


def _demo(args: argparse.Namespace) -> int:
    if problem := _broken_import():
        return _say(problem, REFUSED)
    from .demo import run

    return run(args.json, sys.stdout)


def _doctor(args: argparse.Namespace) -> int:
    from .commands import WrongUsage
    from .doctor import run

    if args.selftest:
        return _selftest(args)
    if args.save:
        raise WrongUsage("--save needs --selftest: only the self-tests' report is saved")
    return run(args.json, sys.stdout)


def _selftest(args: argparse.Namespace) -> int:
    if problem := _broken_import():
        return _say(problem, REFUSED)
    from .selftest.command import run

    return run(args.json, args.save, sys.stdout)


def _targets(args: argparse.Namespace) -> int:
    from .commands import targets

    return targets(args.name, args.json, sys.stdout)


def _cache(args: argparse.Namespace) -> int:
    from .commands import cache_

    # A folder that cannot be written is a sentence for the user, not a line of our source.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        code = cache_(args.action, args.json, sys.stdout)
    for warning in caught:
        _say(f"warning: {warning.message}", code)
    return code


def _bench(args: argparse.Namespace) -> int:
    if problem := _broken_import():
        return _say(problem, REFUSED)
    from .bench.command import run, wanted_by

    return run(wanted_by(args), sys.stdout)


def _install(args: argparse.Namespace) -> int:
    from .commands import install_triton

    return install_triton(args.release, args.wheel, args.uninstall, args.json, sys.stdout)


def _emit(args: argparse.Namespace) -> int:
    if problem := _broken_import():
        return _say(problem, REFUSED)
    from .emit_command import run

    return run(
        args.script,
        args.arguments,
        target=args.target,
        kernel=args.kernel,
        json=args.json,
        stream=sys.stdout,
    )


def _report(args: argparse.Namespace) -> int:
    if problem := _broken_import():
        return _say(problem, REFUSED)
    from .report_command import run

    return run(
        args.script,
        args.after,
        chip=args.chip,
        json=args.json,
        html=args.html,
        stream=sys.stdout,
    )


def _tune(args: argparse.Namespace) -> int:
    if problem := _broken_import():
        return _say(problem, REFUSED)
    from .tune.command import checked_budget, run

    return run(
        args.script,
        args.after,
        target=args.target,
        chip=args.chip,
        budget=checked_budget(args.budget),
        json=args.json,
        stream=sys.stdout,
    )
