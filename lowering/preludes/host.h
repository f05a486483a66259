// The host prelude: a kernel body written in Metal becomes native C++ after this text.
// One thread runs one whole program, so there are no simdgroups and no barriers here.
#ifndef TRITON_MLX_HOST_H
#define TRITON_MLX_HOST_H

#include "host_types.h"
#include "host_math.h"
#include "host_dot.h"

using namespace metal;

#endif  // TRITON_MLX_HOST_H
