"""Prints and asserts of a kernel as records: what they say, of which tile, and where they stand."""

from __future__ import annotations

from ..fusion.graph import Node
from .record import Site


def print_site(node: Node) -> Site:
    """The record of a `print` node."""
    printed = node.inputs[0].type if node.inputs else None
    return Site(
        "print",
        node.attr("prefix"),
        str(node.loc),
        printed.shape if printed else (),
        printed.scalar.name if printed else "",
        node.attr("hex"),
        node.attr("signed"),
    )


def assert_site(node: Node) -> Site:
    """The record of an `assert` node."""
    return Site("assert", node.attr("message"), str(node.loc), node.inputs[0].type.shape)
