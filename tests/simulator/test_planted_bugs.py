"""Kernels with one bug each: the checker names it and its line, and says nothing of a good one."""

from __future__ import annotations

from dataclasses import dataclass

import mlx.core as mx
import numpy as np
import pytest

from triton_mlx.runtime.metal_call import MetalCall
from triton_mlx.runtime.simulator import SimulatorResult, simulate

SIZE, GROUP = 1024, 256
BARRIER = "threadgroup_barrier(mem_flags::mem_threadgroup);"
GOOD = f"""
  uint i = thread_position_in_grid.x;
  uint t = thread_index_in_threadgroup;
  uint lane = thread_index_in_simdgroup;
  uint sg = simdgroup_index_in_threadgroup;
  threadgroup float sh[8];
  float v = x[i];
  float s = simd_sum(v);
  if (lane == 0) sh[sg] = s;
  {BARRIER}
  float total = 0;
  for (int k = 0; k < 8; k++) total += sh[k];
  out[i] = v / total;
"""


def run(body: str, *, checked: bool = True, **more: object) -> SimulatorResult:
    call = MetalCall(
        name="planted",
        input_names=("x", "n"),
        output_names=("out",),
        source=body,
        header="",
        grid=(SIZE, 1, 1),
        threadgroup=(GROUP, 1, 1),
        output_shapes=((SIZE,),),
        output_dtypes=("float32",),
        **more,  # type: ignore[arg-type]
    )
    x = np.ones(SIZE, np.float32)
    x[::3] = -1
    return simulate(call, [mx.array(x), mx.array(SIZE)], checked=checked)


@dataclass(frozen=True, slots=True)
class Bug:
    """With `new` for `old` in the good kernel, `kind` is reported on the line with `at`."""

    old: str
    new: str
    kind: str
    at: str | None


BUGS = {
    "missing barrier": Bug(BARRIER, "", "RACE", "total += sh[k]"),
    "barrier for the wrong memory": Bug(
        "mem_flags::mem_threadgroup", "mem_flags::mem_device", "RACE", "total += sh[k]"
    ),
    "barrier of the simdgroup only": Bug(
        "threadgroup_barrier(", "simdgroup_barrier(", "RACE", "total += sh[k]"
    ),
    "read past an input": Bug("x[i]", "x[i + 1]", "OUT_OF_BOUNDS", "x[i + 1]"),
    "read far past an input": Bug("x[i]", "x[i + (1 << 20)]", "OUT_OF_BOUNDS", "x[i + (1"),
    "write before an output": Bug("out[i]", "out[(int)i - 1]", "OUT_OF_BOUNDS", "out[(int)i - 1]"),
    "write far before an output": Bug(
        "out[i]", "out[(long)i - 5000000]", "OUT_OF_BOUNDS", "out[(long)i"
    ),
    "into the next threadgroup variable": Bug(
        "float sh[8];",
        "float sh[8]; threadgroup float other[8]; threadgroup float* p = sh;"
        " if (t < 8) p[t + n - 1016] = 1;",
        "OUT_OF_BOUNDS",
        "p[t + n",
    ),
    "past a threadgroup array": Bug("k < 8", "k < 9", "OUT_OF_BOUNDS", "total += sh[k]"),
    "threadgroup memory never written": Bug(
        "if (lane == 0) sh", "if (lane == 0 && sg != 5) sh", "UNINITIALISED_READ", "total += sh[k]"
    ),
    "output read before it is written": Bug(
        "out[i] =", "out[i] +=", "UNINITIALISED_READ", "out[i] +="
    ),
    "two threadgroups write one element": Bug("out[i]", "out[t]", "RACE", "out[t]"),
    "output not fully written": Bug("out[i] =", "if (i % 7) out[i] =", "UNWRITTEN_OUTPUT", None),
    "barrier in a branch": Bug(
        "threadgroup_barrier", "if (sg < 4) threadgroup_barrier",
        "BARRIER_DIVERGENCE", "if (sg < 4)",
    ),
    "barrier in a branch within a simdgroup": Bug(
        "threadgroup_barrier", "if (lane < 4) threadgroup_barrier",
        "BARRIER_DIVERGENCE", "if (lane < 4)",
    ),
    "return before a barrier": Bug(
        "float v", "if (i >= 1000u) return; float v", "BARRIER_DIVERGENCE", "threadgroup_barrier"
    ),
    "simd function in a branch": Bug(
        "float s = simd_sum(v)", "float s = v; if (v > 0) s = simd_sum(v)",
        "SIMD_DIVERGENCE", "if (v > 0)",
    ),
    "write to an input": Bug(
        "float v = x[i]", "((device float*)x)[i] = 1; float v = x[i]", "WRITE_TO_CONST", "((device"
    ),
    "signed overflow": Bug(
        "float total = 0", "int q = n * 20000000; float total = q == 1", "OVERFLOW", "int q"
    ),
    "shift range": Bug(
        "float total = 0", "int q = 1 << (n + 30); float total = q == 1", "SHIFT_RANGE", "int q"
    ),
    "division by zero": Bug(
        "float total = 0", "int q = 7 / (n - 1024); float total = q == 1", "DIVISION", "int q"
    ),
    "float out of the integer's range": Bug(
        "float total = 0", "int q = int(1e10 * n); float total = q == 1",
        "FLOAT_TO_INT_RANGE", "int q",
    ),
    "too much threadgroup memory": Bug(
        "float sh[8];", "float sh[8192]; threadgroup int more[4]; if (t < 4) more[t] = 1;",
        "THREADGROUP_MEMORY", "threadgroup float sh",
    ),
}  # fmt: skip


@pytest.mark.parametrize("checked", [False, True])
def test_good_kernel_is_clean(checked: bool) -> None:
    result = run(GOOD, checked=checked)
    x = np.ones(SIZE, np.float32)
    x[::3] = -1
    totals = x.reshape(-1, GROUP).sum(1, keepdims=True)
    assert result.findings == ()
    np.testing.assert_array_equal(
        np.array(result.outputs[0]), (x.reshape(-1, GROUP) / totals).reshape(-1)
    )


@pytest.mark.parametrize("name", BUGS)
def test_bug_is_named_with_its_line(name: str) -> None:
    bug = BUGS[name]
    assert bug.old in GOOD
    found = run(GOOD.replace(bug.old, bug.new)).findings
    hits = [f for f in found if f.kind == bug.kind]
    assert hits, f"found only {found}"
    if bug.at is None:
        assert hits[0].line is None
    else:
        assert any(bug.at in f.source for f in hits), hits


def test_line_number_counts_in_the_text() -> None:
    call_text = GOOD.replace("x[i]", "x[i + 1]")
    finding = run(call_text).findings[0]
    call = MetalCall(
        "planted", ("x", "n"), ("out",), call_text, "", (1, 1, 1), (1, 1, 1), ((1,),), ("float32",)
    )
    lines = call.text([mx.zeros(SIZE), mx.array(1)]).text.split("\n")
    assert finding.line is not None
    assert lines[finding.line - 1].strip() == finding.source == "float v = x[i + 1];"


def test_divergence_comes_before_its_consequences() -> None:
    found = run(GOOD.replace("threadgroup_barrier", "if (sg < 4) threadgroup_barrier")).findings
    assert found[0].kind == "BARRIER_DIVERGENCE"
    assert {f.kind for f in found} >= {"RACE"}


def test_initialised_outputs_may_be_partial_and_read() -> None:
    result = run(GOOD.replace("out[i] =", "if (i % 7) out[i] +="), init_value=2.0)
    assert result.findings == ()
    assert result.outputs[0][0].item() == 2.0


def test_unchecked_mode_sees_writes_next_to_a_buffer() -> None:
    found = run(GOOD.replace("out[i]", "out[i + 1]"), checked=False).findings
    assert [f.kind for f in found] == ["OUT_OF_BOUNDS"]


REDUCTION = f"""
  threadgroup float sh[256];
  uint t = thread_index_in_threadgroup;
  uint i = thread_position_in_grid.x;
  sh[t] = x[i];
  {BARRIER}
  for (uint half_size = 128; half_size > 0; half_size >>= 1) {{
    float sum = sh[t] + sh[(t + half_size) & 255];
    {BARRIER}
    sh[t] = sum;
    {BARRIER}
  }}
  float total = sh[0] + float(n) * 0;
  {BARRIER}
  sh[t] = x[i] - total;
  {BARRIER}
  out[i] = sh[255 - t];
"""


def test_reduction_is_clean() -> None:
    assert run(REDUCTION).findings == ()


@pytest.mark.parametrize("which", range(REDUCTION.count(BARRIER)))
def test_every_barrier_of_a_reduction_is_needed(which: int) -> None:
    parts = REDUCTION.split(BARRIER)
    body = BARRIER.join(parts[: which + 1]) + BARRIER.join(parts[which + 1 :])
    assert "RACE" in {f.kind for f in run(body).findings}


LANES = """
  threadgroup float sh[256];
  uint t = thread_index_in_threadgroup;
  sh[t] = x[thread_position_in_grid.x];
  simdgroup_barrier(mem_flags::mem_threadgroup);
  float next = sh[t ^ 1];
  simdgroup_barrier(mem_flags::mem_threadgroup);
  sh[t] = next;
  out[thread_position_in_grid.x] = sh[t] + n * 0;
"""


def test_simdgroup_barrier_orders_lanes() -> None:
    assert run(LANES).findings == ()


@pytest.mark.parametrize("which", [0, 1])
def test_simdgroup_barrier_is_needed(which: int) -> None:
    line = "  simdgroup_barrier(mem_flags::mem_threadgroup);\n"
    parts = LANES.split(line)
    body = line.join(parts[: which + 1]) + line.join(parts[which + 1 :])
    assert "RACE" in {f.kind for f in run(body).findings}
