"""The enumerations of Triton's native module, with its names and numbers."""

from __future__ import annotations

from enum import Enum


class PADDING_OPTION(Enum):
    PAD_ZERO = 1
    PAD_NAN = 2


class CACHE_MODIFIER(Enum):
    NONE = 1
    CA = 2
    CG = 3
    WB = 4
    CS = 5
    WT = 6
    CV = 7


class MEM_SEMANTIC(Enum):
    ACQUIRE_RELEASE = 4
    ACQUIRE = 2
    RELEASE = 3
    RELAXED = 1


class MEM_SYNC_SCOPE(Enum):
    GPU = 1
    CTA = 2
    SYSTEM = 3


class EVICTION_POLICY(Enum):
    NORMAL = 1
    EVICT_FIRST = 2
    EVICT_LAST = 3


class ATOMIC_OP(Enum):
    ADD = 4
    FADD = 5
    AND = 1
    OR = 2
    XOR = 3
    XCHG = 10
    MAX = 6
    MIN = 7
    UMIN = 9
    UMAX = 8


class DESCRIPTOR_REDUCE_KIND(Enum):
    ADD = 1
    AND = 6
    OR = 7
    XOR = 8
    MAX = 3
    MIN = 2
    INC = 4
    DEC = 5


class ROUNDING_MODE(Enum):
    RTZ = 0
    RTNE = 1


class PROPAGATE_NAN(Enum):
    NONE = 0
    ALL = 0xFFFF


class INPUT_PRECISION(Enum):
    TF32 = 0
    TF32x3 = 1
    IEEE = 2
    BF16x3 = 3
    BF16x6 = 4


class ScaleDotElemTypeTY(Enum):
    E4M3 = 0
    E5M2 = 1
    E2M3 = 2
    E3M2 = 3
    E2M1 = 4
    BF16 = 5
    FP16 = 6


ALL = (
    PADDING_OPTION,
    CACHE_MODIFIER,
    MEM_SEMANTIC,
    MEM_SYNC_SCOPE,
    EVICTION_POLICY,
    ATOMIC_OP,
    DESCRIPTOR_REDUCE_KIND,
    ROUNDING_MODE,
    PROPAGATE_NAN,
    INPUT_PRECISION,
    ScaleDotElemTypeTY,
)
# Triton also reads the members of these from the module itself (ir.NONE, ir.TF32).
EXPORTED = (PADDING_OPTION, MEM_SYNC_SCOPE, INPUT_PRECISION, ScaleDotElemTypeTY, CACHE_MODIFIER)
EXPORTED_LATER = (EVICTION_POLICY, MEM_SEMANTIC)
