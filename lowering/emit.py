"""The emitter: blocks of steps and control flow become statements. One emitter serves every target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..fusion.axis import Axis, analyse, unknown
from ..fusion.errors import PointerProvenance, TileTooLarge, UnsupportedType
from ..fusion.graph import Function, Graph, Node, Value
from ..fusion.ops import OPS, start_of
from ..fusion.types import I64, Scalar
from ..fusion.views import identity
from . import control, dot, exchange, expr, gather, group, indexes, scan
from .accesses import Memory
from .coarse import coarse
from .comments import lines_of
from .homes import Homes
from .layout import Layout
from .names import Names
from .nest import Nest, thread_text
from .pressure import Pressure
from .products import products, wishes
from .record import Access, Costs, Site
from .schedule import Schedule
from .scope import Scope, Storage
from .steps import Plan, Step, schedule
from .targets import Target
from .text import Writer, c_type, literal
from .values import Values
from .vectors import VectorNest

_SMALL_CONSTANT = 1 << 24
# Of `Target.plain_loop`.
_PLAIN_TURNS = 4
_Targets = Mapping[Value, tuple[Storage, Value | None]]


class Emitter:
    """Writes the body of one kernel. `accesses`: parameter → how its buffer is reached.

    `aliases`: parameter → the parameter that stands for its buffer.
    `scalar_words`: scalar parameter → the text that reads it. `names`: those and the buffers' are taken.
    """

    def __init__(
        self,
        function: Function,
        target: Target,
        choice: Schedule,
        accesses: Mapping[Value, Access],
        aliases: Mapping[Value, Value],
        scalar_words: Mapping[Value, str],
        names: Names,
    ):
        self.function, self.target, self.choice = function, target, choice
        self.simdgroups = 0 if target.lanes == 1 else choice.simdgroups or 1
        self.values = Values(function)
        self._axes = analyse(function) if target.vectors else {}
        planned = products(
            function,
            self.simdgroups,
            target.units,
            direct=choice.staging == "direct",
        )
        hopes = wishes(function, self.values, planned)
        self.homes = Homes(
            function.body, self.values, self.simdgroups, planned, hopes, self.axis, self._vector()
        )
        self.accesses, self.aliases = accesses, aliases
        self.memory = Memory(aliases, self._split(), self.synchronises, self.simdgroups == 0)
        self.out = Writer()
        self.scalars: dict[Value, str] = dict(scalar_words)
        self._storage: dict[tuple[Value, Layout], Storage] = {}
        self.names = names
        self._plain: dict[Value, bool] = {}
        self.arena = exchange.Arena(self)
        self.tile_bytes = 0
        self.pressure = Pressure()
        self.sites: list[Site] = []
        self.notes: list[str] = []  # of what was chosen, for Kernel.schedule
        self.costs = Costs()
        self.headers: list[str] = []  # preludes beside the target's own
        # Node id of a product → what loads its next operands while it multiplies.
        self.ahead: dict[int, Callable[[], None]] = {}
        self.index_bits = indexes.from_booleans(function.body)

    def _vector(self) -> int:
        """Neighbours that a thread holds: as many as the widest access of the largest elements takes."""
        moved = (
            (n.types[0] if n.op == "load" else n.inputs[1].type)
            for n in self.function.body.walk()
            if n.op in ("load", "store")
        )
        return self.target.widest(max((t.scalar.bytes for t in moved if t.shape), default=8))

    @property
    def threads(self) -> int:
        return max(1, self.simdgroups) * self.target.lanes

    @property
    def synchronises(self) -> bool:
        """True if the kernel has atomics: other programs may then write what this one reads."""
        return any(n.op.startswith("atomic") for n in self.function.body.walk())

    def _split(self) -> frozenset[Value]:
        """Buffers whose loads and stores are in different memory, and no load asks which to take."""
        found: dict[Value, set[Access]] = {}
        for parameter, access in self.accesses.items():
            found.setdefault(self.aliases.get(parameter, parameter), set()).add(access)
        apart = ("fresh", "merged", "combined")
        return frozenset(
            buffer
            for buffer, (one, *others) in found.items()
            if not others and one.mode in apart and not one.reads_back
        )

    def body(self) -> str:
        """The statements of the kernel."""
        self._check_types(self.function.body)
        self.block(self.function.body, {})
        if self.target.stack_bytes and self.tile_bytes > self.target.stack_bytes:
            raise TileTooLarge(
                f"the tiles of one program take {self.tile_bytes} bytes",
                where=self.function.loc,
                why=f"a program has {self.target.stack_bytes} bytes on {self.target.name}",
                hint="use smaller block sizes",
            )
        return self.out.text()

    def _check_types(self, graph: Graph) -> None:
        for node in graph.walk():
            for t in node.types:
                if t.scalar.name == "f64" and not self.target.fp64:
                    raise UnsupportedType(
                        f"{node.op} in fp64",
                        where=node.loc,
                        why="the GPU has no double precision",
                        hint="use fp32, or triton_mlx.use('host')",
                    )

    # --- names and small facts

    def unique(self, name: str) -> str:
        return self.names.unique(name)

    def program_word(self, node: Node) -> str:
        axis = "xyz"[node.attr("axis")]
        word = (
            "threadgroup_position_in_grid" if node.op == "program_id" else "threadgroups_per_grid"
        )
        return f"(int){word}.{axis}"

    def address_word(self, node: Node) -> str:
        """Where an array starts: in memory, or (elsewhere) as it is thought to."""
        access = self.accesses[node.inputs[0]]
        if self.target.in_place:
            return f"((long){access.name})"
        arrays = list(dict.fromkeys(a.name for a in self.accesses.values()))
        return literal(start_of(arrays.index(access.name)), I64)

    def apply(self, node: Node, texts: Sequence[str], *, wraps: bool) -> str:
        """An elementwise operation in the target's words."""
        return expr.text(node, texts, wraps=wraps, product=self.target.product)

    def wraps(self, node: Node) -> bool:
        """True if integer arithmetic of `node` may overflow on purpose (see expr.text)."""
        # Scalars are computed outside the loops over a tile, where wrapping hides nothing.
        return not node.result.type.shape or not self._is_plain(node.result)

    def _is_plain(self, value: Value) -> bool:
        if value not in self._plain:
            self._plain[value] = self._judge_plain(value)
        return self._plain[value]

    def _judge_plain(self, value: Value) -> bool:
        """Small constants, ranges, scalars, and sums and products of those: addresses, not hashes."""
        if self.values.is_argument(value):
            return not value.type.shape
        node = self.values.node(value)
        if node.op == "const":
            return bool(abs(node.attr("value")) < _SMALL_CONSTANT)
        if node.op == "load" or OPS[node.op].kind in ("combine", "control", "memory"):
            return not value.type.shape
        if node.op in ("xor", "shl", "mulhi_u", "bitcast", "not"):
            return False
        return all(self._is_plain(v) for v in node.inputs)

    def word(self, value: Value, node: Node) -> str:
        """The user's name for `value`, or the operation's."""
        made = self.values.node(value)
        names = made.attr("names", ())
        return (names[value.index] if value.index < len(names) else "") or node.loc.name or node.op

    def axis(self, value: Value) -> Axis:
        return self._axes.get(value) or unknown(value)

    # --- storage

    def nest(self, layout: Layout, chunk: int = 0) -> Nest:
        return Nest(layout, [thread_text(layout, d) for d in range(len(layout.shape))], chunk)

    def loops(self, layout: Layout, reads: Iterable[Value] = (), axes: Iterable[int] = ()) -> Nest:
        """The nest over `layout` with as few loops as `reads` allow; `axes` keep loops of their own."""
        return self.nest(coarse(layout, self.values, reads, axes))

    def storage_in(self, root: Value, layout: Layout) -> Storage:
        return self._storage[root, layout]

    def home_storage(self, root: Value) -> Storage:
        return self._storage[root, self.homes[root]]

    def declare(
        self, value: Value, node: Node, layout: Layout, use: Storage | None = None
    ) -> Storage:
        """Storage for `value` in `layout`: `use` if given, else a new one."""
        if use is None:
            use = self.new_storage(self.word(value, node), layout, value.type.scalar, node.id)
        self._storage[value, layout] = use
        return use

    def new_storage(self, word: str, layout: Layout, scalar: Scalar, number: int) -> Storage:
        self._check_size(layout, scalar)
        storage = Storage(self.names.named(word, number), layout, scalar)
        word = self.target.array if layout.registers > 1 else ""
        self.out.line(word + storage.declaration())
        self.tile_bytes += layout.registers * scalar.bytes
        self.pressure.hold(storage.name, layout.registers, scalar.bytes)
        return storage

    def _check_size(self, layout: Layout, scalar: Scalar) -> None:
        size, limit = layout.registers * scalar.bytes, self.target.tile_bytes
        if limit and size > limit:
            shape = "x".join(map(str, layout.shape))
            raise TileTooLarge(
                f"a tile of {shape} {scalar} takes {size} bytes of each thread",
                where=self.function.loc,
                why=f"a thread of {self.target.name} holds tiles of up to {limit} bytes",
                hint="use smaller block sizes, or more num_warps",
            )

    def new_scalar(self, value: Value, node: Node) -> str:
        """A variable for a scalar that is assigned more than once."""
        name = self.names.named(self.word(value, node), node.id)
        self.out.line(f"{c_type(value.type.scalar)} {name};")
        self.scalars[value] = name
        return name

    # --- blocks

    def block(self, graph: Graph, targets: _Targets) -> None:
        """Emit `graph`. `targets`: output → (where the owner wants it, the argument that lives there)."""
        self.steps(self.plan(graph, targets), targets)

    def plan(self, graph: Graph, targets: _Targets) -> Plan:
        wanted = {v: storage.layout for v, (storage, _) in targets.items()}
        return schedule(graph, self.values, self.homes, self.memory, wanted)

    def steps(self, plan: Plan, targets: _Targets) -> None:
        """Emit what `plan` says of a block."""
        reuse = self._reuse(plan, targets)
        outer = self.pressure.names
        for index, step in enumerate(plan.steps):
            self.step(step, plan, reuse)
            self.pressure.keep(outer | self._read_after(plan, index))

    def _read_after(self, plan: Plan, index: int) -> set[str]:
        """Names of the tiles that a step behind `index` reads."""
        last = plan.last_use
        return {
            s.name for (root, _), s in self._storage.items() if last.get(root, (-1, 0))[0] > index
        }

    def _reuse(self, plan: Plan, targets: _Targets) -> dict[Value, Storage]:
        """Roots that can be made directly where the block's owner wants them."""
        found: dict[Value, Storage] = {}
        made = {
            v: (i, p)
            for i, s in enumerate(plan.steps)
            for p, n in enumerate(s.nodes)
            for v in n.outputs
        }
        for output, (storage, owner) in targets.items():
            leaves = list(self.values.leaves(output, identity(output.type.shape)))
            root, bits = leaves[0] if leaves else (output, ())
            # A scalar has no storage that could be shared, even where it fills the whole tile.
            while (
                root.type.shape
                and root in made
                and bits == identity(root.type.shape)
                and root not in found
            ):
                free = owner is None or plan.last_use.get(owner, (-1, 0)) <= made[root]
                if not free or self.homes[root] != storage.layout:
                    break
                node = self.values.node(root)
                if OPS[node.op].kind in ("control", "combine"):
                    break
                found[root] = storage
                if node.op != "dot":
                    break
                # The accumulator can live there too, if this dot is its last reader.
                inner = list(self.values.leaves(node.inputs[2], bits))
                if len(inner) != 1 or plan.last_use.get(inner[0][0]) != made[root]:
                    break
                root, bits = inner[0]
        return found

    def step(self, step: Step, plan: Plan, reuse: Mapping[Value, Storage]) -> None:
        if step.fence:
            exchange.fence(self)
        if step.is_group and not step.nodes:  # only its fence is left
            return
        made = [self.values.node(step.root)] if step.root is not None else step.nodes
        if place := lines_of(made):
            self.out.line(f"// {place}")
        if step.root is not None:
            assert step.nest is not None
            exchange.convert(self, step.root, step.nest)
        elif step.is_group:
            group.emit(self, step, plan, reuse)
        else:
            self._alone(step.nodes[0], reuse)

    def _alone(self, node: Node, reuse: Mapping[Value, Storage]) -> None:
        if node.op == "dot":
            dot.emit(self, node, reuse.get(node.result))
        elif node.op == "scan":
            scan.emit(self, node)
        elif node.op == "gather":
            gather.emit(self, node)
        elif node.op == "barrier":
            exchange.barrier(self, "mem_device | mem_flags::mem_threadgroup")
        else:
            control.EMIT[node.op](self, node)

    # --- assignments between blocks

    def carried(self, node: Node, value: Value) -> Storage | None:
        """Storage or variable for a loop argument or branch result; None for a scalar."""
        if value.type.is_pointer:
            raise PointerProvenance(
                "a pointer carried by a loop or chosen by a branch",
                where=node.loc,
                why="its offset does not grow by a fixed amount",
                hint="carry an integer offset and add it to the pointer where it is used",
            )
        if not value.type.shape:
            self.new_scalar(value, node)
            return None
        return self.declare(value, node, self.homes[value])

    def assign_all(self, pairs: Sequence[tuple[Value, Value]]) -> None:
        """Target ← source for all pairs at once: a source that is another pair's target is saved first."""
        targets = {t for t, _ in pairs}
        late: list[tuple[Value, Storage | str]] = []
        for target, source in pairs:
            roots = self.values.roots_of((source,))
            if any(r in targets and r != target for r in roots):
                late.append((target, self._save(target, source)))
            else:
                self.assign(target, source)
        for target, saved in late:
            self._restore(target, saved)

    def assign(self, target: Value, source: Value) -> None:
        """Copy `source` to the storage or variable of `target`."""
        if not target.type.shape:
            text = self.scalar_text(source)
            if text != self.scalars[target]:
                self.out.line(f"{self.scalars[target]} = {text};")
            return
        self.fill(self.home_storage(target), source)

    def fill(self, storage: Storage, source: Value) -> None:
        nest = self.loops(storage.layout, [source])
        scope = Scope(self, nest)
        value = scope.here(source)
        left = storage.at(nest, scope.identity)
        if left.text == value.text:
            return
        scope.line(nest.depth, f"{left.text} = {value.text};")
        self.write_nest(nest)

    def _save(self, target: Value, source: Value) -> Storage | str:
        if not target.type.shape:
            name = self.unique("next")
            self.out.line(
                f"const {c_type(target.type.scalar)} {name} = {self.scalar_text(source)};"
            )
            return name
        storage = self.new_storage("next", self.homes[target], target.type.scalar, target.node)
        self.fill(storage, source)
        return storage

    def _restore(self, target: Value, saved: Storage | str) -> None:
        if isinstance(saved, str):
            self.out.line(f"{self.scalars[target]} = {saved};")
            return
        storage = self.home_storage(target)
        nest = self.loops(storage.layout)
        scope = Scope(self, nest)
        left, right = (s.at(nest, scope.identity).text for s in (storage, saved))
        scope.line(nest.depth, f"{left} = {right};")
        self.write_nest(nest)

    def scalar_text(self, value: Value) -> str:
        nest = self.nest(Layout((), ()))
        found = Scope(self, nest).ref(value, ())
        for line in nest.lines[0]:
            self.out.line(line)
        return found.text

    def write_nest(self, nest: Nest) -> None:
        inner = self.target.masked_loop if nest.masked else self.target.inner_loop
        outer = self.target.loop
        if self.target.plain_loop and not nest.indexes_registers:
            outer = inner = self.target.plain_loop
            # A vector is in registers too; four turns are all of one that no target needs to be told of.
            if isinstance(nest, VectorNest) and nest.vectors.width > _PLAIN_TURNS:
                inner = self.target.loop
        lines = nest.emit(outer, inner)
        if nest.depth == 0 and len(lines) <= 1:
            self.out.lines.extend("  " * self.out.depth + t for t in lines)
            return
        with self.out.block():
            for text in lines:
                self.out.line(text)
