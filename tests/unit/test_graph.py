"""Graphs: order, uses, captures, substitution, equality."""

from __future__ import annotations

import itertools

import corpus
import pytest

from triton_mlx.fusion.graph import (
    Graph,
    GraphBuilder,
    Node,
    Value,
    fresh_ids,
    substitute,
    substitute_graph,
)
from triton_mlx.fusion.lift import lift
from triton_mlx.fusion.types import F32, I1, I32, Pointer, Type

S = Type(I32)


def diamond() -> tuple[Graph, list[Node]]:
    """a; b = -a; c = -a; d = b + c; and e that nobody needs."""
    b = GraphBuilder(itertools.count(), (S,))
    left = b.add("neg", b.args, (S,))
    right = b.add("abs_i", b.args, (S,))
    spare = b.add("const", (), (S,), {"value": 4})
    total = b.add("add", (left.result, right.result), (S,))
    return b.build((total.result,)), [left, right, spare, total]


def branch() -> tuple[Graph, Node, Value, Value]:
    """An if whose first side uses one outer value itself, and another one in a nested if."""
    ids = itertools.count()
    b = GraphBuilder(ids, (Type(I1), S, S))
    condition, x, y = b.args
    deep = GraphBuilder(ids)
    deepest = deep.build((deep.add("neg", (y,), (S,)).result,))
    other = GraphBuilder(ids).build((x,))
    inner = GraphBuilder(ids)
    used = inner.add("neg", (x,), (S,)).result
    nested = inner.add("if", (condition,), (S,), regions=(deepest, other)).result
    side = inner.build((inner.add("add", (used, nested), (S,)).result,))
    node = b.add("if", (condition,), (S,), regions=(side, GraphBuilder(ids).build((x,))))
    return b.build(node.outputs), node, x, y


def test_nodes_keep_program_order_and_know_their_users() -> None:
    graph, (left, right, spare, total) = diamond()
    assert list(graph) == [left, right, spare, total]
    assert len(graph) == 4
    assert graph.users(graph.args[0]) == (left, right)
    assert graph.users(left.result) == (total,)
    assert graph.users(spare.result) == ()
    assert graph.ancestors(total.result) == {graph.args_node.id, left.id, right.id}
    assert graph.is_acyclic()
    assert graph.free_values() == ()


def test_a_node_knows_its_attributes() -> None:
    _, (_, _, spare, total) = diamond()
    assert spare.attr("value") == 4
    assert spare.attr("missing", "default") == "default"
    assert total.attrs == ()


def test_values_that_regions_take_from_outside() -> None:
    graph, node, x, y = branch()
    assert set(node.captures()) == {graph.args[0], x, y}
    assert len(node.captures()) == len(set(node.captures()))
    assert node.uses()[0] == graph.args[0]
    assert graph.users(y) == (node,)
    assert graph.free_values() == ()
    assert set(node.regions[0].free_values()) == {graph.args[0], x, y}
    assert node.regions[1].free_values() == (x,)


def test_walking_visits_parents_before_children() -> None:
    graph, node, _, _ = branch()
    names = [n.op for n in graph.walk()]
    assert names[0] == "if"
    assert sorted(names) == ["add", "if", "if", "neg", "neg"]


def test_substitution_reaches_regions_and_leaves_the_rest_alone() -> None:
    graph, node, x, y = branch()
    assert substitute(node, {}) is node
    assert substitute_graph(graph, {x: y}) is graph  # arguments are not free
    renamed = substitute(node, {y: x})
    assert y not in renamed.captures()
    assert x in renamed.captures()
    assert renamed.regions[1] is node.regions[1]
    assert renamed.id == node.id


def test_equal_graphs_are_equal_and_hash_alike() -> None:
    first, second = diamond()[0], diamond()[0]
    assert first == second
    assert hash(first) == hash(second)
    assert first != branch()[0]
    shorter = Graph(first.args_node, list(first)[:-1], ())
    assert first != shorter


def test_fresh_ids_are_new_in_child_graphs_too() -> None:
    graph, _, _, _ = branch()
    used = {graph.args_node.id} | {n.id for n in graph.walk()}
    used |= {r.args_node.id for n in graph.walk() for r in n.regions}
    assert not used & set(itertools.islice(fresh_ids(graph), 20))


def test_membership_and_lookup() -> None:
    graph, (left, *_) = diamond()
    assert left.result in graph
    assert graph.node(left.result) is left
    stranger = Value(999, 0, S)
    assert stranger not in graph
    with pytest.raises(KeyError):
        graph.node(stranger)


def test_the_same_kernel_prints_the_same_text() -> None:
    text = str(corpus.lifted(corpus.k_add).body)
    again = str(lift(corpus.text_of(corpus.k_add, *corpus.FORMS[corpus.k_add])).body)
    assert text == again
    assert "store(" in text
    assert "predicate=slt" in text


@pytest.mark.parametrize(
    ("found", "text", "size"),
    [
        (S, "i32", 1),
        (Type(F32, (4, 8)), "4x8xf32", 32),
        (Type(Pointer(F32), (4,)), "4x*f32", 4),
    ],
)
def test_types(found: Type, text: str, size: int) -> None:
    assert str(found) == text
    assert found.size == size
    assert found.with_shape(()).size == 1
    assert found.is_pointer == ("*" in text)
    assert found.is_float == (found.elem == F32)
