"""Elementwise operations as functions, and the kernels that apply a tuple of them to the same operands."""

import triton
import triton.language as tl


@triton.jit
def unary(ins, outs, n, OPS: tl.constexpr, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a = tl.load(ins[0] + c, mask=c < n)
    for k in tl.static_range(len(OPS)):
        tl.store(outs[k] + c, OPS[k](a), mask=c < n)


@triton.jit
def binary(ins, outs, n, OPS: tl.constexpr, BLOCK: tl.constexpr):
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a = tl.load(ins[0] + c, mask=c < n)
    b = tl.load(ins[1] + c, mask=c < n)
    for k in tl.static_range(len(OPS)):
        tl.store(outs[k] + c, OPS[k](a, b), mask=c < n)


@triton.jit
def ternary(ins, outs, n, OPS: tl.constexpr, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a = tl.load(ins[0] + i, mask=i < n)
    b = tl.load(ins[1] + i, mask=i < n)
    c = tl.load(ins[2] + i, mask=i < n)
    for k in tl.static_range(len(OPS)):
        tl.store(outs[k] + i, OPS[k](a, b, c), mask=i < n)


@triton.jit
def apart(ins, outs, n, OPS: tl.constexpr, BLOCK: tl.constexpr):
    # Every operation has operands of its own: those for which Triton defines its result.
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    for k in tl.static_range(len(OPS)):
        if len(ins[k]) == 1:
            found = OPS[k](tl.load(ins[k][0] + c, mask=c < n))
        else:
            found = OPS[k](tl.load(ins[k][0] + c, mask=c < n), tl.load(ins[k][1] + c, mask=c < n))
        tl.store(outs[k] + c, found, mask=c < n)


# Two operands.


@triton.jit
def add(a, b):
    return a + b


@triton.jit
def sub(a, b):
    return a - b


@triton.jit
def mul(a, b):
    return a * b


@triton.jit
def truediv(a, b):
    return a / b


@triton.jit
def floordiv(a, b):
    return a // b


@triton.jit
def mod(a, b):
    return a % b


@triton.jit
def and_(a, b):
    return a & b


@triton.jit
def or_(a, b):
    return a | b


@triton.jit
def xor(a, b):
    return a ^ b


@triton.jit
def shl(a, b):
    return a << b


@triton.jit
def shr(a, b):
    return a >> b


@triton.jit
def eq(a, b):
    return a == b


@triton.jit
def ne(a, b):
    return a != b


@triton.jit
def lt(a, b):
    return a < b


@triton.jit
def le(a, b):
    return a <= b


@triton.jit
def gt(a, b):
    return a > b


@triton.jit
def ge(a, b):
    return a >= b


@triton.jit
def maximum(a, b):
    return tl.maximum(a, b)


@triton.jit
def minimum(a, b):
    return tl.minimum(a, b)


@triton.jit
def maximum_nan(a, b):
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def minimum_nan(a, b):
    return tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def umulhi(a, b):
    return tl.umulhi(a, b)


@triton.jit
def div_rn(a, b):
    return tl.div_rn(a, b)


@triton.jit
def fdiv(a, b):
    return tl.fdiv(a, b)


@triton.jit
def cdiv(a, b):
    return tl.cdiv(a, b)


@triton.jit
def where(a, b):
    return tl.where(a < b, a, b)


# Three operands.


@triton.jit
def fma(a, b, c):
    return tl.fma(a, b, c)


@triton.jit
def clamp(a, b, c):
    return tl.clamp(a, tl.minimum(b, c), tl.maximum(b, c))


@triton.jit
def clamp_nan(a, b, c):
    return tl.clamp(a, tl.minimum(b, c), tl.maximum(b, c), propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def select(a, b, c):
    return tl.where(a != 0, b, c)


# One operand.


@triton.jit
def copy(a):
    return a


@triton.jit
def neg(a):
    return -a


@triton.jit
def invert(a):
    return ~a


@triton.jit
def abs_(a):
    return tl.abs(a)


@triton.jit
def exp(a):
    return tl.exp(a)


@triton.jit
def exp2(a):
    return tl.exp2(a)


@triton.jit
def log(a):
    return tl.log(a)


@triton.jit
def log2(a):
    return tl.log2(a)


@triton.jit
def sin(a):
    return tl.sin(a)


@triton.jit
def cos(a):
    return tl.cos(a)


@triton.jit
def sqrt(a):
    return tl.sqrt(a)


@triton.jit
def rsqrt(a):
    return tl.rsqrt(a)


@triton.jit
def sqrt_rn(a):
    return tl.sqrt_rn(a)


@triton.jit
def erf(a):
    return tl.erf(a)


@triton.jit
def floor(a):
    return tl.floor(a)


@triton.jit
def ceil(a):
    return tl.ceil(a)


@triton.jit
def sigmoid(a):
    return tl.sigmoid(a)


# With a scalar: the other operand's type wins.


@triton.jit
def add_scalar(a):
    return a + 1


@triton.jit
def mul_scalar(a):
    return 2.5 * a
