"""What Triton wants to know of an argument at a launch: its type, and what is special about its value.

Every launch asks for every argument, so the answer's function is looked up by the argument's class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Answer = tuple[Any, Any]  # (type, specialisation), as Triton's cache key has them
_Rule = Callable[[Any, Any, bool, bool, bool], Answer]

_rules: dict[type, _Rule] = {}
_pointers: dict[tuple[Any, bool], str] = {}
_I32, _I64, _U64 = 1 << 31, 1 << 63, 1 << 64


def native_specialize_impl(
    backend: Any, argument: Any, is_const: bool, specialize: bool, align: bool
) -> Answer:
    """(type, specialisation) of one argument. Raises TypeError for what no kernel can take."""
    rule = _rules.get(type(argument))
    if rule is None:
        rule = _rules[type(argument)] = _rule_for(argument)
    return rule(backend, argument, is_const, specialize, align)


def _rule_for(argument: Any) -> _Rule:
    from triton.language.core import constexpr
    from triton.runtime.jit import JITCallable
    from triton.tools.tensor_descriptor import TensorDescriptor

    rules: tuple[tuple[type, _Rule], ...] = (
        (type(None), _constant),
        (bool, _flag),
        (int, _integer),
        (float, _float),
        (JITCallable, _function),
        (constexpr, _constant),
        (tuple, _tuple),
        (TensorDescriptor, _descriptor),
    )
    for kind, rule in rules:
        if isinstance(argument, kind):
            return rule
    if hasattr(argument, "data_ptr"):
        return _array
    raise TypeError(f"failed to specialize argument of type: {type(argument).__name__}")


def _constant(backend: Any, argument: Any, is_const: bool, specialize: bool, align: bool) -> Answer:
    return "constexpr", argument


def _function(backend: Any, argument: Any, is_const: bool, specialize: bool, align: bool) -> Answer:
    return "constexpr", argument.cache_key


def _flag(backend: Any, argument: Any, is_const: bool, specialize: bool, align: bool) -> Answer:
    return "u1", None


def _float(backend: Any, argument: Any, is_const: bool, specialize: bool, align: bool) -> Answer:
    return "fp32", None


def _integer(backend: Any, argument: int, is_const: bool, specialize: bool, align: bool) -> Answer:
    key = None
    if specialize:
        if argument == 1:
            return "constexpr", 1
        key = "D" if align and argument % 16 == 0 else ""
    if -_I32 <= argument < _I32:
        return "i32", key
    if -_I64 <= argument < _I64:
        return "i64", key
    if _I64 <= argument < _U64:
        return "u64", key
    raise OverflowError("integer to be specialized too large to represent")


def _array(backend: Any, argument: Any, is_const: bool, specialize: bool, align: bool) -> Answer:
    dtype = argument.dtype
    kind = _pointers.get((dtype, is_const))
    if kind is None:
        from triton._utils import canonicalize_dtype

        kind = ("*k" if is_const else "*") + canonicalize_dtype(dtype)
        _pointers[(dtype, is_const)] = kind
    if not specialize:
        return kind, None
    if not getattr(backend, "supports_native_tensor_specialization", True):
        return kind, backend.get_tensor_specialization(argument, align=align)
    return kind, "D" if align and argument.data_ptr() % 16 == 0 else ""


def _tuple(backend: Any, argument: Any, is_const: bool, specialize: bool, align: bool) -> Answer:
    found = [native_specialize_impl(backend, part, False, True, True) for part in argument]
    make = type(argument)._make if hasattr(argument, "_fields") else tuple
    return make([kind for kind, _ in found]), make([key for _, key in found])


def _descriptor(
    backend: Any, argument: Any, is_const: bool, specialize: bool, align: bool
) -> Answer:
    from triton._utils import canonicalize_dtype

    block = list(argument.block_shape)
    return f"tensordesc<{canonicalize_dtype(argument.base.dtype)}{block}>", None


def make_tensordesc_args(
    kernel_args: Sequence[Any],
    signature: Sequence[Any],
    relevant_paths: Mapping[int, Any],
    tensordesc_meta: Sequence[Any] | None,
    base_args: Any,
    make_tensordesc_arg: Callable[[Any, Any, Any], Sequence[Any]],
) -> list[Any]:
    """A launch's arguments with each tensor descriptor replaced by what the back end makes of it.

    `relevant_paths`: index → {} for a descriptor, or the paths inside a tuple.
    """
    metadata = iter(tensordesc_meta or ())

    def replaced(arguments: Sequence[Any], kinds: Sequence[Any], paths: Any) -> list[Any]:
        found: list[Any] = []
        for index, argument in enumerate(arguments):
            if index not in paths:
                found.append(argument)
            elif paths[index]:
                found.append(tuple(replaced(argument, kinds[index], paths[index])))
            else:
                found.extend(make_tensordesc_arg(argument, next(metadata, None), base_args))
        return found

    return replaced(kernel_args, signature, relevant_paths)
