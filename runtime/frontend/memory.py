"""Loads, stores, atomics and tensor descriptors: the builder's methods that touch memory."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from . import attributes, dialect, types
from .attributes import Attribute
from .constants import Constants
from .enums import (
    ATOMIC_OP,
    CACHE_MODIFIER,
    DESCRIPTOR_REDUCE_KIND,
    EVICTION_POLICY,
    MEM_SEMANTIC,
    MEM_SYNC_SCOPE,
    PADDING_OPTION,
)
from .types import Type
from .values import Result, Value


def _pointee(pointer: Value) -> Type:
    """What a load from a pointer, or from a tile of pointers, gives."""
    return types.like(pointer.type, pointer.type.scalar.elem)


def _policy(policy: Sequence[Attribute | Enum | None]) -> dict[str, Attribute]:
    """One attribute, or in Triton before 3.9 a cache modifier and an eviction policy."""
    if len(policy) == 1:
        return {"cachePolicy": found} if isinstance(found := policy[0], Attribute) else {}
    return {
        name: attributes.integer(part.value)
        for name, part in zip(("cache", "evict"), policy)
        if isinstance(part, Enum)
    }


def _order(semantic: MEM_SEMANTIC, scope: MEM_SYNC_SCOPE) -> dict[str, Attribute]:
    return {"sem": attributes.integer(semantic.value), "scope": attributes.integer(scope.value)}


class Memory(Constants):
    """By their names in Triton's native module."""

    def _load(self, operands: Sequence[Value], *how: Any) -> Result:
        """`how`: the policy, and whether it is volatile."""
        *policy, volatile = how
        counts = [1, int(len(operands) > 1), int(len(operands) > 2)]
        properties = {
            "isVolatile": attributes.boolean(volatile),
            "operandSegmentSizes": attributes.integers(counts),
            **_policy(policy),
            **dialect.current().access,
        }
        return self.value("tt.load", operands, _pointee(operands[0]), properties)

    def create_load(self, pointer: Value, *how: Any) -> Result:
        return self._load([pointer], *how)

    def create_masked_load(
        self, pointer: Value, mask: Value, other: Value | None, *how: Any
    ) -> Result:
        operands = [pointer, mask] if other is None else [pointer, mask, other]
        return self._load(operands, *how)

    def create_store(self, pointer: Value, value: Value, *policy: Attribute | Enum | None) -> None:
        self._store((pointer, value), policy)

    def create_masked_store(
        self, pointer: Value, value: Value, mask: Value, *policy: Attribute | Enum | None
    ) -> None:
        self._store((pointer, value, mask), policy)

    def _store(self, operands: Sequence[Value], policy: Sequence[Attribute | Enum | None]) -> None:
        self.add("tt.store", operands, (), {**_policy(policy), **dialect.current().access})

    def create_atomic_rmw(
        self,
        kind: ATOMIC_OP,
        pointer: Value,
        value: Value,
        mask: Value,
        semantic: MEM_SEMANTIC,
        scope: MEM_SYNC_SCOPE,
    ) -> Result:
        properties = {"atomic_rmw_op": attributes.integer(kind.value), **_order(semantic, scope)}
        operands = (pointer, value, mask)
        return self.value("tt.atomic_rmw", operands, _pointee(pointer), properties)

    def create_atomic_cas(
        self,
        pointer: Value,
        expected: Value,
        value: Value,
        semantic: MEM_SEMANTIC,
        scope: MEM_SYNC_SCOPE,
    ) -> Result:
        operands = (pointer, expected, value)
        return self.value(
            "tt.atomic_cas", operands, _pointee(pointer), dict(_order(semantic, scope))
        )

    def create_atomic_load(
        self, pointer: Value, mask: Value, semantic: MEM_SEMANTIC, scope: MEM_SYNC_SCOPE
    ) -> Result:
        order = _order(semantic, scope)
        return self.value("tt.atomic_load", (pointer, mask), _pointee(pointer), order)

    def create_atomic_store(
        self,
        pointer: Value,
        value: Value,
        mask: Value,
        semantic: MEM_SEMANTIC,
        scope: MEM_SYNC_SCOPE,
    ) -> None:
        self.add("tt.atomic_store", (pointer, value, mask), (), _order(semantic, scope))

    def create_atomic_poll(
        self,
        pointer: Value,
        expected: Value,
        timeout: Value,
        semantic: MEM_SEMANTIC,
        scope: MEM_SYNC_SCOPE,
    ) -> Result:
        """A `timeout` without a type is none."""
        kind = types.like(pointer.type, types.I1)
        operands = [pointer, expected, *([] if timeout.type is types.NONE else [timeout])]
        return self.value("tt.atomic_poll", operands, kind, _order(semantic, scope))

    def create_make_tensor_descriptor(
        self,
        base: Value,
        shape: Sequence[Value],
        strides: Sequence[Value],
        block: Sequence[int],
        signed: bool,
        padding: PADDING_OPTION,
    ) -> Result:
        tile = types.tensor(base.type.elem, block)
        kind = types.descriptor(tile, signed, dialect.current().wraps)
        filled = {"padding": attributes.integer(padding.value)}
        return self.value("tt.make_tensor_descriptor", [base, *shape, *strides], kind, filled)

    def create_make_block_ptr(
        self,
        base: Value,
        shape: Sequence[Value],
        strides: Sequence[Value],
        offsets: Sequence[Value],
        block: Sequence[int],
        order: Sequence[int],
    ) -> Result:
        kind = types.pointer(types.tensor(base.type.elem, block))
        how = {"order": attributes.integers(order)}
        return self.value("tt.make_tensor_ptr", [base, *shape, *strides, *offsets], kind, how)

    def create_advance(self, pointer: Value, offsets: Sequence[Value]) -> Result:
        return self.value("tt.advance", [pointer, *offsets], pointer.type)

    def create_tensor_pointer_load(
        self,
        pointer: Value,
        boundary: Sequence[int],
        padding: PADDING_OPTION | None,
        cache: CACHE_MODIFIER,
        evict: EVICTION_POLICY,
        volatile: bool,
    ) -> Result:
        """A load of a block; `boundary`: the axes that are checked."""
        properties = {
            "isVolatile": attributes.boolean(volatile),
            "operandSegmentSizes": attributes.integers((1, 0, 0)),
            "boundaryCheck": attributes.integers(boundary),
            **_policy((cache, evict)),
        }
        if padding is not None:
            properties["padding"] = attributes.integer(padding.value)
        return self.value("tt.load", (pointer,), pointer.type.elem, properties)

    def create_tensor_pointer_store(
        self,
        pointer: Value,
        value: Value,
        boundary: Sequence[int],
        cache: CACHE_MODIFIER,
        evict: EVICTION_POLICY,
    ) -> None:
        checked = {"boundaryCheck": attributes.integers(boundary)}
        self.add("tt.store", (pointer, value), (), {**_policy((cache, evict)), **checked})

    def create_descriptor_load(
        self, descriptor: Value, at: Sequence[Value], *policy: Attribute | Enum | None
    ) -> Result:
        kind = descriptor.type.elem
        return self.value("tt.descriptor_load", [descriptor, *at], kind, _policy(policy))

    def create_descriptor_store(self, descriptor: Value, value: Value, at: Sequence[Value]) -> None:
        self.add("tt.descriptor_store", [descriptor, value, *at])

    def create_descriptor_reduce(
        self,
        kind: DESCRIPTOR_REDUCE_KIND,
        descriptor: Value,
        value: Value,
        at: Sequence[Value],
    ) -> None:
        how = {"kind": attributes.integer(kind.value)}
        self.add("tt.descriptor_reduce", [descriptor, value, *at], (), how)

    def create_descriptor_gather(
        self, descriptor: Value, rows: Value, column: Value, kind: Type
    ) -> Result:
        return self.value("tt.descriptor_gather", (descriptor, rows, column), kind)

    def create_descriptor_scatter(
        self, descriptor: Value, value: Value, rows: Value, column: Value
    ) -> None:
        self.add("tt.descriptor_scatter", (descriptor, value, rows, column))
