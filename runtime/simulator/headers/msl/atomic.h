// <metal_atomic>. Fibers never preempt each other, so a plain access is atomic; the checker is told.
#pragma once
namespace metal {
enum memory_order {
  memory_order_relaxed,
  memory_order_acquire,
  memory_order_release,
  memory_order_acq_rel,
  memory_order_seq_cst
};
template <class T>
inline constexpr bool has_atomic = is_same_v<T, int> || is_same_v<T, uint> || is_same_v<T, bool> ||
    is_same_v<T, ulong> || is_same_v<T, float>;
template <class T>
struct atomic {
  static_assert(has_atomic<T>, "Metal has atomic<int>, <uint>, <bool>, <ulong> and <float> only");
  T value;
};
typedef atomic<int> atomic_int;
typedef atomic<uint> atomic_uint;
typedef atomic<bool> atomic_bool;
typedef atomic<ulong> atomic_ulong;
typedef atomic<float> atomic_float;

// Integers wrap around.
template <class T>
METAL_FUNC T atomic_sum(T a, T b) {
  if constexpr (is_integral_v<T>) return (T)((ulong)a + (ulong)b);
  else return a + b;
}
template <class T>
METAL_FUNC T atomic_difference(T a, T b) {
  if constexpr (is_integral_v<T>) return (T)((ulong)a - (ulong)b);
  else return a - b;
}
template <class T>
T atomic_value_of(T);  // the type without const and address space
#define MSL_ATOMIC_TYPE using T = decltype(atomic_value_of(object->value))

// Read, combine with the operand, write back, return what was there.
#define MSL_FETCH(name, combined, allowed)                                        \
  template <class Object>                                                         \
  MSL_RENDEZVOUS auto name##_explicit(                                            \
      Object object,                                                              \
      decltype(atomic_value_of(object->value)) operand,                           \
      memory_order) {                                                             \
    MSL_ATOMIC_TYPE;                                                              \
    static_assert(allowed, #name " does not exist for this type");                \
    msl_atomic_access((const void*)&object->value, sizeof(T), true, true, MSL_SITE); \
    T old = object->value;                                                        \
    object->value = (T)(combined);                                                \
    return old;                                                                   \
  }
#define MSL_INT32 (is_same_v<T, int> || is_same_v<T, uint>)
#define MSL_NUMBER (MSL_INT32 || is_same_v<T, float>)
#define MSL_ANY true
MSL_FETCH(atomic_fetch_add, atomic_sum(old, operand), MSL_NUMBER)
MSL_FETCH(atomic_fetch_sub, atomic_difference(old, operand), MSL_NUMBER)
MSL_FETCH(atomic_fetch_max, metal::max(old, operand), MSL_INT32)
MSL_FETCH(atomic_fetch_min, metal::min(old, operand), MSL_INT32)
MSL_FETCH(atomic_fetch_and, old& operand, MSL_INT32)
MSL_FETCH(atomic_fetch_or, old | operand, MSL_INT32)
MSL_FETCH(atomic_fetch_xor, old ^ operand, MSL_INT32)
MSL_FETCH(atomic_exchange, operand, MSL_ANY)

// 64 bits: minimum and maximum only, and they return nothing.
#define MSL_ULONG_ONLY(name, function)                                                   \
  template <class Object>                                                                \
  MSL_RENDEZVOUS void name##_explicit(Object object, ulong operand, memory_order) {      \
    MSL_ATOMIC_TYPE;                                                                     \
    static_assert(is_same_v<T, ulong>, #name " exists for atomic<ulong> only");          \
    msl_atomic_access((const void*)&object->value, sizeof(T), true, true, MSL_SITE);     \
    object->value = function((ulong)object->value, operand);                             \
  }
MSL_ULONG_ONLY(atomic_max, metal::max)
MSL_ULONG_ONLY(atomic_min, metal::min)

template <class Object>
MSL_RENDEZVOUS auto atomic_load_explicit(Object object, memory_order) {
  MSL_ATOMIC_TYPE;
  msl_atomic_access((const void*)&object->value, sizeof(T), true, false, MSL_SITE);
  return (T)object->value;
}
template <class Object>
MSL_RENDEZVOUS void atomic_store_explicit(
    Object object,
    decltype(atomic_value_of(object->value)) desired,
    memory_order) {
  msl_atomic_access((const void*)&object->value, sizeof(desired), false, true, MSL_SITE);
  object->value = desired;
}
// Compares bits, as the hardware does: -0.0 is not 0.0 and a NaN equals itself.
template <class Object, class Expected>
MSL_RENDEZVOUS bool atomic_compare_exchange_weak_explicit(
    Object object,
    Expected expected,
    decltype(atomic_value_of(object->value)) desired,
    memory_order,
    memory_order) {
  MSL_ATOMIC_TYPE;
  static_assert(is_same_v<decltype(atomic_value_of(*expected)), T>, "expected has another type");
  msl_atomic_access((const void*)&object->value, sizeof(T), true, true, MSL_SITE);
  T old = object->value, wanted = *expected;
  if (__builtin_memcmp(&old, &wanted, sizeof(T)) == 0) {
    object->value = desired;
    return true;
  }
  *expected = old;
  return false;
}
} // namespace metal
