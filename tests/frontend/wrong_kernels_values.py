"""Wrong kernels: numbers, pointers, memory, tiles and calls. The wrong line says `# wrong`."""

# ruff: noqa
from __future__ import annotations

import triton
import triton.language as tl

NUMBER = 3


@triton.jit
def helper(a, b):
    return a + b


def plain(a):
    return a


@triton.jit
def narrower(a, b):
    return (a + b).to(tl.float16)


@triton.jit
def doubled(a, b):
    return a, b


@triton.jit
def floats_and(f):
    v = f & f  # wrong


@triton.jit
def floats_shifted(f):
    v = f << 2  # wrong


@triton.jit
def floats_inverted(f):
    v = ~f  # wrong


@triton.jit
def pointers_added(x):
    v = x + x  # wrong


@triton.jit
def pointers_multiplied(x):
    v = x * 2  # wrong


@triton.jit
def pointers_divided(x):
    v = x / 2  # wrong


@triton.jit
def pointer_and_float(x):
    v = x + 1.5  # wrong


@triton.jit
def pointer_negated(x):
    v = -x  # wrong


@triton.jit
def exponential_of_integers(n):
    v = tl.exp(n)  # wrong


@triton.jit
def root_of_integers(n):
    v = tl.sqrt(n)  # wrong


@triton.jit
def sine_of_integers(n):
    v = tl.sin(n)  # wrong


@triton.jit
def high_product_of_floats(f):
    v = tl.umulhi(f, f)  # wrong


@triton.jit
def bits_of_another_size(f):
    v = f.to(tl.int16, bitcast=True)  # wrong


@triton.jit
def rounding_that_is_none(f):
    v = f.to(tl.float16, fp_downcast_rounding="up")  # wrong


@triton.jit
def rounding_upwards(y):
    v = tl.load(y)
    w = v.to(tl.float32, fp_downcast_rounding="rtz")  # wrong


@triton.jit
def load_with_other_alone(x):
    v = tl.load(x, other=1.0)  # wrong


@triton.jit
def load_with_a_mask_of_a_tile(x):
    m = tl.arange(0, 16) > 3
    v = tl.load(x, mask=m)  # wrong


@triton.jit
def load_with_a_mask_of_another_shape(x):
    m = tl.arange(0, 16) > 3
    v = tl.load(x + tl.arange(0, 8), mask=m)  # wrong


@triton.jit
def load_with_another_modifier(x):
    v = tl.load(x, cache_modifier=".zz")  # wrong


@triton.jit
def load_with_another_policy(x):
    v = tl.load(x, eviction_policy="never")  # wrong


@triton.jit
def load_with_other_padding(x):
    v = tl.load(x, padding_option="one")  # wrong


@triton.jit
def store_with_another_modifier(x):
    tl.store(x, 1.0, cache_modifier=".ca")  # wrong


@triton.jit
def atomic_with_another_order(x):
    v = tl.atomic_add(x, 1.0, sem="later")  # wrong


@triton.jit
def atomic_with_another_scope(x):
    v = tl.atomic_add(x, 1.0, scope="world")  # wrong


@triton.jit
def atomic_of_bytes(c):
    v = tl.atomic_add(c, 1)  # wrong


@triton.jit
def axis_of_the_grid(x):
    v = tl.program_id(7)  # wrong


@triton.jit
def axis_of_the_grid_of_a_variable(n):
    v = tl.program_id(n)  # wrong


@triton.jit
def join_of_two_shapes(x):
    a = tl.arange(0, 16)
    b = tl.join(a, tl.zeros((4, 8), tl.int32))  # wrong


@triton.jit
def split_of_three(x):
    a = tl.zeros((16, 4), tl.int32)
    b, c = tl.split(a)  # wrong


@triton.jit
def catenation_of_two_types(x):
    a = tl.arange(0, 16)
    b = tl.cat(a, tl.zeros((16,), tl.float32))  # wrong


@triton.jit
def gather_of_another_rank(x):
    a = tl.zeros((4, 8), tl.float32)
    b = tl.gather(a, tl.arange(0, 8), 0)  # wrong


@triton.jit
def gather_by_floats(x):
    a = tl.zeros((8,), tl.float32)
    b = tl.gather(a, a, 0)  # wrong


@triton.jit
def gather_along_no_axis(x):
    a = tl.arange(0, 8)
    b = tl.gather(a, a, 3)  # wrong


@triton.jit
def histogram_of_floats(x):
    a = tl.zeros((8,), tl.float32)
    b = tl.histogram(a, 16)  # wrong


@triton.jit
def histogram_of_tiles(x):
    a = tl.zeros((4, 8), tl.int32)
    b = tl.histogram(a, 16)  # wrong


@triton.jit
def sort_of_another_axis(x):
    a = tl.zeros((4, 8), tl.int32)
    b = tl.sort(a, 0)  # wrong


@triton.jit
def broadcast_to_another_shape(x):
    a = tl.zeros((4, 8), tl.int32)
    b = tl.broadcast_to(a, (8, 8))  # wrong


@triton.jit
def broadcast_to_another_rank(x):
    a = tl.zeros((4, 8), tl.int32)
    b = tl.broadcast_to(a, (8,))  # wrong


@triton.jit
def missing_argument(x):
    v = helper(1)  # wrong


@triton.jit
def unknown_keyword(x):
    v = helper(1, 2, other=3)  # wrong


@triton.jit
def plain_function(x):
    v = plain(x)  # wrong


@triton.jit
def global_number(x):
    v = x + NUMBER  # wrong


@triton.jit
def false_assertion(x):
    tl.static_assert(1 > 2, "never")  # wrong


@triton.jit
def tuple_of_another_length(x):
    a, b = 1, 2, 3  # wrong


@triton.jit
def index_by_a_number(x):
    a = tl.arange(0, 16)
    b = a[3]  # wrong


@triton.jit
def attribute_that_is_none(x):
    a = tl.arange(0, 16)
    b = a.nothing  # wrong


@triton.jit
def combine_of_another_type(x):
    a = tl.zeros((16,), tl.float32)
    b = tl.reduce(a, 0, narrower)  # wrong


@triton.jit
def combine_of_more_results(x):
    a = tl.zeros((16,), tl.float32)
    b = tl.reduce(a, 0, doubled)  # wrong


@triton.jit
def descriptor_of_another_rank(x, n):
    d = tl.make_tensor_descriptor(x, [n, n], [n, 1], [16])  # wrong


@triton.jit
def descriptor_without_a_row(x, n):
    d = tl.make_tensor_descriptor(x, [n, n], [n, n], [16, 16])  # wrong


@triton.jit
def descriptor_of_a_small_block(x, n):
    d = tl.make_tensor_descriptor(x, [n, n], [n, 1], [16, 1])  # wrong


@triton.jit
def print_with_a_number(x):
    tl.device_print(x)  # wrong


@triton.jit
def cast_to_no_type(n):
    v = n.to(7)  # wrong


@triton.jit
def power_of_a_tile(n):
    a = tl.arange(0, 16)
    b = a**n  # wrong
