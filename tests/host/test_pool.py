"""The thread pool of the host target, through its plain C entry."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import textwrap
import threading
import warnings

import numpy as np
import pytest

from triton_mlx.runtime.native import cxx, eager

SOURCE = """
#include <cstdint>
#include <atomic>
#include <chrono>
#include <thread>
#include <unistd.h>
#include <sys/syscall.h>
#define KERNEL(NAME) extern "C" int NAME(void* const* b, const void* s, const int64_t* g, \\
                                         int64_t lo, int64_t hi)
KERNEL(count) {
  for (int64_t p = lo; p < hi; p++) ((std::atomic<int32_t>*)b[0])[p].fetch_add(1);
  return 0;
}
KERNEL(who) {
  for (int64_t p = lo; p < hi; p++) ((int64_t*)b[0])[p] = syscall(SYS_gettid);
  return 0;
}
KERNEL(nap) {  // the first programs take long, so that others have to take over
  for (int64_t p = lo; p < hi; p++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(p < 2 ? 20 : 1));
    ((int64_t*)b[0])[p] = syscall(SYS_gettid);
  }
  return 0;
}
KERNEL(deep) {  // uses 16 MB of stack
  volatile char block[16 << 20];
  for (long i = 0; i < (16 << 20); i += 4096) block[i] = 1;
  for (int64_t p = lo; p < hi; p++) ((int64_t*)b[0])[p] = block[4096];
  return 0;
}
KERNEL(fail) {
  for (int64_t p = lo; p < hi; p++) {
    ((std::atomic<int32_t>*)b[0])[p].fetch_add(1);
    if (p == 5) return 42;
  }
  return 0;
}
"""
NO_THREAD, TOO_LARGE = -1001, -1002


@pytest.fixture(scope="module")
def kernels() -> ctypes.CDLL:
    return ctypes.CDLL(str(cxx.compile_shared(SOURCE, name="pool_tests.so", kind="test")))


def run(
    kernels: ctypes.CDLL,
    name: str,
    out: np.ndarray,
    grid: tuple[int, int, int] | None = None,
    threads: int = 4,
    stack: int = 0,
) -> int:
    fn = ctypes.cast(getattr(kernels, name), ctypes.c_void_p)
    buffers = (ctypes.c_void_p * 1)(out.ctypes.data)
    sizes = (ctypes.c_int64 * 3)(*(grid or (out.size, 1, 1)))
    return int(eager.pool_library().tmlx_run(fn, buffers, b"", sizes, threads, stack))


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("grid", [(1, 1, 1), (2, 1, 1), (7, 3, 2), (1000, 1, 1), (10, 100, 100)])
def test_every_program_runs_once(
    kernels: ctypes.CDLL, threads: int, grid: tuple[int, int, int]
) -> None:
    for stack in (0, 1 << 20):
        for _ in range(5):
            out = np.zeros(int(np.prod(grid)) + 1, np.int32)
            assert run(kernels, "count", out, grid, threads, stack) == 0
            assert out[:-1].tolist() == [1] * (out.size - 1)
            assert out[-1] == 0


@pytest.mark.parametrize("grid", [(0, 1, 1), (4, 0, 1), (4, 4, -1)])
def test_empty_grid_runs_nothing(kernels: ctypes.CDLL, grid: tuple[int, int, int]) -> None:
    out = np.zeros(16, np.int32)
    assert run(kernels, "count", out, grid) == 0
    assert not out.any()


def test_long_programs_spread_over_threads(kernels: ctypes.CDLL) -> None:
    out = np.zeros(24, np.int64)
    assert run(kernels, "nap", out, threads=4) == 0
    assert 2 <= len(set(out.tolist())) <= 4
    assert threading.get_native_id() in out


def test_one_program_stays_in_the_calling_thread(kernels: ctypes.CDLL) -> None:
    out = np.zeros(1, np.int64)
    assert run(kernels, "nap", out) == 0
    assert out[0] == threading.get_native_id()


def test_short_launches_stay_in_the_calling_thread_once_known(kernels: ctypes.CDLL) -> None:
    out = np.zeros(4, np.int64)
    inline = 0
    for _ in range(50):
        assert run(kernels, "who", out) == 0
        inline += set(out.tolist()) == {threading.get_native_id()}
    assert inline > 25


def test_one_thread_uses_no_other(kernels: ctypes.CDLL) -> None:
    out = np.zeros(30, np.int64)
    assert run(kernels, "nap", out, threads=1) == 0
    assert set(out.tolist()) == {threading.get_native_id()}


def test_large_stack_runs_on_workers(kernels: ctypes.CDLL) -> None:
    out = np.zeros(4, np.int64)
    assert run(kernels, "deep", out, stack=17 << 20) == 0
    assert out.tolist() == [1] * 4
    who = np.zeros(4, np.int64)
    assert run(kernels, "who", who, stack=17 << 20) == 0
    assert threading.get_native_id() not in who


def test_too_large_stack_is_refused(kernels: ctypes.CDLL) -> None:
    out = np.zeros(4, np.int32)
    assert run(kernels, "count", out, stack=1 << 40) == TOO_LARGE
    assert not out.any()
    assert eager.pool_library().tmlx_error_text(TOO_LARGE)
    assert not eager.pool_library().tmlx_error_text(42)


def test_error_code_comes_back_and_the_pool_goes_on(kernels: ctypes.CDLL) -> None:
    for threads in (1, 4):
        out = np.zeros(100_000, np.int32)
        assert run(kernels, "fail", out, threads=threads) == 42
        assert out[5] == 1
        assert out.max() == 1
    out = np.zeros(100, np.int32)
    assert run(kernels, "count", out) == 0
    assert out.all()


def test_several_calling_threads(kernels: ctypes.CDLL) -> None:
    wrong: list[str] = []

    def work() -> None:
        for size in (1, 3, 50, 5000):
            for stack in (0, 1 << 20):
                out = np.zeros(size, np.int32)
                code = run(kernels, "count", out, threads=3, stack=stack)
                if code or not (out == 1).all():
                    wrong.append(f"{size} {stack}: {code}")

    callers = [threading.Thread(target=work) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert not any(c.is_alive() for c in callers)
    assert wrong == []


def test_forked_child_has_a_pool_of_its_own(kernels: ctypes.CDLL) -> None:
    assert run(kernels, "nap", np.zeros(8, np.int64)) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        out = np.zeros(8, np.int64)
        code = run(kernels, "nap", out, stack=1 << 20)
        os._exit(0 if code == 0 and len(set(out.tolist())) > 1 and out.all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert run(kernels, "nap", np.zeros(8, np.int64)) == 0


ALONE = textwrap.dedent(
    """
    import ctypes, os, sys, threading, time
    from triton_mlx.runtime.native import eager
    lib, kernels = eager.pool_library(), ctypes.CDLL(sys.argv[1])
    def run(n, threads=4, name="nap"):
        out = (ctypes.c_int64 * n)()
        fn = ctypes.cast(getattr(kernels, name), ctypes.c_void_p)
        buffers = (ctypes.c_void_p * 1)(ctypes.addressof(out))
        assert lib.tmlx_run(fn, buffers, b"", (ctypes.c_int64 * 3)(n, 1, 1), threads, 0) == 0
    def tasks():
        return set(os.listdir("/proc/self/task"))
    """
)


def alone(code: str, library: ctypes.CDLL) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ALONE + textwrap.dedent(code), library._name],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs /proc")
def test_threads_start_on_first_need_and_sleep_when_idle(kernels: ctypes.CDLL) -> None:
    out = alone(
        """
        before = tasks()
        run(1)
        assert tasks() == before
        run(12)
        new = tasks() - before
        def state(task):
            fields = open(f"/proc/self/task/{task}/stat").read().rsplit(")", 1)[1].split()
            return fields[0], int(fields[11]) + int(fields[12])
        def quiet():
            first = [state(t) for t in new]
            time.sleep(0.2)
            return first == [state(t) for t in new] and all(s == "S" for s, _ in first)
        assert any(quiet() for _ in range(20)), [state(t) for t in new]
        print(len(new))
        """,
        kernels,
    )
    assert out == "3"


def test_process_ends_while_a_launch_runs(kernels: ctypes.CDLL) -> None:
    code = """
    threading.Thread(target=run, args=(100_000,), daemon=True).start()
    time.sleep(0.05)
    print("end")
    """
    assert alone(code, kernels) == "end"
