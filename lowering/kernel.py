"""A whole kernel: parameters, body and preludes put together for a target."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources

from ..fusion.errors import TileTooLarge
from ..fusion.graph import Function, Value
from ..fusion.masks import address_conditions
from ..fusion.types import Scalar
from . import addresses, progress
from .emit import Emitter
from .names import Names
from .protocol import access, usages
from .record import Access, BufferFacts, Kernel
from .schedule import MODEL, Schedule
from .targets import Target
from .text import c_type
from .values import Values


def lower(
    function: Function, target: Target, choice: Schedule, facts: Mapping[int, BufferFacts]
) -> Kernel:
    """Source for `function`, by `choice`. `facts`: pointer parameter index → BufferFacts.

    Raises the refusals of fusion/errors.py with the place in the user's kernel.
    """
    params, simdgroups = function.body.args, choice.simdgroups or 1
    if simdgroups * target.lanes > target.max_threads and target.lanes > 1:
        raise TileTooLarge(
            f"num_warps={simdgroups}",
            where=function.loc,
            why=f"a threadgroup has at most {target.max_threads} threads",
            hint=f"num_warps={target.max_threads // target.lanes} or fewer",
        )
    aliases = {params[k]: params[f.same_as] for k, f in facts.items()}
    values = Values(function)
    if not target.in_place:
        addresses.check(function, values)
    used = usages(function.body, values, aliases)
    if not target.in_place:
        progress.check(function.body, values)
    given = Names(numbered=target.lanes == 1)
    buffers: list[int] = []
    accesses: dict[Value, Access] = {}
    for k in sorted(facts):
        owner = facts[k].same_as
        if owner not in buffers:
            buffers.append(owner)
            usage = used.get(params[owner])
            name = given.buffer(function.parameters[owner].name, owner)
            made = (
                Access(name, facts[k].storage, "read")
                if usage is None
                else access(
                    name,
                    facts[k].storage,
                    usage,
                    target,
                    facts[k].covered,
                    facts[k].visited
                    and _guards_are_light(function, values, aliases, params[owner]),
                )
            )
            accesses[params[owner]] = made
        accesses[params[k]] = accesses[params[owner]]
    scalars = tuple(k for k, p in enumerate(function.parameters) if not p.type.is_pointer)
    names = {k: given.named(function.parameters[k].name, k) for k in scalars}
    overlaps = any(f.overlaps for f in facts.values())
    order = {params[k]: params[min(facts)] for k in facts} if overlaps else aliases
    words = {params[k]: names[k] for k in scalars}
    accesses = _from_one_number(function, accesses)
    emitter = Emitter(function, target, choice, accesses, order, words, given)
    body = emitter.body()
    pieces = [(names[k], function.parameters[k].type.scalar) for k in scalars]
    ordered = tuple(accesses[params[k]] for k in buffers)
    inputs = tuple(k for k, a in enumerate(ordered) if re.search(rf"\b{a.old}\[", body))
    if target.restricts:
        body = _restricted(body, [ordered[k].old for k in inputs], ordered)
    on_host = target.lanes == 1
    if on_host:
        header, source = _host(emitter, body, ordered, pieces, overlaps, choice.axis or 0)
        if replace(choice, simdgroups=None) != MODEL:
            emitter.notes.append(str(replace(choice, simdgroups=None)))
    else:
        header, source = _threads(emitter, body, ordered, pieces)
    return Kernel(
        function.name,
        target.name,
        source,
        header,
        ordered,
        tuple(buffers),
        scalars,
        inputs,
        emitter.threads,
        emitter.arena.bytes,
        emitter.tile_bytes,
        tuple(emitter.sites),
        0 if on_host else emitter.pressure.registers,
        "; ".join(dict.fromkeys(emitter.notes)),
        emitter.costs,
        choice,
        (choice.vector_bits or 0) if on_host else 0,
        emitter.arena.bytes if emitter.arena.bytes > target.threadgroup_bytes else 0,
    )


def _guards_are_light(
    function: Function, values: Values, aliases: Mapping[Value, Value], buffer: Value
) -> bool:
    """True if what stores to `buffer` know of their places can be said anew at each of them."""
    for node in function.body.walk():
        if node.op == "store" and len(node.inputs) > 2:
            base = values.base(node.inputs[0])
            if base is not None and aliases.get(base, base) == buffer:
                known = address_conditions(node.inputs[2], values.made)
                if not all(values.is_light(v) for v in known):
                    return False
    return True


def _from_one_number(function: Function, accesses: Mapping[Value, Access]) -> dict[Value, Access]:
    """MLX fills all outputs of a kernel with one number before it starts, or none.

    So what is to start from all ones, because it gathers an "and", does so only where nothing starts from zero.
    """
    zero = any(n.op in ("print", "assert") for n in function.body.walk()) or any(
        a.mode in ("merged", "xored") or a.combine not in ("", "and") for a in accesses.values()
    )
    if not zero:
        return dict(accesses)
    return {
        v: replace(a, mode="xored", combine="") if a.combine == "and" else a
        for v, a in accesses.items()
    }


@functools.cache
def prelude(name: str) -> str:
    """Text of a header of lowering/preludes."""
    return resources.files(__package__).joinpath("preludes").joinpath(name).read_text()


_PLACES = (
    ("lane", "thread_index_in_simdgroup"),
    ("sg", "simdgroup_index_in_threadgroup"),
    ("tid", "thread_index_in_threadgroup"),
)


def _says(body: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", body) is not None


def _threads(
    emitter: Emitter,
    body: str,
    accesses: Sequence[Access],
    scalars: Sequence[tuple[str, Scalar]],
) -> tuple[str, str]:
    """(header, source) for mx.fast.metal_kernel or mx.fast.cuda_kernel."""
    lines = ["  TILE_NO_CONTRACTION"]
    lines += [f"  const int {n} = (int){word};" for n, word in _PLACES if _says(body, n)]
    if emitter.arena.bytes:
        lines.append(f"  {_arena(emitter)}")
    for k, (name, scalar) in enumerate(scalars):
        if _says(body, name):
            lines.append(f"  const {c_type(scalar)} {name} = {_unpack_words(k, scalar)};")
    names = list(emitter.target.preludes)
    if any(a.mode == "xored" for a in accesses):
        names.insert(names.index("thread_words.h") + 1, "xored_words.h")
    header = "".join(map(prelude, [*names, *dict.fromkeys(emitter.headers)]))
    if emitter.target.entry:
        programs = _programs(emitter)
        header += emitter.target.entry.format(threads=emitter.threads, programs=programs)
    return header, "\n".join(lines) + "\n" + body


# A thread has this many registers where a core is full of threads.
_FEWEST = 32
# What the compiler may be asked to save of the registers that are estimated, by a few spills, and bytes that
# the programs of a core shall load at once: with fewer, memory is waited for. Measured on an H100.
_SAVED = 0.75
_LOADED = 1 << 16


def _programs(emitter: Emitter) -> int:
    """How many programs shall share a core: as many as its registers hold, or more where they load little."""
    held = _held(emitter, 1.0)
    if emitter.costs.multiplications:
        return held
    loads = (n.types[0] for n in emitter.function.body.walk() if n.op == "load")
    most = max((t.size * t.scalar.bytes for t in loads), default=_LOADED)
    return max(held, min(_held(emitter, _SAVED), -(-_LOADED // most)))


def _held(emitter: Emitter, saved: float) -> int:
    registers = max(_FEWEST, emitter.pressure.registers * saved)
    return max(1, int(emitter.target.core_registers // (emitter.threads * registers)))


def _arena(emitter: Emitter) -> str:
    """The declaration of threadgroup memory; what no kernel may declare is asked for at the launch."""
    size, target = emitter.arena.bytes, emitter.target
    if size > target.threadgroup_bytes:
        return f"extern {target.shared} __align__(16) uchar arena[];"
    return f"alignas(16) {target.shared} uchar arena[{size}];"


def _restricted(body: str, inputs: Sequence[str], accesses: Sequence[Access]) -> str:
    """`body` as a function of arrays that do not overlap; where it matters, one for aligned inputs too."""
    written = [a for a in accesses if a.mode != "read"]
    outputs = [a.new for a in written] + [a.flag for a in written if a.mode == "merged"]
    parameters = [
        *(f"const auto* __restrict__ {n}" for n in inputs),
        *(f"auto* __restrict__ {n}" for n in outputs),
    ]
    arguments = [*inputs, *outputs]
    lines = [
        f"  const auto program = [&]({', '.join(['const auto aligned', *parameters])}) {{",
        body + "  };",
    ]
    known, unknown = (
        f"program({', '.join([w, *arguments])});" for w in ("tile_true()", "tile_false()")
    )
    if "tile_load_aligned" in body:
        asked = " && ".join(f"tile_aligned({n})" for n in inputs)
        lines += [f"  if ({asked}) {known}", f"  else {unknown}"]
    else:
        lines.append(f"  {unknown}")
    return "\n".join(lines) + "\n"


def _unpack_words(slot: int, scalar: Scalar) -> str:
    low = f"scalars[{2 * slot}]"
    if scalar.name == "i64":
        return f"as_type<long>(uint2({low}, scalars[{2 * slot + 1}]))"
    if scalar.is_float:
        return f"{c_type(scalar)}(as_type<float>({low}))"
    if scalar.name == "i1":
        return f"({low} & 1) != 0"
    return f"static_cast<{c_type(scalar)}>({low})"


def _host(
    emitter: Emitter,
    body: str,
    accesses: Sequence[Access],
    scalars: Sequence[tuple[str, Scalar]],
    overlaps: bool,
    axis: int,
) -> tuple[str, str]:
    """(header, source) of a C++ file whose function runs a range of programs, along `axis` first."""
    restrict = "" if overlaps or emitter.synchronises else " __restrict"
    params = [
        f"{'const ' if a.mode == 'read' else ''}{a.storage}*{restrict} {a.name}" for a in accesses
    ]
    params += [f"const {c_type(s)} {n}" for n, s in scalars]
    params += ["uint* report"] * bool(emitter.sites)
    params += ["const uint3 threadgroup_position_in_grid", "const uint3 threadgroups_per_grid"]
    args = [f"({a.storage}*)buffers[{k}]" for k, a in enumerate(accesses)]
    args += [_unpack_bytes(k, s) for k, (_, s) in enumerate(scalars)]
    args += [f"(uint*)buffers[{len(accesses)}]"] * bool(emitter.sites)
    source = "\n".join(
        [
            f"static void program({', '.join(params)}) {{",
            body + "}",
            "",
            'extern "C" int triton_kernel(void* const* buffers, const void* scalars,',
            "                             const int64_t* grid, int64_t begin, int64_t end) {",
            "  const uint3 count = {(uint)grid[0], (uint)grid[1], (uint)grid[2]};",
            "  for (int64_t p = begin; p < end; ++p) {",
            *_place(axis),
            f"    program({', '.join([*args, 'at', 'count'])});",
            "  }",
            "  return 0;",
            "}",
            "",
        ]
    )
    return "\n".join([_host_headers(), prelude("words.h"), prelude("host_words.h")]), source


def _place(axis: int) -> list[str]:
    """Statements that make the place of program number p in the grid."""
    first, second, third = axis, *(k for k in range(3) if k != axis)
    x, y, z = (
        {
            first: f"p % grid[{first}]",
            second: f"p / grid[{first}] % grid[{second}]",
            third: f"p / (grid[{first}] * grid[{second}])",
        }[k]
        for k in range(3)
    )
    return [
        f"    const uint3 at = {{(uint)({x}), (uint)({y}),",
        f"                      (uint)({z})}};",
    ]


def _host_headers() -> str:
    """host.h with its own includes put in place."""
    lines = []
    for line in prelude("host.h").splitlines():
        if line.startswith('#include "'):
            lines.append(prelude(line.split('"')[1]))
        else:
            lines.append(line)
    return "\n".join(lines)


def _unpack_bytes(slot: int, scalar: Scalar) -> str:
    place = f"(const char*)scalars + {8 * slot}"
    if scalar.name in ("f16", "bf16"):
        return f"{c_type(scalar)}(*(const float*)({place}))"
    if scalar.name == "i1":
        return f"*(const unsigned char*)({place}) != 0"
    return f"*(const {c_type(scalar)}*)({place})"
