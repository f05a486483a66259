"""A whole kernel: parameters, body and preludes put together for a target."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from importlib import resources

from ..fusion.errors import TileTooLarge, UnsupportedOperation
from ..fusion.graph import Function, Value
from ..fusion.masks import address_conditions
from ..fusion.types import Scalar
from .emit import Emitter
from .names import Names
from .protocol import access, usages
from .record import Access, BufferFacts, Kernel
from .schedule import MODEL, Schedule
from .targets import Target
from .text import c_type
from .values import Values


def lower(
    function: Function,
    target: Target,
    simdgroups: int,
    facts: Mapping[int, BufferFacts],
    schedule: Schedule = MODEL,
) -> Kernel:
    """Source for `function`. `facts`: pointer parameter index → BufferFacts.

    `simdgroups` is what counts: that of `schedule` is for lower_to_fit.

    Raises the refusals of fusion/errors.py with the place in the user's kernel.
    """
    params = function.body.args
    if simdgroups * target.lanes > target.max_threads and target.lanes > 1:
        raise TileTooLarge(
            f"num_warps={simdgroups}",
            where=function.loc,
            why=f"a threadgroup has at most {target.max_threads} threads",
            hint=f"num_warps={target.max_threads // target.lanes} or fewer",
        )
    aliases = {params[k]: params[f.same_as] for k, f in facts.items()}
    values = Values(function)
    used = usages(function.body, values, aliases)
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
    emitter = Emitter(function, target, simdgroups, accesses, order, words, given)
    body = emitter.body()
    pieces = [(names[k], function.parameters[k].type.scalar) for k in scalars]
    ordered = tuple(accesses[params[k]] for k in buffers)
    _check_fill(accesses, bool(emitter.sites))
    inputs = tuple(k for k, a in enumerate(ordered) if re.search(rf"\b{a.old}\[", body))
    if target.restricts:
        body = _restricted(body, [ordered[k].old for k in inputs], ordered)
    on_host = target.lanes == 1
    if on_host:
        header, source = _host(emitter, body, ordered, pieces, overlaps, schedule.axis or 0)
        if schedule != MODEL:
            emitter.notes.append(str(schedule))
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
        emitter.product_reads,
        (schedule.vector_bits or 0) if on_host else 0,
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


def _check_fill(accesses: Mapping[Value, Access], messages: bool) -> None:
    """MLX fills all outputs of a kernel with one number before it starts, or none."""
    zero = messages or any(
        a.mode == "merged" or a.combine not in ("", "and") for a in accesses.values()
    )
    if zero and any(a.combine == "and" for a in accesses.values()):
        raise UnsupportedOperation(
            "an atomic and beside outputs that start from zero",
            why="MLX starts all outputs of a kernel from one number",
            hint="split the kernel, or run with triton_mlx.use('host')",
        )


@functools.cache
def prelude(name: str) -> str:
    """Text of a header of lowering/preludes."""
    return resources.files(__package__).joinpath("preludes").joinpath(name).read_text()


def _threads(
    emitter: Emitter,
    body: str,
    accesses: Sequence[Access],
    scalars: Sequence[tuple[str, Scalar]],
) -> tuple[str, str]:
    """(header, source) for mx.fast.metal_kernel or mx.fast.cuda_kernel."""
    lines = [
        "  TILE_NO_CONTRACTION",
        "  const int lane = (int)thread_index_in_simdgroup;",
        "  const int sg = (int)simdgroup_index_in_threadgroup;",
        "  const int tid = (int)thread_index_in_threadgroup;",
    ]
    if emitter.arena.bytes:
        lines.append(f"  alignas(16) {emitter.target.shared} uchar arena[{emitter.arena.bytes}];")
    for k, (name, scalar) in enumerate(scalars):
        lines.append(f"  const {c_type(scalar)} {name} = {_unpack_words(k, scalar)};")
    header = "".join(prelude(name) for name in emitter.target.preludes)
    header += emitter.target.entry.format(threads=emitter.threads)
    return header, "\n".join(lines) + "\n" + body


def _restricted(body: str, inputs: Sequence[str], accesses: Sequence[Access]) -> str:
    """`body` as a function of arrays that do not overlap; where it matters, one for aligned inputs too."""
    written = [a for a in accesses if a.mode != "read"]
    outputs = [a.new for a in written] + [a.flag for a in written if a.mode == "merged"]
    parameters = [
        *(f"const auto* __restrict__ {n}" for n in inputs),
        *(f"auto* __restrict__ {n}" for n in outputs),
    ]
    arguments = ", ".join([*inputs, *outputs])
    lines = [
        f"  const auto program = [&](const auto aligned, {', '.join(parameters)}) {{",
        body + "  };",
    ]
    unknown = f"program(tile_false(), {arguments});"
    if "tile_load_aligned" in body:
        asked = " && ".join(f"tile_aligned({n})" for n in inputs)
        lines += [f"  if ({asked}) program(tile_true(), {arguments});", f"  else {unknown}"]
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
