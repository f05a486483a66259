// What the runtime (C++) and the compiled kernel (Metal) share: plain data, one record per thread.
#ifndef MSL_CONTEXT_H
#define MSL_CONTEXT_H

struct msl_triple {
  unsigned x, y, z;
};

// Values of the [[attributes]] of one thread, under Metal's names.
struct msl_position {
  struct msl_triple thread_position_in_grid;
  struct msl_triple thread_position_in_threadgroup;
  struct msl_triple threadgroup_position_in_grid;
  struct msl_triple threads_per_threadgroup;
  struct msl_triple dispatch_threads_per_threadgroup;
  struct msl_triple threads_per_grid;
  struct msl_triple grid_size;
  struct msl_triple threadgroups_per_grid;
  struct msl_triple grid_origin;
  unsigned thread_index_in_simdgroup;
  unsigned simdgroup_index_in_threadgroup;
  unsigned thread_index_in_threadgroup;
  unsigned simdgroups_per_threadgroup;
  unsigned dispatch_simdgroups_per_threadgroup;
  unsigned threads_per_simdgroup;
  unsigned thread_execution_width;
  unsigned thread_index_in_quadgroup;
  unsigned quadgroup_index_in_threadgroup;
  unsigned quadgroups_per_threadgroup;
  unsigned dispatch_quadgroups_per_threadgroup;
};

// The part of a fiber that simdgroup functions look at.
struct msl_lane {
  unsigned lane;    // index in the simdgroup
  unsigned active;  // lanes that took part in the last rendezvous, as bits
};

enum { MSL_SLOT_BYTES = 128, MSL_LANES = 32 };

// What a simdgroup meets for.
enum msl_meeting { MSL_FUNCTION, MSL_BARRIER, MSL_MATRIX_MULTIPLY, MSL_MATRIX_TRANSFER, MSL_MEETINGS };

#endif
