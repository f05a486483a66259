// <metal_simdgroup>: shuffles, reductions, scans and votes of the 32 lanes.
//
// Every function is one rendezvous: all lanes publish a value, then each computes its answer from
// what the others published. Metal takes components of at most 32 bits; the few 64-bit and bool
// shuffles that MLX adds are allowed, the others are rejected as Metal would.
#pragma once
namespace metal {
template <class T>
struct exchanged {
  const unsigned char (*values)[MSL_SLOT_BYTES];
  uint lane, active;
  MSL_UNCHECKED METAL_FUNC T of(uint other) const {
    T value;
    __builtin_memcpy(&value, values[other & (MSL_LANES - 1)], sizeof(T));
    return value;
  }
  METAL_FUNC bool takes_part(uint other) const {
    return other < MSL_LANES && (active >> other & 1);
  }
};
template <class T>
MSL_UNCHECKED METAL_FUNC exchanged<T> exchange(T value, const void* site) {
  static_assert(sizeof(T) <= MSL_SLOT_BYTES);
  auto values = msl_exchange(&value, sizeof(T), site);
  return {values, msl_current->lane, msl_current->active};
}

#define MSL_WIDTH static_assert(sizeof(ve<T>) <= 4 && !is_same_v<T, bool>, \
                                "no simd function for this type: at most 32 bits, not bool")

#define MSL_SHUFFLE(name, WIDTH, source)                              \
  template <class T>                                                  \
  MSL_RENDEZVOUS T name(T value, ushort by) {                         \
    WIDTH;                                                            \
    auto all = exchange(value, MSL_SITE);                             \
    uint lane = all.lane, from = (source);                            \
    return from < MSL_LANES ? all.of(from) : value;                   \
  }
MSL_SHUFFLE(simd_shuffle, , by + 0 * lane)
MSL_SHUFFLE(simd_shuffle_up, , lane - by)
MSL_SHUFFLE(simd_shuffle_down, , lane + by)
MSL_SHUFFLE(simd_shuffle_xor, MSL_WIDTH, lane ^ by)
MSL_SHUFFLE(simd_shuffle_rotate_up, MSL_WIDTH, (lane - by) & 31)
MSL_SHUFFLE(simd_shuffle_rotate_down, MSL_WIDTH, (lane + by) & 31)
MSL_SHUFFLE(simd_broadcast, MSL_WIDTH, by + 0 * lane)

template <class T>
MSL_RENDEZVOUS T simd_broadcast_first(T value) {
  MSL_WIDTH;
  auto all = exchange(value, MSL_SITE);
  return all.of(__builtin_ctz(all.active));
}
template <class T>
struct filled {
  T value, filling;
};
template <class T>
MSL_RENDEZVOUS T simd_shuffle_and_fill_up(T value, T filling, ushort by) {
  auto all = exchange(filled<T>{value, filling}, MSL_SITE);
  return all.lane >= by ? all.of(all.lane - by).value : all.of(32 + all.lane - by).filling;
}
template <class T>
MSL_RENDEZVOUS T simd_shuffle_and_fill_down(T value, T filling, ushort by) {
  MSL_WIDTH;
  auto all = exchange(filled<T>{value, filling}, MSL_SITE);
  return all.lane + by < 32 ? all.of(all.lane + by).value : all.of(all.lane + by - 32).filling;
}

#define MSL_REDUCE(name, combined)                                  \
  template <class T>                                                \
  MSL_RENDEZVOUS T name(T value) {                                  \
    MSL_WIDTH;                                                      \
    auto all = exchange(value, MSL_SITE);                           \
    uint first = __builtin_ctz(all.active);                         \
    T total = all.of(first);                                        \
    for (uint other = first + 1; other < MSL_LANES; other++) {      \
      if (!all.takes_part(other)) continue;                         \
      T next = all.of(other);                                       \
      total = (T)(combined);                                        \
    }                                                               \
    return total;                                                   \
  }
MSL_REDUCE(simd_sum, total + next)
MSL_REDUCE(simd_product, total* next)
MSL_REDUCE(simd_max, metal::max(total, next))
MSL_REDUCE(simd_min, metal::min(total, next))
MSL_REDUCE(simd_and, total& next)
MSL_REDUCE(simd_or, total | next)
MSL_REDUCE(simd_xor, total ^ next)

#define MSL_SCAN(name, identity, op, own)                              \
  template <class T>                                                   \
  MSL_RENDEZVOUS T name(T value) {                                     \
    MSL_WIDTH;                                                         \
    auto all = exchange(value, MSL_SITE);                              \
    T total = (T)(identity);                                           \
    for (uint other = 0; other < all.lane + own; other++)              \
      if (all.takes_part(other)) total = (T)(total op all.of(other));  \
    return total;                                                      \
  }
MSL_SCAN(simd_prefix_inclusive_sum, 0, +, 1)
MSL_SCAN(simd_prefix_exclusive_sum, 0, +, 0)
MSL_SCAN(simd_prefix_inclusive_product, 1, *, 1)
MSL_SCAN(simd_prefix_exclusive_product, 1, *, 0)

struct simd_vote {
  typedef ulong vote_t;
  ulong bits;
  uint active;
  explicit operator ulong() const { return bits; }
  bool all() const { return bits == active; }
  bool any() const { return bits != 0; }
};
MSL_UNCHECKED METAL_FUNC simd_vote vote(bool yes, const void* site) {
  auto all = exchange((uint)yes, site);
  ulong bits = 0;
  for (uint other = 0; other < MSL_LANES; other++)
    if (all.takes_part(other) && all.of(other)) bits |= 1ul << other;
  return {bits, all.active};
}
MSL_RENDEZVOUS inline simd_vote simd_ballot(bool yes) { return vote(yes, MSL_SITE); }
MSL_RENDEZVOUS inline bool simd_any(bool yes) { return vote(yes, MSL_SITE).any(); }
MSL_RENDEZVOUS inline bool simd_all(bool yes) { return vote(yes, MSL_SITE).all(); }
MSL_RENDEZVOUS inline bool simd_is_first() {
  auto all = exchange(0u, MSL_SITE);
  return all.lane == (uint)__builtin_ctz(all.active);
}
} // namespace metal
