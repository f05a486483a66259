"""Wrong kernels: shapes, products, branches, loops and statements. The wrong line says `# wrong`."""

# ruff: noqa
from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def integers_fma(i):
    v = tl.load(i + tl.arange(0, 16))
    tl.store(i + tl.arange(0, 16), tl.fma(v, v, v))  # wrong


@triton.jit
def unknown_name(x):
    tl.store(x, nowhere)  # wrong


@triton.jit
def unknown_function(x):
    tl.store(x, tl.nothing(1.0))  # wrong


@triton.jit
def load_of_a_number(n):
    tl.load(n)  # wrong


@triton.jit
def load_of_a_tile_of_numbers(n):
    tl.load(n + tl.arange(0, 16))  # wrong


@triton.jit
def store_to_a_number(n):
    tl.store(n, 1)  # wrong


@triton.jit
def store_of_another_shape(x):
    at = tl.arange(0, 16)
    tl.store(x + at, tl.zeros((8,), tl.float32))  # wrong


@triton.jit
def store_of_a_tile_to_one_place(x):
    tl.store(x, tl.zeros((8,), tl.float32))  # wrong


@triton.jit
def shapes_that_do_not_broadcast(x):
    a = tl.arange(0, 16)
    b = a + tl.arange(0, 8)  # wrong


@triton.jit
def ranks_that_do_not_broadcast(x):
    a = tl.zeros((4, 8), tl.float32)
    b = a + tl.zeros((4, 4), tl.float32)  # wrong


@triton.jit
def range_of_three(x):
    a = tl.arange(0, 3)  # wrong


@triton.jit
def range_backwards(x):
    a = tl.arange(8, 0)  # wrong


@triton.jit
def range_of_a_variable(n):
    a = tl.arange(0, n)  # wrong


@triton.jit
def range_of_nothing(x):
    a = tl.arange(4, 4)  # wrong


@triton.jit
def zeros_of_three(x):
    a = tl.zeros((3,), tl.float32)  # wrong


@triton.jit
def zeros_of_a_variable(n):
    a = tl.zeros((n,), tl.float32)  # wrong


@triton.jit
def product_of_other_lengths(x):
    a = tl.zeros((16, 32), tl.float32)
    b = tl.dot(a, a)  # wrong


@triton.jit
def product_of_rows(x):
    a = tl.zeros((16,), tl.float32)
    b = tl.dot(a, a)  # wrong


@triton.jit
def product_of_two_types(x):
    a = tl.zeros((16, 16), tl.float32)
    b = tl.dot(a, a.to(tl.float16))  # wrong


@triton.jit
def product_into_another_shape(x):
    a = tl.zeros((16, 16), tl.float32)
    c = tl.zeros((32, 16), tl.float32)
    b = tl.dot(a, a, c)  # wrong


@triton.jit
def product_of_another_rank(x):
    a = tl.zeros((16, 16), tl.float32)
    b = tl.dot(a, tl.reshape(a, (1, 16, 16)))  # wrong


@triton.jit
def product_of_another_precision(x):
    a = tl.zeros((16, 16), tl.float32)
    b = tl.dot(a, a, input_precision="fp7")  # wrong


@triton.jit
def scaled_product_of_another_format(x):
    a = tl.zeros((32, 32), tl.uint8)
    s = tl.zeros((32, 1), tl.uint8)
    b = tl.dot_scaled(a, s, "e9m9", a, s, "e4m3")  # wrong


@triton.jit
def reshape_of_another_count(x):
    a = tl.zeros((16,), tl.float32)
    b = tl.reshape(a, (4, 8))  # wrong


@triton.jit
def view_of_another_count(x):
    a = tl.zeros((16,), tl.float32)
    b = a.reshape(32)  # wrong


@triton.jit
def order_that_is_none(x):
    a = tl.zeros((4, 8), tl.float32)
    b = tl.permute(a, (0, 0))  # wrong


@triton.jit
def order_that_is_too_short(x):
    a = tl.zeros((2, 4, 8), tl.float32)
    b = tl.permute(a, (1, 0))  # wrong


@triton.jit
def axis_that_is_none(x):
    a = tl.zeros((4, 8), tl.float32)
    b = tl.sum(a, 2)  # wrong


@triton.jit
def scan_of_an_axis_that_is_none(x):
    a = tl.zeros((4, 8), tl.float32)
    b = tl.cumsum(a, 2)  # wrong


@triton.jit
def axis_that_cannot_be_made(x):
    a = tl.zeros((4,), tl.float32)
    b = tl.expand_dims(a, 5)  # wrong


@triton.jit
def branches_of_two_types(x, n):
    v = tl.load(x)
    if n > 3:  # wrong
        v = tl.zeros((16,), tl.float32)


@triton.jit
def branches_of_two_kinds(x, n):
    if n > 3:  # wrong
        v = 1.0
    else:
        v = tl.zeros((16,), tl.float32)
    tl.store(x, v)


@triton.jit
def name_of_one_branch(x, n):
    if n > 3:
        v = 1.0
    tl.store(x, v)  # wrong


@triton.jit
def loop_that_changes_a_type(x, n):
    v = 1
    for k in range(n):  # wrong
        v = v + 1.5


@triton.jit
def loop_that_changes_a_shape(x, n):
    v = 1.0
    for k in range(n):  # wrong
        v = v + tl.zeros((16,), tl.float32)


@triton.jit
def while_that_changes_a_shape(x, n):
    v = 1.0
    while n > v:  # wrong
        v = v + tl.zeros((16,), tl.float32)


@triton.jit
def return_in_a_loop(x, n):
    for k in range(n):  # wrong
        return


@triton.jit
def break_in_a_loop(x, n):
    for k in range(n):
        break  # wrong


@triton.jit
def continue_in_a_loop(x, n):
    for k in range(n):
        continue  # wrong


@triton.jit
def step_of_zero(x, n):
    for k in tl.static_range(0, 4, 0):  # wrong
        tl.store(x, k)


@triton.jit
def loop_over_a_tile(x):
    for k in tl.arange(0, 16):  # wrong
        tl.store(x, k)


@triton.jit
def loop_over_floats(x, f):
    for k in range(f):  # wrong
        tl.store(x, k)


@triton.jit
def static_loop_of_a_variable(x, n):
    for k in tl.static_range(n):  # wrong
        tl.store(x, k)


@triton.jit
def lambda_in_a_kernel(x):
    f = lambda a: a + 1  # wrong


@triton.jit
def class_in_a_kernel(x):
    class A:  # wrong
        pass


@triton.jit
def try_in_a_kernel(x):
    try:  # wrong
        tl.store(x, 1.0)
    finally:
        pass


@triton.jit
def import_in_a_kernel(x):
    import math  # wrong


@triton.jit
def delete_in_a_kernel(x):
    a = 1
    del a  # wrong


@triton.jit
def raise_in_a_kernel(x):
    raise ValueError("no")  # wrong


@triton.jit
def function_in_a_kernel(x):
    def f():  # wrong
        return 1


@triton.jit
def yield_in_a_kernel(x):
    yield 1  # wrong


@triton.jit
def condition_of_a_tile(x):
    a = tl.arange(0, 16)
    if a > 3:  # wrong
        tl.store(x, 1.0)


@triton.jit
def choice_by_a_tile(x):
    a = tl.arange(0, 16)
    v = 1 if a > 3 else 2  # wrong
