"""Casts as functions: to every type by value, by bits, and towards zero."""

import triton
import triton.language as tl


@triton.jit
def to_bool(a):
    return a.to(tl.int1)


@triton.jit
def to_int8(a):
    return a.to(tl.int8)


@triton.jit
def to_uint8(a):
    return a.to(tl.uint8)


@triton.jit
def to_int16(a):
    return a.to(tl.int16)


@triton.jit
def to_uint16(a):
    return a.to(tl.uint16)


@triton.jit
def to_int32(a):
    return a.to(tl.int32)


@triton.jit
def to_uint32(a):
    return a.to(tl.uint32)


@triton.jit
def to_int64(a):
    return a.to(tl.int64)


@triton.jit
def to_uint64(a):
    return a.to(tl.uint64)


@triton.jit
def to_float16(a):
    return a.to(tl.float16)


@triton.jit
def to_bfloat16(a):
    return a.to(tl.bfloat16)


@triton.jit
def to_float32(a):
    return a.to(tl.float32)


@triton.jit
def to_float64(a):
    return a.to(tl.float64)


@triton.jit
def to_float8e4nv(a):
    return a.to(tl.float8e4nv)


@triton.jit
def to_float8e5(a):
    return a.to(tl.float8e5)


@triton.jit
def bits_int8(a):
    return a.to(tl.int8, bitcast=True)


@triton.jit
def bits_uint8(a):
    return a.to(tl.uint8, bitcast=True)


@triton.jit
def bits_int16(a):
    return a.to(tl.int16, bitcast=True)


@triton.jit
def bits_uint16(a):
    return a.to(tl.uint16, bitcast=True)


@triton.jit
def bits_int32(a):
    return a.to(tl.int32, bitcast=True)


@triton.jit
def bits_uint32(a):
    return a.to(tl.uint32, bitcast=True)


@triton.jit
def bits_int64(a):
    return a.to(tl.int64, bitcast=True)


@triton.jit
def bits_uint64(a):
    return a.to(tl.uint64, bitcast=True)


@triton.jit
def bits_float16(a):
    return a.to(tl.float16, bitcast=True)


@triton.jit
def bits_bfloat16(a):
    return a.to(tl.bfloat16, bitcast=True)


@triton.jit
def bits_float32(a):
    return a.to(tl.float32, bitcast=True)


@triton.jit
def bits_float64(a):
    return a.to(tl.float64, bitcast=True)


@triton.jit
def bits_float8e4nv(a):
    return a.to(tl.float8e4nv, bitcast=True)


@triton.jit
def bits_float8e5(a):
    return a.to(tl.float8e5, bitcast=True)


@triton.jit
def cut_float16(a):
    return a.to(tl.float16, fp_downcast_rounding="rtz")


@triton.jit
def cut_bfloat16(a):
    return a.to(tl.bfloat16, fp_downcast_rounding="rtz")


@triton.jit
def cut_float32(a):
    return a.to(tl.float32, fp_downcast_rounding="rtz")


@triton.jit
def cut_float8e4nv(a):
    return a.to(tl.float8e4nv, fp_downcast_rounding="rtz")


@triton.jit
def cut_float8e5(a):
    return a.to(tl.float8e5, fp_downcast_rounding="rtz")
