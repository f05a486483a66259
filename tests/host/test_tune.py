"""`python -m triton_mlx tune`: what is slower or wrong is not chosen, and launches use what won."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import triton
import triton.language as tl

import triton_mlx
from triton_mlx.lowering.record import Costs, Kernel
from triton_mlx.lowering.schedule import MODEL, Schedule
from triton_mlx.runtime import cli, host, lowered
from triton_mlx.runtime.native import cxx
from triton_mlx.runtime.report import history
from triton_mlx.runtime.target import Choice
from triton_mlx.runtime.tune import lookup, space
from triton_mlx.runtime.tune.lookup import Seen, listening
from triton_mlx.runtime.tune.measure import Checked
from triton_mlx.runtime.tune.replay import Replay
from triton_mlx.runtime.tune.store import Entry
from triton_mlx.runtime.tune.tuned import Result, place_for, tune

Change = Callable[[Kernel], Kernel]


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache without results, on a CPU with three widths of vectors that make the same code."""
    monkeypatch.setenv("TRITON_MLX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cxx, "vector_widths", lambda: (128, 256, 512))
    monkeypatch.setattr(cxx, "width_flags", lambda bits: ())
    monkeypatch.setattr(lookup, "_used", {})
    _forget()


@pytest.fixture
def doctored(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, Change]], None]:
    """Changes the code of kernels by the width of vectors that their schedules say (0: the model's)."""
    real = host.compiled

    def put(changes: dict[int, Change]) -> None:
        def compiled(kernel: Kernel) -> int:
            return real(changes.get(kernel.vector_bits, lambda k: k)(kernel))

        monkeypatch.setattr(host, "compiled", compiled)

    return put


def slow(kernel: Kernel) -> Kernel:
    """Sleeps 3 ms whenever a thread takes programs."""
    head = "int64_t begin, int64_t end) {"
    assert kernel.body.count(head) == 1
    body = 'extern "C" int usleep(unsigned);\n' + kernel.body
    return replace(kernel, body=body.replace(head, head + "\n  usleep(3000);"))


def wrong(kernel: Kernel) -> Kernel:
    """Adds 3 where the kernel adds 2."""
    assert "2.0f" in kernel.body
    return replace(kernel, body=kernel.body.replace("2.0f", "3.0f"))


@triton.jit
def shift_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + at, tl.load(x_ptr + at, mask=at < n) + 2.0, mask=at < n)


@triton.jit
def grow_kernel(x_ptr, total_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(x_ptr + at, x + 2.0, mask=at < n)
    tl.atomic_add(total_ptr + at * 0, 1, mask=at < n)


@triton.jit
def talk_kernel(x_ptr):
    tl.device_print("x", tl.load(x_ptr))


def shift(n: int = 256) -> mx.array:
    x, out = mx.arange(n, dtype=mx.float32), mx.zeros(n)
    shift_kernel[(triton.cdiv(n, 128),)](x, out, n, BLOCK=128)
    return out


def tuned(launch: Callable[[], Any], seconds: float = 60.0) -> list[Result]:
    """Tunes what `launch` launches on the host."""
    seen: list[Seen] = []
    _forget()
    with triton_mlx.use("host"), listening(seen.append):
        mx.eval(launch())
    place = place_for("host", "")
    return [tune(s, place, lambda: seconds <= 0) for s in seen]


def best_of(results: list[Result]) -> Entry:
    (result,) = results
    assert result.entry is not None, result.note
    return result.entry


def test_what_is_slower_on_purpose_is_not_chosen(doctored: Any) -> None:
    doctored({128: slow, 256: slow, 512: slow})
    (result,) = tuned(shift)
    assert best_of([result]).schedule == MODEL and result.tried == 3 and not result.refused


def test_what_is_faster_is_chosen_and_launches_use_it(doctored: Any) -> None:
    doctored({0: slow, 128: slow, 512: slow})
    plain = np.array(shift())
    entry = best_of(tuned(shift))
    assert entry.schedule == Schedule(vector_bits=256)
    assert entry.gain > 1.03 and entry.kind == "measured" and entry.rounds >= 7

    ran: list[int] = []
    doctored({0: lambda k: k, 256: lambda k: ran.append(1) or k})  # type: ignore[func-returns-value]
    _forget()
    with triton_mlx.use("host"):
        np.testing.assert_array_equal(np.array(shift()), plain)
    assert ran


def test_what_is_faster_and_wrong_is_rejected(doctored: Any) -> None:
    doctored({0: slow, 128: lambda k: slow(k), 256: wrong, 512: slow})
    (result,) = tuned(shift)
    assert best_of([result]).schedule == MODEL
    (refused,) = result.refused
    assert refused.schedule == Schedule(vector_bits=256)
    assert "its results are not those" in refused.refused


def _forget() -> None:
    """Launches are prepared anew, as in another process."""
    for kernel in (shift_kernel, grow_kernel, talk_kernel):
        kernel.device_caches.clear()


def test_a_report_names_the_schedule_and_use_turns_it_off(doctored: Any) -> None:
    doctored({0: slow, 128: slow, 512: slow})
    tuned(shift)
    _forget()
    with triton_mlx.use("host"):
        told = triton_mlx.fuse_report(shift)
        assert f"schedule: tuned, measured on {cxx.cpu_name()} (host, 20" in str(told)
        assert "256-bit vectors" in str(told)
        (group,) = told.to_json()["groups"]
        assert group["tuned"]["schedule"]["vector_bits"] == 256
    lookup._used.clear()
    with triton_mlx.use("host", tuned=False):
        told = triton_mlx.fuse_report(shift)
        assert "tuned" not in str(told)
        assert told.to_json()["groups"][0]["tuned"] is None


def test_other_sizes_keep_the_models_choice(doctored: Any) -> None:
    doctored({0: slow, 128: slow, 512: slow})
    tuned(shift)
    _forget()
    with triton_mlx.use("host"):
        shift(100_000)
        assert not lookup._used
        shift(320)  # within a factor of two of what was tuned, and a multiple of 16 too
        assert len(lookup._used) == 1


def test_kernels_that_change_their_arrays_begin_with_the_same(doctored: Any) -> None:
    doctored({0: slow, 128: wrong, 512: slow})
    x, total = mx.arange(256, dtype=mx.float32), mx.zeros(1, mx.int32)

    def grow() -> tuple[mx.array, mx.array]:
        grow_kernel[(2,)](x, total, 256, BLOCK=128)
        return x, total

    (result,) = tuned(grow)
    assert best_of([result]).schedule == Schedule(vector_bits=256)
    assert [t.schedule.vector_bits for t in result.refused] == [128]
    # The launch itself happened once.
    np.testing.assert_array_equal(np.array(x), np.arange(256) + 2)
    assert total.item() == 256


def test_launches_on_numpy_arrays_are_tuned_too(doctored: Any) -> None:
    doctored({0: slow, 128: slow, 512: slow})
    out = np.zeros(256, np.float32)

    def launch() -> mx.array:
        shift_kernel[(2,)](np.arange(256, dtype=np.float32), out, 256, BLOCK=128)
        return mx.zeros(1)

    assert best_of(tuned(launch)).schedule == Schedule(vector_bits=256)
    _forget()
    out[:] = 0
    with triton_mlx.use("host"):
        launch()
    assert len(lookup._used) == 1
    np.testing.assert_array_equal(out, np.arange(256) + 2)


def test_what_says_something_or_varies_is_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    def talk() -> mx.array:
        talk_kernel[(1,)](mx.zeros(1))
        return mx.zeros(1)

    (result,) = tuned(talk)
    assert result.entry is None and "prints or asserts" in result.note
    assert capfd.readouterr().out.count("x") <= 1


def test_without_time_nothing_is_tried() -> None:
    (result,) = tuned(shift, seconds=0)
    assert result.entry is None and "budget" in result.note


SCRIPT = """
import mlx.core as mx
import triton
import triton.language as tl
import triton_mlx

@triton.jit
def up_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + at, tl.load(x_ptr + at, mask=at < n) + 2.0, mask=at < n)

def up(x):
    out = mx.zeros(x.shape)
    up_kernel[(4,)](x, out, 512, BLOCK=128)
    return out

print("the script speaks")
x = mx.arange(512, dtype=mx.float32)
with triton_mlx.use("host"):
    {body}
"""


def command(tmp_path: Path, body: str, *options: str) -> int:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(body=body))
    history._scopes.clear()
    return cli.main(["tune", str(script), *options])


def test_the_command_shows_what_it_found(
    tmp_path: Path, doctored: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    doctored({0: slow, 128: slow, 512: slow})
    assert command(tmp_path, "mx.eval(up(x))", "--json") == 0
    said = capsys.readouterr()
    (kernel,) = json.loads(said.out)["kernels"]
    assert "the script speaks" in said.err
    assert (kernel["name"], kernel["kind"], kernel["target"]) == ("up_kernel", "measured", "host")
    assert kernel["place"] == f"{tmp_path / 'script.py'}:8"
    assert kernel["best"] == asdict(Schedule(vector_bits=256))
    assert kernel["gain"] > 1.03

    assert command(tmp_path, "mx.eval(up(x))") == 0
    shown = capsys.readouterr().out
    assert f"host, {cxx.cpu_name()}: measured" in shown and "256-bit vectors" in shown


def test_the_command_tunes_what_a_scope_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = "mx.eval(triton_mlx.fuse(lambda: up(up(x)))())"
    assert command(tmp_path, body, "--json") == 0
    (kernel,) = json.loads(capsys.readouterr().out)["kernels"]
    assert kernel["name"] == "fused_2" and kernel["best"] is not None
    (past,) = history.scopes()
    assert len(past.report.groups) == 1


def test_without_a_mac_metal_is_ranked_by_model_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if mx.metal.is_available():
        pytest.skip("here is a Mac")
    assert command(tmp_path, "mx.eval(up(x))", "--chip", "M1") == 0
    shown = capsys.readouterr().out
    assert "M1: RANKED BY A MODEL, nothing was measured" in shown
    assert "Launches do not use these" in shown
    assert command(tmp_path, "mx.eval(up(x))", "--chip", "M1", "--json") == 0
    (kernel,) = json.loads(capsys.readouterr().out)["kernels"]
    assert kernel["kind"] == "modelled" and kernel["model"].endswith("simdgroups")
    cache = tmp_path / "cache"
    assert list(cache.glob("tuned-modelled/*")) and not list(cache.glob("tuned-measured/*"))
    with triton_mlx.use("simulate", chip="M1"):
        shift()
    assert not lookup._used


def test_a_chip_that_nothing_ranks_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "mx.eval(up(x))", "--chip", "M3 Max", "--json") == 0
    (kernel,) = json.loads(capsys.readouterr().out)["kernels"]
    assert kernel["best"] is None and "is not known" in kernel["note"]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--budget", "soon"], 2, "--budget soon"),
        (["--budget", "-1"], 2, "--budget -1"),
        (["--chip", "M99"], 2, "M99"),
        (["--target", "host", "--chip", "M1"], 2, "--target host"),
    ],
)
def test_wrong_usage_is_a_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    says: str,
) -> None:
    assert command(tmp_path, "mx.eval(up(x))", *options) == code
    assert says in capsys.readouterr().err


def test_a_script_that_launches_nothing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "pass") == 1
    assert "launched no kernel" in capsys.readouterr().err


def test_axes_are_tried_where_programs_do_not_wait() -> None:
    from triton_mlx.runtime.inspect import last_launcher

    with triton_mlx.use("host"):
        shift()
        grow_kernel[(2,)](mx.zeros(256), mx.zeros(1, mx.int32), 256, BLOCK=128)
    plain, atomic = (
        lowered.function_of(last_launcher(k).text) for k in (shift_kernel, grow_kernel)
    )
    row = lowered.capability(Choice("host").arch)
    assert space.space(plain, row, (4, 4, 1), Costs())["axis"] == (1,)
    assert space.space(plain, row, (4, 1, 4), Costs())["axis"] == (2,)
    assert "axis" not in space.space(plain, row, (16, 1, 1), Costs())
    assert "axis" not in space.space(atomic, row, (4, 4, 1), Costs())


@triton.jit
def product_kernel(a_ptr, b_ptr, out_ptr, k, BLOCK: tl.constexpr):
    i, j = tl.arange(0, BLOCK)[:, None], tl.arange(0, BLOCK)[None, :]
    total = tl.zeros((BLOCK, BLOCK), tl.float32)
    for at in range(0, k, BLOCK):
        a = tl.load(a_ptr + i * k + at + j)
        total = tl.dot(a, tl.load(b_ptr + (at + i) * BLOCK + j), total)
    tl.store(out_ptr + i * BLOCK + j, total)


def test_stagings_of_products_are_tried_and_give_the_same_bits() -> None:
    seen: list[Seen] = []
    a, b = (mx.random.normal(s).astype(mx.float16) for s in ((32, 64), (64, 32)))
    with triton_mlx.use("host"), listening(seen.append):
        product_kernel[(1,)](a, b, mx.zeros((32, 32)), 64, BLOCK=32)
    place = place_for("metal", "M2 Pro")
    replay = Replay(seen[0], place.run_on)
    model = replay.kernel(MODEL)
    row = lowered.capability(place.run_on.arch)
    found = space.space(lowered.function_of(seen[0].text), row, (1, 1, 1), model.costs)
    assert {"simdgroups", "staging", "split", "unroll"} <= set(found)
    checked = Checked(replay)
    for staging in found["staging"]:
        assert checked.refusal(replace(model.choice, staging=staging)) == ""  # type: ignore[arg-type]
    result = tune(seen[0], place, lambda: False)
    assert result.entry is not None, result.note
    assert result.tried >= 3
