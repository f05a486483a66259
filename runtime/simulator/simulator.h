// What the parts of the simulator's runtime share: fibers.cpp runs threads, checker.cpp judges their
// memory accesses and keeps the findings, traps.cpp catches what would end the process.
#pragma once
#include <cstddef>
#include <cstdint>

#include "msl/context.h"

enum class Space { threadgroup, device };

// A buffer as the caller describes it.
struct Buffer {
  char* at;
  size_t bytes;
  uint32_t granule;      // bytes of one element: the unit of the checker's records
  uint32_t writable;     // 0: an input
  uint32_t initialised;  // 1: reading it before writing is fine
  const char* name;
};

// One finding, as the caller reads it.
struct Finding {
  char kind[32];
  uint64_t offset;  // of the instruction in the kernel's library; 0 if there is no single place
  char message[280];
};

struct Counters {
  uint64_t threads, threadgroups, threadgroup_barriers;
  uint64_t meetings[MSL_MEETINGS];  // of simdgroups, by kind
  uint64_t device_bytes_read, device_bytes_written;
  uint64_t threadgroup_bytes_read, threadgroup_bytes_written;
  uint64_t bank_conflicts;     // see together.cpp; only where traffic is counted
  uint64_t threadgroup_bytes;  // memory of the variables of one threadgroup
};

// What all threads together loaded from and stored to one buffer, in bytes; `fetched`: what lanes
// of a simdgroup read together counts once; `distinct`: each byte once.
struct Traffic {
  uint64_t read, written, fetched, distinct_read, distinct_written;
};

// Order of memory operations. A clock ticks at the start of every threadgroup and at every barrier;
// `since[space]` is the tick of the last barrier that orders that space.
struct Order {
  uint32_t clock, group_start, group;
  uint32_t since[2];
};

// The running thread, as the checker sees it.
struct Actor {
  uint32_t thread;           // index in the threadgroup
  uint32_t simd_since[2];    // simdgroup barriers passed, per space
};

extern Counters counters;
extern Order order;

// --- fibers.cpp
const Actor* running_actor();          // null between dispatches
bool on_fiber_stack(const void* at);
[[noreturn]] void stop_dispatch();     // leave the running fiber for good: going on would crash

// --- traps.cpp
void traps_on();
void traps_off();

// --- together.cpp
void together_new_threadgroup();
// Is this the first lane of its simdgroup that does this there? Counts bank conflicts.
bool together(const Actor& actor, const void* site, const char* at, uint32_t bytes, bool write, Space space);

// --- checker.cpp
void checker_start(const Buffer* buffers, int count, char* low, char* high, const void* code, bool on,
                   bool count_traffic);
void checker_finish();
void checker_new_threadgroup();
void checker_traffic(Traffic* of_buffers);
void report(const char* kind, const void* site, const char* format, ...)
    __attribute__((format(printf, 3, 4)));
