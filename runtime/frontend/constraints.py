"""What an operation's operands, results and regions have to be: the words that rows of the table use.

A rule takes an operation and gives a finding, empty where there is none. Findings are worded as MLIR
words them; one that starts with "op " gets the operation's name in front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .types import Type
from .values import Operation, Value

Rule = Callable[[Operation], str]


def _scalar_is(kind: str, width: int = 0) -> Callable[[Type], bool]:
    return lambda t: t.scalar.kind == kind and width in (0, t.scalar.width)


def _tile_is(*kinds: str) -> Callable[[Type], bool]:
    return lambda t: t.kind == "tensor" and t.elem.kind in kinds


# What a type may be: the words of the finding, and the test.
KINDS: dict[str, tuple[str, Callable[[Type], bool]]] = {
    "any": ("any type", lambda t: True),
    "float-like": ("floating-point-like", _scalar_is("float")),
    "int-like": ("signless-integer-like", _scalar_is("int")),
    "bits-like": ("signless-non-zero-bitwidth-integer-like", _scalar_is("int")),
    "fixed-like": ("signless-fixed-width-integer-like", _scalar_is("int")),
    "bool-like": ("bool-like", _scalar_is("int", 1)),
    "int": ("integer or ranked tensor of integer values", _scalar_is("int")),
    "float": (
        "floating-point or ranked tensor of floating-point values",
        _scalar_is("float"),
    ),
    "ptr": ("ptr or ranked tensor of ptr values", _scalar_is("ptr")),
    "i64": (
        "64-bit signless integer or tensor of 64-bit signless integer values",
        _scalar_is("int", 64),
    ),
    "mask": (
        "1-bit signless integer or ranked tensor of 1-bit signless integer values",
        _scalar_is("int", 1),
    ),
    "condition": (
        "1-bit signless integer or tensor of 1-bit signless integer values",
        _scalar_is("int", 1),
    ),
    "tile": (
        "ranked tensor of floating-point or integer or ptr values",
        _tile_is("float", "int", "ptr"),
    ),
    "int-tile": ("ranked tensor of integer values", _tile_is("int")),
    "flag": ("1-bit signless integer", lambda t: t.kind == "int" and t.width == 1),
    "index": ("signless integer or index", lambda t: t.kind == "int"),
    "desc": ("a tensor descriptor", lambda t: t.kind == "desc"),
}


def kinds(values: Sequence[Value], wanted: Sequence[str], side: str) -> str:
    """The first value whose type is not what its row asks for. The last kind stands for all further ones."""
    for index, value in enumerate(values):
        words, fits = KINDS[wanted[min(index, len(wanted) - 1)]]
        if not fits(value.type):
            return f"op {side} #{index} must be {words}, but got '{value.type}'"
    return ""


def _types(op: Operation) -> list[Type]:
    return [v.type for v in (*op.operands, *op.results)]


def same_type(op: Operation) -> str:
    same = len(set(_types(op))) <= 1
    return "" if same else "op requires the same type for all operands and results"


def same_operands(op: Operation) -> str:
    same = len({v.type for v in op.operands}) <= 1
    return "" if same else "op requires all operands to have the same type"


def same_element(op: Operation) -> str:
    same = len({t.scalar for t in _types(op)}) <= 1
    return "" if same else "op requires the same element type for all operands and results"


def same_shape(op: Operation) -> str:
    same = len({t.shape for t in _types(op)}) <= 1
    return "" if same else "op requires the same shape for all operands and results"


def same_operand_shape(op: Operation) -> str:
    same = len({v.type.shape for v in op.operands}) <= 1
    return "" if same else "op requires the same shape for all operands"


def elementwise(op: Operation) -> str:
    shapes = {t.shape for t in _types(op) if t.kind == "tensor"}
    same = len(shapes) <= 1
    return (
        "" if same else "op all non-scalar operands/results must have the same shape and base type"
    )


def result_like_first(op: Operation) -> str:
    same = op.operands[0].type is op.results[0].type
    return "" if same else "op failed to verify that result type matches ptr type"


def same_dimensions(op: Operation) -> str:
    same = op.operands[0].type.shape == op.results[0].type.shape
    return (
        "" if same else "op failed to verify that input and output have the same tensor dimensions"
    )


def _cast(op: Operation, fits: Callable[[int, int], bool]) -> str:
    source, result = op.operands[0].type, op.results[0].type
    if fits(source.scalar.width, result.scalar.width):
        return ""
    return f"op operand type '{source}' and result type '{result}' are cast incompatible"


def widens(op: Operation) -> str:
    return _cast(op, lambda source, result: source < result)


def narrows(op: Operation) -> str:
    return _cast(op, lambda source, result: source > result)


def same_width(op: Operation) -> str:
    return _cast(op, lambda source, result: source == result)


def bitcast_width(op: Operation) -> str:
    source, result = op.operands[0].type.scalar, op.results[0].type.scalar
    if source.kind == "ptr" or result.kind == "ptr" or source.width == result.width:
        return ""
    return f"Cannot bitcast data-type of size {source.width} to data-type of size {result.width}"


def rounds(op: Operation) -> str:
    source, result = op.operands[0].type.scalar, op.results[0].type.scalar
    if result.width >= source.width or "rounding" in op.properties:
        return ""
    return "Rounding mode is required for FP downcast"


def select_types(op: Operation) -> str:
    condition, then, otherwise = (v.type for v in op.operands)
    if then is not otherwise or then is not op.results[0].type:
        return "op failed to verify that all of {true_value, false_value, result} have same type"
    if condition.kind != "tensor" or condition.shape == then.shape:
        return ""
    return "op failed to verify that condition is signless i1 or has matching shape"


def _pointee(pointer: Type) -> tuple[Type, tuple[int, ...]]:
    if pointer.kind == "ptr" and pointer.elem.kind == "tensor":  # a block pointer
        return pointer.elem.elem, pointer.elem.shape
    return pointer.scalar.elem, pointer.shape if pointer.kind == "tensor" else ()


def _element(value: Type) -> tuple[Type, tuple[int, ...]]:
    return value.scalar, value.shape if value.kind == "tensor" else ()


def _shape(value: Type) -> tuple[int, ...]:
    return value.shape if value.kind == "tensor" else ()


def load_types(op: Operation) -> str:
    pointer = op.operands[0].type
    if _pointee(pointer) != _element(op.results[0].type):
        return "op failed to verify that result matches ptr type"
    if len(op.operands) > 1 and _shape(op.operands[1].type) != _shape(pointer):
        return "op failed to verify that mask type matches ptr type"
    if len(op.operands) > 2 and _pointee(pointer) != _element(op.operands[2].type):
        return "op failed to verify that other matches ptr type"
    return ""


# Modifiers of the other kind of access, which MLIR refuses.
_MODIFIERS = {"tt.load": ("loads", ("wb", "wt")), "tt.store": ("stores", ("ca", "cv"))}


def cache_policy(op: Operation) -> str:
    """From Triton 3.9 on; before it the language alone decides."""
    if "cachePolicy" not in op.properties:
        return ""
    modifier, _ = op.properties["cachePolicy"].value
    accesses, refused = _MODIFIERS[op.name]
    if modifier not in refused:
        return ""
    return f"op invalid cache policy: cache modifier '{modifier}' is not supported for {accesses}"


def store_types(op: Operation) -> str:
    pointer, value = op.operands[0].type, op.operands[1].type
    if _pointee(pointer) != _element(value):
        return "op failed to verify that value type matches ptr type"
    if len(op.operands) > 2 and _shape(op.operands[2].type) != _shape(pointer):
        return "op failed to verify that mask type matches ptr type"
    return ""


def rmw_types(op: Operation) -> str:
    pointer, value, mask = (v.type for v in op.operands)
    if _pointee(pointer) != _element(value):
        return "op failed to verify that ptr type matches value type"
    if _shape(mask) != _shape(value):
        return "op failed to verify that mask type matches value type"
    return ""


def cas_types(op: Operation) -> str:
    pointer, expected, value = (v.type for v in op.operands)
    for name, found in (("cmp", expected), ("value", value)):
        if _pointee(pointer) != _element(found):
            return f"op failed to verify that ptr type matches {name} type"
    return ""


def range_length(op: Operation) -> str:
    start, end = (int(op.properties[name].value) for name in ("start", "end"))
    if start >= end:
        return "op start must be less than end"
    count = op.results[0].type.shape[0]
    if count == end - start:
        return ""
    return (
        f"op number of elements in returned tensor, {count}, must match size of range "
        f"[{start}, {end}), which has {end - start} elements"
    )


def broadcast_shape(op: Operation) -> str:
    source, result = op.operands[0].type.shape, op.results[0].type.shape
    if len(source) != len(result):
        return "rank of source must be same as rank of result"
    for index, (have, want) in enumerate(zip(source, result)):
        if have not in (1, want):
            return (
                f"Different dimensions at index {index} between source and result.  "
                "Broadcast requires the source dimension to be 1."
            )
    return ""


def _count(kind: Type) -> int:
    total = 1
    for length in kind.shape:
        total *= length
    return total


def reshape_count(op: Operation) -> str:
    same = _count(op.operands[0].type) == _count(op.results[0].type)
    return "" if same else "number of src and dst elements of reshape must be the same"


def one_element(op: Operation) -> str:
    one = _count(op.operands[0].type) == 1
    return "" if one else "source tensor must have exactly one element"


def mask_like_source(op: Operation) -> str:
    if len(op.operands) < 2 or op.operands[1].type.shape == op.operands[0].type.shape:
        return ""
    return "op failed to verify that mask type matches src type"


def gather_shapes(op: Operation) -> str:
    source, index = op.operands[0].type.shape, op.operands[1].type.shape
    axis = int(op.properties["axis"].value)
    if len(source) != len(index):
        return "op input and indices ranks must match"
    if axis >= len(source):
        return "op gather dimension must be less than the input rank"
    for number, (have, want) in enumerate(zip(index, source)):
        if number != axis and have != want:
            return f"op indices dimension {number} must match the corresponding input dimension"
    return ""


def dot_shapes(op: Operation) -> str:
    a, b, c = (v.type for v in op.operands[:3])
    if not (len(a.shape) == len(b.shape) == len(c.shape) and len(a.shape) in (2, 3)):
        return "op expected operands to be 2d or 3d"
    if a.shape[:-2] != b.shape[:-2] or a.shape[:-2] != c.shape[:-2]:
        return (
            "op expected the first dimension of the first operand to be equal to the first "
            "dimension of the result"
        )
    if a.shape[-1] != b.shape[-2]:
        return (
            "op expected the last dimension of the first operand to be equal to the "
            "second-to-last dimension of the second operand"
        )
    if c.shape[-2:] != (a.shape[-2], b.shape[-1]):
        return (
            "op expected the output shape to be the concatenation of the last dimension of the "
            "first operand and the last dimension of the second "
        )
    same = a.elem.width == b.elem.width
    return "" if same else "element types of operands A and B must have same bit width"


def combine_region(op: Operation) -> str:
    """Reductions and scans: two of each element in, one of each out."""
    if len(op.regions[0].blocks) != 1:
        return "op region #0 ('combineOp') failed to verify constraint: region with 1 blocks"
    body, count = op.regions[0].blocks[0], len(op.operands)
    if len(body.arguments) != 2 * count:
        return (
            f"op nested block must take {2 * count} arguments, but given block with "
            f"{len(body.arguments)} arguments"
        )
    wanted = [v.type.elem for v in op.operands]
    if finding := _expected([a.type for a in body.arguments], wanted * 2):
        return finding
    if not body.has_terminator():
        return ""  # found by the walk
    returned = body.operations[-1].operands
    if len(returned) != count:
        return f"op expected combine operation to return {count} values but got {len(returned)}"
    return _expected([v.type for v in returned], wanted)


def _expected(found: Sequence[Type], wanted: Sequence[Type]) -> str:
    for index, (have, want) in enumerate(zip(found, wanted)):
        if have is not want:
            return (
                f"op type mismatch on combine operation. Expected argument {index} to have "
                f"type '{want}' but got '{have}'"
            )
    return ""


def edge(values: Sequence[Value], targets: Sequence[Type], source: str, target: str) -> str:
    """What flows from `source` to `target` has the types that are received there."""
    way = f"op along control flow edge from {source} to {target}:"
    if len(values) != len(targets):
        return (
            f"{way} region branch point has {len(values)} operands, but region successor needs "
            f"{len(targets)} inputs"
        )
    for index, (value, want) in enumerate(zip(values, targets)):
        if value.type is not want:
            return (
                f"{way} successor operand type #{index} '{value.type}' should match successor "
                f"input type #{index} '{want}'"
            )
    return ""
