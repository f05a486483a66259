"""The object that `fuse_report` returns: which launches became which kernels, what they cost, why not more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from ...fusion.errors import Loc
from ...fusion.joint.records import Decision, Launch
from ..model import Estimate
from ..prepared import packed, scalar_places
from ..target import Choice
from ..tune.lookup import used
from ..tune.store import Entry
from . import details, units

SCHEMA = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """Median seconds of one run; `runs`: how many were timed."""

    seconds: float
    runs: int
    target: str


@dataclass(frozen=True, slots=True, repr=False)
class FuseReport:
    """`launches` as they were made, and the `kernels` that they became; both are plans: no arrays are held.

    Bytes are counted, not measured: each launch reads the elements that it loads once, and writes those that
    it stores once. `scalars` and `files` are of each launch: packed, and where its kernel is written.
    `times`: how often each kernel was launched (empty: once).
    `chip`: the row of the hardware table that is modelled ("": the chip that is there, or the usual one).
    `apart`, `joint`: measured times of the launches and of the kernels, if `measure` was called.
    """

    launches: tuple[Launch, ...] = ()
    kernels: tuple[Launch, ...] = ()
    decisions: tuple[Decision, ...] = ()
    scalars: tuple[bytes, ...] = ()
    choice: Choice | None = None
    files: tuple[str, ...] = ()
    times: tuple[int, ...] = ()
    chip: str = ""
    apart: tuple[Measured, ...] = ()
    joint: tuple[Measured, ...] = ()
    note: str = ""

    # --- what was done

    @property
    def names(self) -> tuple[str, ...]:
        """Of the launches."""
        return tuple(x.name for x in self.launches)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The launches of each kernel, by number."""
        return tuple(k.members for k in self.kernels)

    @property
    def refusals(self) -> tuple[Decision, ...]:
        return tuple(d for d in self.decisions if not d.fused)

    @property
    def bytes_before(self) -> int:
        """Of all launches, made apart."""
        return sum(
            details.counted(self.launches[m]).bytes * self.times_of(k)
            for k, kernel in enumerate(self.kernels)
            for m in kernel.members
        )

    @property
    def bytes_after(self) -> int:
        """Of all kernels."""
        return sum(details.counted(x).bytes * self.times_of(k) for k, x in enumerate(self.kernels))

    def times_of(self, kernel: int) -> int:
        return self.times[kernel] if self.times else 1

    @property
    def verdict(self) -> str:
        """One line."""
        before = sum(len(x.members) * self.times_of(k) for k, x in enumerate(self.kernels))
        after = sum(self.times_of(k) for k in range(len(self.kernels)))
        moved = f"{units.size(self.bytes_before)} -> {units.size(self.bytes_after)} moved"
        counts = (units.count(before, "launch"), units.count(after, "kernel"))
        return f"{' -> '.join(counts)}, {moved}, {units.count(len(self.refusals), 'refusal')}"

    def label(self, launch: int) -> str:
        """ "name#number" of a launch."""
        return f"{self.launches[launch].name}#{launch}"

    def place(self, launch: int) -> Loc:
        """File and line of a launch's kernel."""
        found = self.launches[launch].function.loc
        return replace(found, file=self.files[launch]) if self.files[launch:] else found

    def edge(self, decision: Decision) -> str:
        """The launches that a decision is about."""
        first, second = decision.first, decision.second
        return (
            self.label(first) if first == second else f"{self.label(first)} | {self.label(second)}"
        )

    def rules(self, kernel: int) -> tuple[str, ...]:
        """Codes of the rules that made a kernel, in the order of its launches."""
        members = self.kernels[kernel].members
        return tuple(d.code for d in self.decisions if d.fused and d.second in members)

    def anchor(self, kernel: int) -> int:
        """The launch that the others were computed in."""
        members = self.kernels[kernel].members
        return members[details.anchor_of(self.kernels[kernel], self._of(members))]

    def _of(self, members: tuple[int, ...]) -> tuple[Launch, ...]:
        return tuple(self.launches[m] for m in members)

    # --- what it costs

    def on(self, chip: str) -> FuseReport:
        """The same for another chip of the hardware table, such as "M3 Max". Raises UnknownChip."""
        return replace(self, chip=details.chip_here(chip))

    @property
    def modelled_chip(self) -> str:
        return details.chip_here(self.chip)

    def counted(self, kernel: int) -> details.Counted:
        """Bytes and operations of one launch of a kernel."""
        return details.counted(self.kernels[kernel])

    def made(self, kernel: int) -> details.Made:
        """A kernel lowered for the chip, with its source; lowered when first asked for."""
        found = self.kernels[kernel]
        functions = [x.function for x in self.launches]
        scalars = packed(scalar_places(found, functions), self.scalars) if self.scalars else b""
        return details.made(found, scalars, self.modelled_chip)

    def tuned(self, kernel: int) -> Entry | None:
        """The measured schedule that launches of a kernel had where they ran; None: the model's choice."""
        found = self.kernels[kernel]
        return used(found.function, found.grid)

    def modelled(self, kernel: int) -> Estimate | None:
        """The modelled time of one launch of a kernel."""
        return details.modelled(self.kernels[kernel], self.modelled_chip)

    def modelled_apart(self, kernel: int) -> float | None:
        """Modelled seconds of the kernel's launches, made one after another."""
        members = self._of(self.kernels[kernel].members)
        found = [details.modelled(x, self.modelled_chip) for x in members]
        known = [e.seconds for e in found if e is not None]
        return sum(known) if len(known) == len(found) else None

    def measure(self, runs: int = 15) -> FuseReport:
        """This report with times of every launch and kernel on the target they ran on, arrays of zeros.

        `runs`: of each, interleaved. Raises BadArgument on "simulate", whose times mean nothing.
        """
        from .measure import measured

        apart, joint = measured(self, runs)
        return replace(self, apart=apart, joint=joint)

    # --- forms

    def __repr__(self) -> str:
        return f"<fuse report: {self.verdict}; print() shows more>"

    def __str__(self) -> str:
        from .text import text

        return text(self)

    def show(self, stream: TextIO | None = None) -> None:
        """Print it: a table on a terminal if rich is installed, else as text."""
        from .table import show

        show(self, stream)

    def __rich__(self) -> Any:
        from .table import renderable

        return renderable(self)

    def _repr_html_(self) -> str:
        from .page import fragment

        return fragment(self)

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values; `schema` changes when its form does."""
        from .data import data

        return data(self)

    def to_dot(self) -> str:
        """Graphviz text: a box per kernel, an edge where one launch reads what another wrote."""
        from .flowchart import dot

        return dot(self)

    def to_mermaid(self) -> str:
        """Mermaid text, which GitHub shows as a picture."""
        from .flowchart import mermaid

        return mermaid(self)

    def save_html(self, path: str | Path) -> Path:
        """Write one page that needs no other file: graphs, source of each kernel and the roofline."""
        from .page import page

        target = Path(path)
        target.write_text(page(self), encoding="utf-8")
        return target
