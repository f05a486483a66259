// <metal_type_traits>, and the two questions the headers ask of every type: vn and ve.
#pragma once
namespace metal {
template <class T, int N>
using vec = T __attribute__((ext_vector_type(N)));

template <class T, T v>
struct integral_constant {
  static constexpr T value = v;
  using value_type = T;
  using type = integral_constant;
  constexpr operator T() const { return v; }
};
template <bool b>
using bool_constant = integral_constant<bool, b>;
using true_type = bool_constant<true>;
using false_type = bool_constant<false>;

template <bool b, class T = void>
struct enable_if {};
template <class T>
struct enable_if<true, T> {
  using type = T;
};
template <bool b, class T = void>
using enable_if_t = typename enable_if<b, T>::type;
template <bool b, class A, class B>
struct conditional {
  using type = A;
};
template <class A, class B>
struct conditional<false, A, B> {
  using type = B;
};
template <bool b, class A, class B>
using conditional_t = typename conditional<b, A, B>::type;

template <class T>
using remove_cv_t = __remove_cv(T);
template <class T>
using remove_reference_t = __remove_reference_t(T);
template <class T>
using remove_pointer_t = __remove_pointer(T);
template <class T>
struct remove_cv {
  using type = __remove_cv(T);
};
template <class T>
struct remove_reference {
  using type = __remove_reference_t(T);
};
template <class T>
struct make_unsigned {
  using type = __make_unsigned(T);
};
template <class T>
using make_unsigned_t = __make_unsigned(T);
template <class T>
using make_signed_t = __make_signed(T);

template <class A, class B>
inline constexpr bool is_same_v = __is_same(A, B);
template <class T>
inline constexpr bool is_floating_point_v = __is_floating_point(T) ||
    __is_same(__remove_cv(T), half) || __is_same(__remove_cv(T), bfloat);
template <class T>
inline constexpr bool is_integral_v = __is_integral(T);
template <class T>
inline constexpr bool is_signed_v = T(-1) < T(0);
template <class T>
inline constexpr bool is_unsigned_v = __is_integral(T) && !(T(-1) < T(0));
template <class T>
inline constexpr bool is_pointer_v = __is_pointer(T);
template <class T>
inline constexpr bool is_arithmetic_v = __is_integral(T) || is_floating_point_v<T>;
template <class A, class B>
inline constexpr bool is_convertible_v = __is_convertible(A, B);
template <class A, class B>
struct is_same : bool_constant<__is_same(A, B)> {};
template <class T>
struct is_floating_point : bool_constant<is_floating_point_v<T>> {};
template <class T>
struct is_integral : bool_constant<__is_integral(T)> {};
template <class T>
T&& declval();

// vn<T>: components of a vector, 0 for a scalar. ve<T>: type of one component.
template <class T>
struct shape_of {
  static constexpr int components = 0;
  using element = T;
};
template <class T, int N>
struct shape_of<T __attribute__((ext_vector_type(N)))> {
  static constexpr int components = N;
  using element = T;
};
template <class T>
inline constexpr int vn = shape_of<__remove_cv(T)>::components;
template <class T>
using ve = typename shape_of<__remove_cv(T)>::element;

template <class T, size_t N>
struct array {
  T items[N];
  METAL_FUNC constexpr T& operator[](size_t i) { return items[i]; }
  METAL_FUNC constexpr const T& operator[](size_t i) const { return items[i]; }
  static constexpr size_t size() { return N; }
};
} // namespace metal
