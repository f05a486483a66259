// Arrays that a kernel updates atomically in more than one way (record.py: "xored"). The words of such an output
// are the exclusive or of the bits of old and new elements, so they may start from zero, and any update is a
// compare-and-swap of the word that the element lies in.

template <int bytes> struct tile_bits;
template <> struct tile_bits<4> { typedef uint type; };
template <> struct tile_bits<2> { typedef ushort type; };

// Floats in the order of their bits, as on the host (host_words.h: float_order).
template <typename T> METAL_FUNC uint tile_order_of(T x) {
  const uint value = as_type<typename tile_bits<sizeof(T)>::type>(x), each = 8 * uint(sizeof(T));
  const uint top = 1u << (each - 1);
  return (value & top) ? top - 1 - (value & (top - 1)) : (value | top);
}

// Element `index`, which was `before` when the kernel started, becomes `result` of `now`; what it was is returned.
#define TILE_UPDATE(name, result)                                                                   \
  template <typename T>                                                                             \
  METAL_FUNC T tile_update_##name(device uint* words, int index, T before, T value, T expected) {   \
    typedef typename tile_bits<sizeof(T)>::type bits;                                               \
    const uint each = 8 * uint(sizeof(T)), per = 32 / each;                                         \
    const uint shift = uint(index) % per * each, ones = 0xffffffffu >> (32 - each);                 \
    const uint old = as_type<bits>(before);                                                         \
    device atomic<uint>* at = (device atomic<uint>*)(words + uint(index) / per);                    \
    uint seen = atomic_load_explicit(at, memory_order_relaxed);                                     \
    while (true) {                                                                                  \
      const T now = as_type<T>(bits(((seen >> shift) & ones) ^ old));                               \
      const T next = result;                                                                        \
      const uint kept = seen & ~(ones << shift);                                                    \
      const uint wanted = kept | ((uint(as_type<bits>(next)) ^ old) << shift);                      \
      if (wanted == seen || atomic_compare_exchange_weak_explicit(                                  \
                                at, &seen, wanted, memory_order_relaxed, memory_order_relaxed))     \
        return now;                                                                                 \
    }                                                                                               \
  }
TILE_UPDATE(add, T(now + value))
TILE_UPDATE(fadd, T(now + value))
TILE_UPDATE(and, T(now & value))
TILE_UPDATE(or, T(now | value))
TILE_UPDATE(xor, T(now ^ value))
TILE_UPDATE(max, now < value ? value : now)
TILE_UPDATE(min, value < now ? value : now)
TILE_UPDATE(umax, now < value ? value : now)
TILE_UPDATE(umin, value < now ? value : now)
TILE_UPDATE(fmax, tile_order_of(value) > tile_order_of(now) ? value : now)
TILE_UPDATE(fmin, tile_order_of(value) < tile_order_of(now) ? value : now)
TILE_UPDATE(xchg, value)
TILE_UPDATE(cas, as_type<bits>(now) == as_type<bits>(expected) ? value : now)
TILE_UPDATE(load, now)
