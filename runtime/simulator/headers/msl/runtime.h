// Services of the runtime (fibers.cpp, checker.cpp), and barriers.
#pragma once
#include "context.h"

extern "C" {
extern msl_lane* msl_current;
// Publish bytes to the simdgroup; returns what every lane published, all bits set for absent lanes.
const unsigned char (*msl_exchange(const void* value, uint bytes, const void* site))[MSL_SLOT_BYTES];
// The lane's next msl_exchange is a matrix operation, which counts as so many of 8x8 matrices.
void msl_matrix_operation(enum msl_meeting kind, uint count);
void msl_threadgroup_barrier(uint flags, const void* site);
void msl_simdgroup_barrier(uint flags, const void* site);
void msl_atomic_access(const void* address, uint bytes, bool reads, bool writes, const void* site);
void msl_threadgroup_variable(const void* at, ulong bytes, ulong align, const char* name);
}

namespace metal {
enum class mem_flags : uint {
  mem_none = 0,
  mem_device = 1,
  mem_threadgroup = 2,
  mem_texture = 4,
  mem_threadgroup_imageblock = 8,
};
METAL_FUNC constexpr mem_flags operator|(mem_flags a, mem_flags b) {
  return mem_flags(uint(a) | uint(b));
}
MSL_RENDEZVOUS inline void threadgroup_barrier(mem_flags flags) {
  msl_threadgroup_barrier((uint)flags, MSL_SITE);
}
MSL_RENDEZVOUS inline void simdgroup_barrier(mem_flags flags) {
  msl_simdgroup_barrier((uint)flags, MSL_SITE);
}
} // namespace metal
