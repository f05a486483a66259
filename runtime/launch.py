"""The launch: arguments in, the right call for them, outputs bound to the arrays that were passed."""

from __future__ import annotations

import contextvars
import itertools
import operator
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from triton.runtime.jit import TensorWrapper

from ..fusion.errors import BadArgument
from ..lowering.record import BufferFacts, Kernel
from ..lowering.schedule import MODEL, Schedule
from . import lowered, native, transforms
from .descriptors import is_descriptor, types_of, values_of
from .pending import remember
from .report import history
from .target import SHAPES, current
from .tune.lookup import Finder

# Triton's scalar types → struct format of an 8-byte slot.
_FORMATS = {
    "i1": "?7x",
    "u1": "?7x",
    "i8": "q",
    "i16": "q",
    "i32": "q",
    "i64": "q",
    "u8": "Q",
    "u16": "Q",
    "u32": "Q",
    "u64": "Q",
    "fp16": "f4x",
    "bf16": "f4x",
    "fp32": "f4x",
    "f32": "f4x",
    "fp64": "d",
}

# MLX dtype → element type in C, in Metal's words.
_STORAGE = {
    "bool": "bool",
    "uint8": "uchar",
    "uint16": "ushort",
    "uint32": "uint",
    "uint64": "ulong",
    "int8": "char",
    "int16": "short",
    "int32": "int",
    "int64": "long",
    "float16": "half",
    "bfloat16": "bfloat",
    "float32": "float",
    "float64": "double",
    **dict.fromkeys(
        ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"), "uchar"
    ),
}


def dtype_of(storage: str) -> str:
    """The name of the MLX dtype whose elements are `storage` in C."""
    return next(name for name, word in _STORAGE.items() if word == storage)


# (one array per buffer, packed scalars, grid)
Call = Callable[[Sequence[Any], bytes, tuple[int, int, int]], None]

# The call, what it is told of its buffers, and whether some of them are not mx.arrays.
Prepared = tuple[Call, dict[int, BufferFacts], bool]

_MOST_PROOFS = (
    4096  # per prepared call; a kernel called with ever new scalars must not grow for ever
)

_numbers = itertools.count()

# What sees the launches of this thread: (launcher, call, arrays, scalars, grid); it makes the call.
Recorder = Callable[["Launcher", Call, Sequence[Any], bytes, tuple[int, int, int]], None]
recorder: contextvars.ContextVar[Recorder | None] = contextvars.ContextVar("recorder", default=None)


class LoadedKernel:
    """IR text of one compiled kernel."""

    def __init__(self, name: str, text: bytes):
        self.name = name
        self.text = text.decode()


@dataclass(frozen=True, slots=True)
class Signature:
    """Where the run-time arguments are among the call's arguments, and what they are."""

    places: tuple[int, ...]
    pointers: tuple[int, ...]  # positions within `places`
    packer: struct.Struct
    scalars: tuple[int, ...]
    scalar_types: tuple[str, ...]
    names: tuple[str, ...]


def _flatten(types: Sequence[Any], names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Types and names of the kernel's parameters: tuples and descriptors taken apart."""
    found: list[str] = []
    words: list[str] = []
    for t, name in zip(types, names, strict=True):
        parts = [t]
        if isinstance(t, (tuple, list)):
            parts, _ = _flatten(t, [name] * len(t))
        elif is_descriptor(t):
            parts = list(types_of(t))
        found.extend(parts)
        words.extend([name] * len(parts))
    return found, words


def _flatten_args(args: Sequence[Any], types: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for arg, t in zip(args, types, strict=True):
        if isinstance(t, (tuple, list)):
            found.extend(_flatten_args(arg, t))
        else:
            found.extend(values_of(arg) if is_descriptor(t) else [arg])
    return found


def signature_of(types: Sequence[str], names: Sequence[str]) -> Signature:
    places = tuple(i for i, t in enumerate(types) if t != "constexpr")
    kinds = [types[i] for i in places]
    pointers = tuple(k for k, t in enumerate(kinds) if t.startswith("*"))
    scalars = tuple(k for k, t in enumerate(kinds) if not t.startswith("*"))
    for k in scalars:
        if kinds[k] not in _FORMATS:
            raise BadArgument(
                f"an argument of type {kinds[k]}",
                hint="pass arrays, numbers, booleans, None or constexpr values",
            )
    packer = struct.Struct("<" + "".join(_FORMATS[kinds[k]] for k in scalars))
    return Signature(
        places,
        pointers,
        packer,
        scalars,
        tuple(kinds[k] for k in scalars),
        tuple(names[i] for i in places),
    )


def _getter(places: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What takes these places of a sequence."""
    if len(places) > 1:
        return operator.itemgetter(*places)
    return operator.itemgetter(slice(places[0], places[0] + 1) if places else slice(0))


def _owners(arrays: Sequence[Any]) -> tuple[int, ...]:
    """For each array, the first place of the same object."""
    first: dict[int, int] = {}
    return tuple([first.setdefault(id(a), k) for k, a in enumerate(arrays)])


class Launcher:
    """What Triton calls for one compiled kernel. Prepared calls are kept by what they depend on."""

    # id of a kernel function (hashing one takes long) → its last launcher, for triton_mlx.emit_last
    last: dict[int, Launcher] = {}

    def __init__(self, src: Any, metadata: Any):
        types = list(src.signature.values())
        nested = any(isinstance(t, (tuple, list)) or is_descriptor(t) for t in types)
        self.nested = types if nested else None
        self.signature = signature_of(*_flatten(types, list(src.signature)))
        self._arrays_in = _getter([self.signature.places[k] for k in self.signature.pointers])
        self._scalars_in = _getter([self.signature.places[k] for k in self.signature.scalars])
        self._apart = tuple(range(len(self.signature.pointers)))
        self.num_warps: int = metadata.num_warps
        self.function = getattr(src, "fn", None)
        self.choice = current()
        self.text = ""
        self._calls: dict[Any, Prepared] = {}
        self.last_facts: dict[int, BufferFacts] = {}
        self.last_sizes: tuple[int, ...] = ()
        self.last_scalars = b""
        self.last_grid = (1, 1, 1)
        # Triton keeps compiled text by source alone: the file that it names may be an equal, older one.
        code = getattr(getattr(self.function, "fn", None), "__code__", None)
        self.file: str = code.co_filename if code is not None else ""
        self.recorded: dict[Call, Any] = {}  # of runtime.capture
        self.anywhere: int | None = None  # see lowered.anywhere_in
        self.plain = 0  # launches outside every fuse scope
        self.number = next(_numbers)
        history.watch(self)

    def __call__(
        self,
        grid_x: int,
        grid_y: int,
        grid_z: int,
        stream: Any,
        loaded: LoadedKernel,
        packed: Any,
        launch_metadata: Any,
        enter: Any,
        leave: Any,
        *args: Any,
    ) -> None:
        if enter is not None:
            enter(launch_metadata)
        if grid_x > 0 and grid_y > 0 and grid_z > 0:
            self._launch((grid_x, grid_y, grid_z), loaded, args)
        elif min(grid_x, grid_y, grid_z) < 0:
            raise BadArgument(f"grid {(grid_x, grid_y, grid_z)}", why="an axis is negative")
        if leave is not None:
            leave(launch_metadata)

    def _launch(
        self, grid: tuple[int, int, int], loaded: LoadedKernel, args: Sequence[Any]
    ) -> None:
        if self.nested is not None:
            args = _flatten_args(args, self.nested)
        self._launch_on(grid, loaded, args)

    def _launch_on(
        self, grid: tuple[int, int, int], loaded: LoadedKernel, args: Sequence[Any]
    ) -> None:
        """`args`: of all parameters, constant ones too, with tuples and descriptors taken apart."""
        arrays = self._arrays_in(args)
        scalars = self._pack(args)
        apart = len(set(map(id, arrays))) == len(arrays)
        alias = self._apart if apart else _owners(arrays)
        try:
            key = (alias, tuple([a.dtype for a in arrays]))
            prepared = self._calls.get(key)
        except AttributeError:
            prepared = key = None
        if prepared is None:
            if any(isinstance(a, TensorWrapper) for a in args):  # triton.reinterpret made these
                plain = [a.base if isinstance(a, TensorWrapper) else a for a in args]
                self._launch_on(grid, loaded, plain)
                return
            prepared = self._calls[key] = self._prepare(loaded, arrays, alias)
        if not apart:
            arrays = [arrays[k] for k in sorted(set(alias))]
        self.make(prepared, arrays, scalars, grid)

    def make(
        self, prepared: Prepared, arrays: Sequence[Any], scalars: bytes, grid: tuple[int, int, int]
    ) -> None:
        """Launch on arrays, each once, of the dtypes that `prepared` is for."""
        call, self.last_facts, foreign = prepared
        self.last_sizes = tuple(
            [_count(a) for a in arrays] if foreign else [a.size for a in arrays]
        )
        if self.anywhere is not None:
            self.last_sizes = (*self.last_sizes, 0)
        record = recorder.get()
        try:
            if record is None:
                call(arrays, scalars, grid)
                self.plain += 1
            else:
                record(self, call, arrays, scalars, grid)
        except ValueError as error:
            transforms.refuse(error, lowered.function_of(self.text))
        self.last_scalars, self.last_grid = scalars, grid
        if self.function is not None:
            Launcher.last[id(self.function)] = self

    def prepared(self, call: Call) -> Prepared:
        """That which `call` is of."""
        return next(p for p in self._calls.values() if p[0] is call)

    def _pack(self, args: Sequence[Any]) -> bytes:
        signature = self.signature
        try:
            return signature.packer.pack(*self._scalars_in(args))
        except (struct.error, OverflowError, TypeError) as error:
            values = [args[i] for i in signature.places]
            for k, kind in zip(signature.scalars, signature.scalar_types):
                try:
                    struct.pack("<" + _FORMATS[kind], values[k])
                except (struct.error, OverflowError, TypeError):
                    raise BadArgument(
                        f"argument {signature.names[k]!r} = {values[k]!r}",
                        why=f"it does not fit {kind}",
                        hint="pass a number of that type",
                    ) from error
            raise

    def _prepare(
        self, loaded: LoadedKernel, arrays: Sequence[Any], alias: tuple[int, ...]
    ) -> Prepared:
        """Everything that depends on which arrays are the same and on their dtypes, not on values."""
        import mlx.core as mx

        from .arrays import is_memory

        names = [self.signature.names[k] for k in self.signature.pointers]
        foreign = [not isinstance(a, mx.array) for a in arrays]
        for name, array, other in zip(names, arrays, foreign):
            if other and not is_memory(array):
                raise BadArgument(
                    f"argument {name!r} is a {type(array).__module__}.{type(array).__name__}",
                    why="launches take mx.array, numpy arrays and torch CPU tensors",
                    hint="convert it to one of these",
                )
        self.text = loaded.text
        facts = {
            self.signature.pointers[k]: BufferFacts(_storage(a), self.signature.pointers[alias[k]])
            for k, a in enumerate(arrays)
        }
        self.anywhere = lowered.anywhere_in(self.text)
        if self.anywhere is not None:  # all memory, in bytes
            facts[self.anywhere] = BufferFacts("uchar", self.anywhere)
        if any(foreign) or self.anywhere is not None:
            if self.choice.name == SHAPES:
                name = names[foreign.index(True)] if any(foreign) else "memory"
                raise BadArgument(
                    f"argument {name!r} is no mx.array",
                    why="it would be changed, and here nothing runs",
                    hint="pass triton_mlx.Shaped(shape, dtype)",
                )
            from .memory_launch import prepare

            first = sorted(set(alias))
            places = [self.signature.pointers[k] for k in first]
            call = prepare(self, facts, places, [names[k] for k in first])
        else:
            call = _PREPARE[self.choice.name](self, facts)
        return call, facts, any(foreign) or self.anywhere is not None


def _count(array: Any) -> int:
    """Elements of an array; of a torch tensor too, where `size` is a method."""
    return int(array.numel() if callable(getattr(array, "numel", None)) else array.size)


def _storage(array: Any) -> str:
    name = str(array.dtype).rpartition(".")[2]
    if name not in _STORAGE:
        raise BadArgument(
            f"an array of dtype {name}",
            why="Triton has no such type",
            hint="cast it before the launch",
        )
    return _STORAGE[name]


def _prepare_host(
    launcher: Launcher, facts: dict[int, BufferFacts], schedule: Schedule | None = None
) -> Call:
    from .host import compiled
    from .native.cxx import NoCompiler

    def made(wanted: Schedule) -> tuple[Kernel, int]:
        kernel = lowered.kernel_for(launcher.text, "host", launcher.num_warps, facts, wanted)
        return kernel, compiled(kernel)

    find = Finder(launcher, facts, schedule)
    try:
        kernel, _ = made(schedule or MODEL)
    except NoCompiler as error:
        kernel = lowered.kernel_for(launcher.text, "host", launcher.num_warps, facts)
        return _prepare_numpy(launcher.text, kernel, facts, str(error))
    written = tuple(k for k, a in enumerate(kernel.accesses) if a.mode != "read")
    name, stack = kernel.name, kernel.stack_bytes
    known: dict[Any, tuple[tuple[bool, ...], int]] = {}

    def call(arrays: Sequence[Any], scalars: bytes, grid: tuple[int, int, int]) -> None:
        key = (scalars, grid, *[arrays[k].size for k in written])
        ready = known.get(key)
        if ready is None:
            if len(known) >= _MOST_PROOFS:
                known.clear()
            wanted = find(scalars, grid, key[2:], lambda: arrays)
            ready = known[key] = (_fresh(launcher.text, kernel, facts, key), made(wanted)[1])
        fresh, address = ready
        if kernel.sites:
            new = _launch_and_listen(kernel, address, arrays, written, fresh, scalars, grid)
        else:
            new = native.launch(address, tuple(arrays), written, fresh, scalars, grid, stack, name)
        for k, array in zip(written, new):
            native.rebind(arrays[k], array)
        remember([arrays[k] for k in written])

    return call


def _launch_and_listen(
    kernel: Kernel,
    address: int,
    arrays: Sequence[Any],
    written: tuple[int, ...],
    fresh: tuple[bool, ...],
    scalars: bytes,
    grid: tuple[int, int, int],
) -> tuple[Any, ...]:
    """A launch of a kernel that prints or asserts: it runs at once."""
    import mlx.core as mx

    from . import messages

    report = mx.zeros((messages.WORDS,), mx.uint32)
    *made, said = native.launch(
        address,
        (*arrays, report),
        (*written, len(arrays)),
        (*fresh, False),
        scalars,
        grid,
        kernel.stack_bytes,
        kernel.name,
        pure=False,
    )
    mx.eval(made, said)
    messages.deliver(kernel, memoryview(said))
    return tuple(made)


def _fresh(
    text: str, kernel: Kernel, facts: dict[int, BufferFacts], key: tuple[Any, ...]
) -> tuple[bool, ...]:
    """Per written buffer: the launch writes all of it and reads none, so old contents do not matter."""
    scalars, grid, *sizes = key
    written = [(p, a) for p, a in zip(kernel.buffers, kernel.accesses) if a.mode != "read"]
    wanted = {p: n for (p, a), n in zip(written, sizes) if a.only_stored}
    if not wanted:
        return (False,) * len(written)
    whole = lowered.covered(text, facts, wanted, kernel.scalars, scalars, grid, thorough=False)
    return tuple(p in whole for p, _ in written)


def _prepare_numpy(text: str, kernel: Kernel, facts: dict[int, BufferFacts], reason: str) -> Call:
    from . import fallback

    fallback.warn(reason)
    aliases = {k: f.same_as for k, f in facts.items()}
    written = tuple(k for k, a in enumerate(kernel.accesses) if a.mode != "read")

    def call(arrays: Sequence[Any], scalars: bytes, grid: tuple[int, int, int]) -> None:
        made = fallback.launch(text, kernel, aliases, arrays, scalars, grid)
        for k, new in zip(written, made):
            native.rebind(arrays[k], new)

    return call


def _prepare_metal(
    launcher: Launcher, facts: dict[int, BufferFacts], schedule: Schedule | None = None
) -> Call:
    from .metal import prepare

    return prepare(launcher, facts, schedule)


def _prepare_shapes(
    launcher: Launcher, facts: dict[int, BufferFacts], schedule: Schedule | None = None
) -> Call:
    from .report.ahead import prepare

    return prepare(launcher, facts)


_PREPARE: dict[str, Callable[..., Call]] = {
    "host": _prepare_host,
    "simulate": _prepare_metal,
    "metal": _prepare_metal,
    "cuda": _prepare_metal,
    SHAPES: _prepare_shapes,
}
