// Metal's standard library for clang, as far as compute kernels need it.
//
// Two modes. Without MSL_STATIC_CHECK the text is compiled to native code and run, one fiber per
// thread; address spaces are empty words. With MSL_STATIC_CHECK it is only type-checked, and address
// spaces are real.
#pragma once
#include "spaces.h"
#include "types.h"
#include "traits.h"
#include "vector.h"
#include "limits.h"
#include "math.h"
#include "integer.h"
#include "runtime.h"
#include "simd.h"
#include "quad.h"
#include "matrix.h"
#include "atomic.h"
#include "mlx.h"
#include "words.h"
