"""Operations on whole tiles: reductions, scans, shapes, sorting, control flow, random numbers."""

import triton
import triton.language as tl


@triton.jit
def tile(ins, outs, n, OPS: tl.constexpr, N: tl.constexpr, M: tl.constexpr):
    # Every operation gets two tiles of N x M and a number; it gives a tile of any shape, or a scalar.
    at = tl.arange(0, N)[:, None] * M + tl.arange(0, M)[None, :]
    one = tl.full((N, M), 1.0, tl.float32).to(ins[0].dtype.element_ty)
    x = tl.load(ins[0] + at, mask=at < n, other=one)
    y = tl.load(ins[1] + at, mask=at < n, other=one)
    for k in tl.static_range(len(OPS)):
        r = OPS[k](x, y, n)
        if len(r.shape) == 0:
            tl.store(outs[k], r)
        else:
            tl.store(outs[k] + tl.arange(0, r.numel), tl.reshape(r, (r.numel,)))


# Reductions.


@triton.jit
def sum_rows(x, y, n):
    return tl.sum(x, axis=1)


@triton.jit
def sum_columns(x, y, n):
    return tl.sum(x, axis=0)


@triton.jit
def sum_all(x, y, n):
    return tl.sum(x)


@triton.jit
def sum_kept(x, y, n):
    return tl.sum(x, axis=0, keep_dims=True)


@triton.jit
def sum_wide(x, y, n):
    return tl.sum(x, axis=1, dtype=tl.int64)


@triton.jit
def max_rows(x, y, n):
    return tl.max(x, axis=1)


@triton.jit
def min_columns(x, y, n):
    return tl.min(x, axis=0)


@triton.jit
def max_of_indexed(x, y, n):
    value, index = tl.max(x, axis=1, return_indices=True)
    return value


@triton.jit
def index_of_min(x, y, n):
    value, index = tl.min(x, axis=0, return_indices=True)
    return index


@triton.jit
def argmax(x, y, n):
    return tl.argmax(x, axis=0)


@triton.jit
def argmin(x, y, n):
    return tl.argmin(x, axis=1)


@triton.jit
def xor_sum(x, y, n):
    return tl.xor_sum(x, axis=1)


@triton.jit
def reduce_or(x, y, n):
    return tl.reduce_or(x, axis=0)


@triton.jit
def smaller(a, b):
    return tl.where(b < a, b, a)


@triton.jit
def reduce_custom(x, y, n):
    return tl.reduce(x, 1, smaller)


@triton.jit
def with_place(a, i, b, j):
    # The last of the smallest, and where it is.
    right = (b < a) | ((b == a) & (j > i))
    return tl.where(right, b, a), tl.where(right, j, i)


@triton.jit
def reduce_pair(x, y, n):
    place = tl.broadcast_to(tl.arange(0, x.shape[1])[None, :], x.shape)
    value, index = tl.reduce((x, place), 1, with_place)
    return index


@triton.jit
def softmax(x, y, n):
    return tl.softmax(x, dim=1)


# Scans.


@triton.jit
def cumsum_rows(x, y, n):
    return tl.cumsum(x, axis=1)


@triton.jit
def cumsum_columns(x, y, n):
    return tl.cumsum(x, axis=0)


@triton.jit
def cumsum_reverse(x, y, n):
    return tl.cumsum(x, axis=1, reverse=True)


@triton.jit
def cumprod(x, y, n):
    return tl.cumprod(y, axis=1)


@triton.jit
def scan_custom(x, y, n):
    return tl.associative_scan(x, 1, smaller)


@triton.jit
def scan_reverse(x, y, n):
    return tl.associative_scan(x, 0, smaller, reverse=True)


@triton.jit
def scan_pair(x, y, n):
    place = tl.broadcast_to(tl.arange(0, x.shape[1])[None, :], x.shape)
    value, index = tl.associative_scan((x, place), 1, with_place)
    return index


# Shapes.


@triton.jit
def trans(x, y, n):
    return tl.trans(x)


@triton.jit
def permute(x, y, n):
    return tl.permute(tl.reshape(x, (4, x.shape[0] // 4, x.shape[1])), (2, 0, 1))


@triton.jit
def reshape(x, y, n):
    return tl.reshape(x, (x.shape[1], x.shape[0]))


@triton.jit
def ravel(x, y, n):
    return tl.ravel(x)


@triton.jit
def view(x, y, n):
    return tl.view(x, (x.shape[0] // 2, x.shape[1] * 2))


@triton.jit
def expand_dims(x, y, n):
    return tl.expand_dims(x, 1)


@triton.jit
def unsqueeze(x, y, n):
    return tl.squeeze(tl.unsqueeze(x, 0), 0)


@triton.jit
def broadcast(x, y, n):
    row = tl.reshape(x, (4, x.numel // 4))
    column = tl.reshape(tl.arange(0, 4), (4, 1))
    a, b = tl.broadcast(column, row)
    return tl.where(a < 2, b, tl.zeros_like(b))


@triton.jit
def broadcast_to(x, y, n):
    return tl.broadcast_to(tl.expand_dims(x, 0), (2, x.shape[0], x.shape[1]))


@triton.jit
def join(x, y, n):
    return tl.join(x, y)


@triton.jit
def split(x, y, n):
    a, b = tl.split(tl.reshape(x, (x.shape[0], x.shape[1] // 2, 2)))
    return tl.where(a < b, b, a)


@triton.jit
def cat(x, y, n):
    return tl.cat(tl.ravel(x), tl.ravel(y))


@triton.jit
def interleave(x, y, n):
    return tl.interleave(x, y)


@triton.jit
def flip(x, y, n):
    return tl.flip(x, 1)


@triton.jit
def gather(x, y, n):
    index = tl.arange(0, x.shape[1])[None, :] * 5 + tl.arange(0, x.shape[0])[:, None]
    return tl.gather(x, index % x.shape[1], 1)


@triton.jit
def full(x, y, n):
    return tl.full((8, 4), 3, x.dtype)


@triton.jit
def zeros(x, y, n):
    return tl.zeros((16,), x.dtype)


# Sorting.


@triton.jit
def sort(x, y, n):
    return tl.sort(x)


@triton.jit
def sort_descending(x, y, n):
    return tl.sort(x, descending=True)


@triton.jit
def topk(x, y, n):
    return tl.topk(x, 4)


@triton.jit
def bitonic_merge(x, y, n):
    # The first half rising, the second one falling: a bitonic sequence.
    both = tl.join(tl.sort(x), tl.sort(x, descending=True))
    return tl.bitonic_merge(tl.reshape(tl.permute(both, (0, 2, 1)), (x.shape[0], 2 * x.shape[1])))


@triton.jit
def histogram(x, y, n):
    return tl.histogram(tl.ravel(x), 16)


@triton.jit
def histogram_masked(x, y, n):
    flat = tl.ravel(x)
    return tl.histogram(flat, 16, mask=flat > 3)
