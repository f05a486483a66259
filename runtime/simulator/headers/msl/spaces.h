// Address spaces, and how a threadgroup variable is declared.
#pragma once
#define __METAL__ 1
#define __METAL_VERSION__ 320
#define METAL_FUNC inline __attribute__((always_inline))

#ifdef MSL_STATIC_CHECK
#define device __attribute__((address_space(1)))
#define constant __attribute__((address_space(2)))
#define threadgroup __attribute__((address_space(3)))
#define MSL_THREADGROUP static threadgroup
#else
#define MSL_ONE_ADDRESS_SPACE
#define device
#define constant
#define threadgroup
// All threadgroup variables of a kernel lie in one section: the runtime knows its bounds.
#define MSL_THREADGROUP __attribute__((section("msltg"))) static
#endif
#define thread

// MSL_DECLARED follows the declaration of every threadgroup variable (inserted by the simulator).
// In checked mode it tells the checker where the variable is, and keeps a gap behind it.
#ifdef MSL_CHECKED
#define MSL_DECLARED(name)                                                                  \
  __attribute__((section("msltg"), used)) static char msl_gap_after_##name[256];            \
  msl_threadgroup_variable(&name, sizeof(name), alignof(decltype(name)), #name);
#else
#define MSL_DECLARED(name)
#endif

// The simulator's own code is not part of the program that is checked.
#define MSL_UNCHECKED __attribute__((no_sanitize("thread", "undefined")))
// A rendezvous: its call must not be duplicated or moved into branches, and its return address is
// the place in the kernel that the checker names.
#define MSL_RENDEZVOUS MSL_UNCHECKED __attribute__((noinline, convergent, noduplicate))
#define MSL_SITE __builtin_return_address(0)
