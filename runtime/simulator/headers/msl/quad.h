// <metal_quadgroup>: the same for groups of four lanes.
#pragma once
namespace metal {
#define MSL_QUAD_REDUCE(name, combined)                               \
  template <class T>                                                  \
  MSL_RENDEZVOUS T name(T value) {                                    \
    MSL_WIDTH;                                                        \
    auto all = exchange(value, MSL_SITE);                             \
    uint first = all.lane & ~3u;                                      \
    T total = all.of(first);                                          \
    for (uint other = first + 1; other < first + 4; other++) {        \
      if (!all.takes_part(other)) continue;                           \
      T next = all.of(other);                                         \
      total = (T)(combined);                                          \
    }                                                                 \
    return total;                                                     \
  }
MSL_QUAD_REDUCE(quad_sum, total + next)
MSL_QUAD_REDUCE(quad_product, total* next)
MSL_QUAD_REDUCE(quad_max, metal::max(total, next))
MSL_QUAD_REDUCE(quad_min, metal::min(total, next))

#define MSL_QUAD_SHUFFLE(name, source)                        \
  template <class T>                                          \
  MSL_RENDEZVOUS T name(T value, ushort by) {                 \
    MSL_WIDTH;                                                \
    auto all = exchange(value, MSL_SITE);                     \
    uint lane = all.lane & 3u, from = (source);               \
    return from < 4 ? all.of((all.lane & ~3u) + from) : value; \
  }
MSL_QUAD_SHUFFLE(quad_shuffle, by + 0 * lane)
MSL_QUAD_SHUFFLE(quad_broadcast, by + 0 * lane)
MSL_QUAD_SHUFFLE(quad_shuffle_xor, lane ^ by)
MSL_QUAD_SHUFFLE(quad_shuffle_up, lane - by)
MSL_QUAD_SHUFFLE(quad_shuffle_down, lane + by)
} // namespace metal
