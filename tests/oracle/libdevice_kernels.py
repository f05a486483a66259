"""One kernel whose function is chosen when it is compiled, for every name of libdevice that is supported."""

import triton
import triton.language as tl
from triton.language.extra import libdevice


@triton.jit
def one_argument(x_ptr, out_ptr, FUNCTION: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr + at, FUNCTION(tl.load(x_ptr + at)).to(tl.float32))


@triton.jit
def two_arguments(x_ptr, y_ptr, out_ptr, FUNCTION: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr + at, FUNCTION(tl.load(x_ptr + at), tl.load(y_ptr + at)))


@triton.jit
def integer_power(x_ptr, out_ptr, EXPONENT: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr + at, libdevice.pow(tl.load(x_ptr + at), EXPONENT))


@triton.jit
def no_such_function(x_ptr, out_ptr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr + at, libdevice.add_rz(tl.load(x_ptr + at), 1.0))


@triton.jit
def negated_test(x_ptr, out_ptr, FUNCTION: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr + at, tl.where(~FUNCTION(tl.load(x_ptr + at)), 1.0, 0.0))
