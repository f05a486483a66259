"""Types of recorded values: one object per type, so that types are compared with `is`.

Texts are MLIR's, as Triton's native module prints them.
"""

from __future__ import annotations

from collections.abc import Sequence


class Type:
    """A type of Triton's IR.

    kind: "int", "float", "ptr", "tensor", "desc" (tensor descriptor), "func" or "none".
    width: bits of a scalar. elem: of a tensor or pointer its element, of a descriptor its block.
    shape: of a tensor, or of a descriptor's block. inputs, outputs: of a function.
    """

    __slots__ = ("text", "kind", "width", "elem_", "shape", "inputs", "outputs")

    def __init__(
        self,
        text: str,
        kind: str,
        width: int = 0,
        elem: Type | None = None,
        shape: tuple[int, ...] = (),
        inputs: tuple[Type, ...] = (),
        outputs: tuple[Type, ...] = (),
    ):
        self.text, self.kind, self.width, self.elem_ = text, kind, width, elem
        self.shape, self.inputs, self.outputs = shape, inputs, outputs

    @property
    def elem(self) -> Type:
        """The element of a tensor or pointer, or the block of a descriptor."""
        if self.elem_ is None:
            raise TypeError(f"{self.text} has no element type")
        return self.elem_

    @property
    def scalar(self) -> Type:
        """The element of a tensor; any other type itself."""
        return self.elem if self.kind == "tensor" else self

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    # The names below are those of Triton's native module.
    def is_integer(self, width: int) -> bool:
        return self.kind == "int" and self.width == width

    def is_fp16(self) -> bool:
        return self is F16

    def param_types(self) -> list[Type]:
        return list(self.inputs)


_known: dict[str, Type] = {}


def _one(made: Type) -> Type:
    return _known.setdefault(made.text, made)


def _integer(width: int) -> Type:
    return _one(Type(f"i{width}", "int", width))


def _float(text: str, width: int) -> Type:
    return _one(Type(text, "float", width))


I1, I8, I16, I32, I64, I128 = (_integer(w) for w in (1, 8, 16, 32, 64, 128))
F16, BF16, F32, F64 = _float("f16", 16), _float("bf16", 16), _float("f32", 32), _float("f64", 64)
F8E4M3, F8E5M2 = _float("f8E4M3FN", 8), _float("f8E5M2", 8)
F8E4M3_FNUZ, F8E5M2_FNUZ = _float("f8E4M3FNUZ", 8), _float("f8E5M2FNUZ", 8)
NONE = _one(Type("none", "none"))

_SPACES = ("global", "constant")


def pointer(elem: Type, space: str = "global") -> Type:
    """!tt.ptr<elem>. Raises ValueError for a space that Triton does not have."""
    if space not in _SPACES:
        raise ValueError(f"invalid pointer address space {space!r}")
    inner = elem.text if space == "global" else f'{elem.text}, "{space}"'
    return _one(Type(f"!tt.ptr<{inner}>", "ptr", 64, elem))


def tensor(elem: Type, shape: Sequence[int]) -> Type:
    """tensor<2x4xf32>."""
    inner = "x".join([*map(str, shape), elem.text])
    return _one(Type(f"tensor<{inner}>", "tensor", 0, elem, tuple(shape)))


def descriptor(block: Type, signed: bool = True, wrapped: bool = False) -> Type:
    """!tt.tensordesc<16x32xf32> of a block type; integers are written as si8 or ui8.

    `wrapped`: as versions before 3.8 write it, !tt.tensordesc<tensor<16x32xf32>>.
    """
    elem = block.elem.text
    if block.elem.kind == "int":
        elem = ("s" if signed else "u") + elem
    inner = "x".join([*map(str, block.shape), elem])
    text = f"tensor<{inner}>" if wrapped else inner
    return _one(Type(f"!tt.tensordesc<{text}>", "desc", 0, block, block.shape))


def function(inputs: Sequence[Type], outputs: Sequence[Type]) -> Type:
    """(i32, f32) -> f32."""
    result = outputs[0].text if len(outputs) == 1 else _listed(outputs)
    text = f"{_listed(inputs)} -> {result}"
    return _one(Type(text, "func", inputs=tuple(inputs), outputs=tuple(outputs)))


def _listed(types: Sequence[Type]) -> str:
    return "(" + ", ".join(t.text for t in types) + ")"


def like(shaped: Type, elem: Type) -> Type:
    """`elem` in the shape of `shaped`: a tensor if that is one."""
    return tensor(elem, shaped.shape) if shaped.kind == "tensor" else elem
