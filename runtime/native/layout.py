"""Loading the native module, and the proof that it reads this MLX's Python arrays rightly.

Run as a script with the module's path, in a process of its own: a wrong guess about MLX's private
layout may crash or hang there, and then the module is not used.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType


def open_module(path: str, threads: int) -> ModuleType:
    """The native module at `path`, ready for use. Raises ImportError or OSError."""
    import mlx.core as mx

    spec = importlib.util.spec_from_file_location("_hostprim", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = mx.array(0)
    local = getattr(mx, "ThreadLocalStream", None)
    module.init(mx.array, mx.Stream, local, mx.array.__copy__, model, threads)
    return module


def check(module: ModuleType) -> str:
    """What is wrong, or an empty string: shapes, item sizes, addresses, and one launch."""
    import mlx.core as mx
    import numpy as np

    cube = mx.arange(30, dtype=mx.int16).reshape(2, 3, 5)
    for array in (cube, mx.array(3.0), mx.zeros((0, 4))):
        mx.eval(array)
        shape, item, address, _ = module.inspect(array)
        view = np.array(array, copy=False)
        if shape != view.shape or item != view.itemsize:
            return f"an array of shape {view.shape} was read as {shape}, {item} bytes per item"
        if view.size and address != view.ctypes.data:
            return "the address of an array's data was read wrongly"
    x, y = mx.arange(5, dtype=mx.int32), mx.zeros(5, dtype=mx.int32)
    arguments = (b"", (5, 1, 1), 0, "probe", True, mx.default_stream(mx.cpu))
    (result,) = module.launch(module.probe, (x, y), (1,), (True,), *arguments)
    if module.inspect(result)[2]:
        return "a launch was not lazy"
    module.rebind(y, result)
    got = (y * 2).tolist()
    return "" if got == [2, 4, 6, 8, 10] else f"a launch gave {got}"


if __name__ == "__main__":
    problem = check(open_module(sys.argv[1], 2))
    if problem:
        sys.exit(problem)
