// One fiber per Metal thread. Fibers yield only at a rendezvous (simdgroup function, barrier) and run
// simdgroup by simdgroup; a simdgroup goes on when all its lanes have arrived.
#include "simulator.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <vector>

#if !defined(__x86_64__)
#error "the simulator's fiber switch is written for x86-64"
#endif

namespace {
enum class State { runnable, at_simd, at_barrier, done };

struct Fiber {
  msl_lane lane;
  msl_position position;
  void* stack;
  State state;
  const void* site;     // the call it waits in
  unsigned flags;       // of the barrier it waits in
  msl_meeting meeting;  // what it waits for at simdgroup level
  unsigned counts_as;   // so many of that kind, if it is a matrix operation
  Actor actor;
  unsigned published_bytes;
  alignas(16) unsigned char published[MSL_SLOT_BYTES];
};
struct Simdgroup {
  alignas(64) unsigned char values[MSL_LANES][MSL_SLOT_BYTES];
};
using Entry = void (*)(void** buffers, const msl_position* position);

constexpr size_t stack_bytes = 256 * 1024;
std::vector<Fiber> fibers;
std::vector<Simdgroup> simdgroups;
char* stacks;
size_t stack_count;
void* scheduler_stack;
Entry entry;
void** arguments;
bool stopped;
} // namespace

Counters counters;
Order order;
extern "C" {
msl_lane* msl_current;
void msl_switch(void** save, void* load);
}
asm(R"(
.text
.globl msl_switch
.hidden msl_switch
.type msl_switch,@function
msl_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp,(%rdi)
  mov %rsi,%rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
)");

static Fiber* running() { return reinterpret_cast<Fiber*>(msl_current); }

static void yield(State state, const void* site) {
  Fiber* fiber = running();
  fiber->state = state;
  fiber->site = site;
  msl_switch(&fiber->stack, scheduler_stack);
}

static void fiber_main() {
  entry(arguments, &running()->position);
  yield(State::done, nullptr);
  __builtin_trap();
}

const Actor* running_actor() { return msl_current ? &running()->actor : nullptr; }

bool on_fiber_stack(const void* at) {
  return at >= stacks && at < stacks + stack_count * stack_bytes;
}

void stop_dispatch() {
  stopped = true;
  yield(State::done, nullptr);
  __builtin_trap();
}

extern "C" {
const unsigned char (*msl_exchange(const void* value, unsigned bytes, const void* site))[MSL_SLOT_BYTES] {
  Fiber* fiber = running();
  memcpy(fiber->published, value, bytes);
  fiber->published_bytes = bytes;
  yield(State::at_simd, site);
  return simdgroups[fiber->actor.thread / MSL_LANES].values;
}
void msl_matrix_operation(msl_meeting kind, unsigned count) {
  running()->meeting = kind;
  running()->counts_as = count;
}
void msl_threadgroup_barrier(unsigned flags, const void* site) {
  running()->flags = flags;
  yield(State::at_barrier, site);
}
void msl_simdgroup_barrier(unsigned flags, const void* site) {
  Fiber* fiber = running();
  fiber->flags = flags;
  fiber->meeting = MSL_BARRIER;
  fiber->published_bytes = 0;
  yield(State::at_simd, site);
}
}

// Which spaces a barrier with these mem_flags orders.
static bool orders(unsigned flags, Space space) {
  return flags & (space == Space::device ? 1u : 2u);
}

static void start_fiber(unsigned index, const msl_position& position) {
  Fiber& fiber = fibers[index];
  fiber = {};
  fiber.position = position;
  fiber.actor.thread = index;
  fiber.lane = {index % MSL_LANES, ~0u};
  fiber.state = State::runnable;
  // Stacks start at different offsets, else the tops of all of them compete for the same cache lines.
  size_t colour = index * 7 % 61 * 1088 / 64 * 64;
  void** top = reinterpret_cast<void**>(stacks + (index + 1) * stack_bytes - colour) - 2;
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(fiber_main);
  top -= 6;
  memset(top, 0, 6 * sizeof(void*));
  fiber.stack = top;
}

static void run_fiber(Fiber& fiber) {
  msl_current = &fiber.lane;
  msl_switch(&scheduler_stack, fiber.stack);
}

// Let go the lanes that wait at the same simdgroup operation as the first waiting lane.
// False when no lane waits at one.
static bool release_simdgroup(unsigned low, unsigned high) {
  const void* site = nullptr;
  msl_meeting kind = MSL_FUNCTION;
  unsigned count = 1;
  unsigned mask = 0, arrived = 0, elsewhere = 0, at_barrier = 0, done = 0;
  for (unsigned i = low; i < high; i++) {
    Fiber& fiber = fibers[i];
    if (fiber.state == State::done) done++;
    if (fiber.state == State::at_barrier) at_barrier++;
    if (fiber.state != State::at_simd) continue;
    if (!arrived) {
      site = fiber.site;
      kind = fiber.meeting;
      if (kind == MSL_MATRIX_MULTIPLY || kind == MSL_MATRIX_TRANSFER) count = fiber.counts_as;
    }
    if (fiber.site != site) {
      elsewhere++;
      continue;
    }
    arrived++;
    mask |= 1u << (i - low);
  }
  if (!arrived) return false;
  counters.meetings[kind] += count;
  if (arrived != high - low)
    report("SIMD_DIVERGENCE", site,
           "only lanes 0x%08x of simdgroup %u in threadgroup %u reach this operation "
           "(%u have returned, %u wait at a barrier, %u at another simdgroup operation)",
           mask, low / MSL_LANES, order.group, done, at_barrier, elsewhere);
  auto& values = simdgroups[low / MSL_LANES].values;
  for (unsigned i = low; i < low + MSL_LANES; i++) {
    if (!(mask >> (i - low) & 1)) {
      memset(values[i - low], 0xFF, MSL_SLOT_BYTES);
      continue;
    }
    Fiber& fiber = fibers[i];
    memcpy(values[i - low], fiber.published, fiber.published_bytes);
    fiber.state = State::runnable;
    fiber.lane.active = mask;
    fiber.meeting = MSL_FUNCTION;
    if (kind != MSL_BARRIER) continue;
    for (Space space : {Space::threadgroup, Space::device})
      fiber.actor.simd_since[int(space)] += orders(fiber.flags, space);
  }
  return true;
}

static void run_simdgroup(unsigned low, unsigned high) {
  do {
    for (unsigned i = low; i < high && !stopped; i++)
      if (fibers[i].state == State::runnable) run_fiber(fibers[i]);
  } while (!stopped && release_simdgroup(low, high));
}

// All threads have arrived somewhere: open the barrier. False when all have returned.
static bool release_barrier(unsigned count) {
  unsigned waiting = 0, flags = 0;
  const void* site = nullptr;
  bool mixed = false;
  for (unsigned i = 0; i < count; i++) {
    Fiber& fiber = fibers[i];
    if (fiber.state == State::done) continue;
    if (!waiting++) {
      site = fiber.site;
      flags = fiber.flags;
    }
    mixed |= fiber.site != site;
    fiber.state = State::runnable;
  }
  if (!waiting) return false;
  counters.threadgroup_barriers++;
  if (waiting != count || mixed)
    report("BARRIER_DIVERGENCE", site,
           "%u of %u threads of threadgroup %u wait at barriers, %u have returned%s", waiting, count,
           order.group, count - waiting, mixed ? "; they wait at different barriers" : "");
  order.clock++;
  for (Space space : {Space::threadgroup, Space::device})
    if (orders(flags, space)) order.since[int(space)] = order.clock;
  return true;
}

static unsigned start_threadgroup(msl_triple group, msl_triple groups, msl_triple grid, msl_triple full) {
  msl_triple size = {std::min(full.x, grid.x - group.x * full.x),
                     std::min(full.y, grid.y - group.y * full.y),
                     std::min(full.z, grid.z - group.z * full.z)};
  unsigned count = size.x * size.y * size.z, whole = full.x * full.y * full.z, index = 0;
  auto ceil = [](unsigned n, unsigned by) { return (n + by - 1) / by; };
  for (unsigned z = 0; z < size.z; z++)
    for (unsigned y = 0; y < size.y; y++)
      for (unsigned x = 0; x < size.x; x++, index++) {
        msl_position p = {};
        p.thread_position_in_grid = {group.x * full.x + x, group.y * full.y + y, group.z * full.z + z};
        p.thread_position_in_threadgroup = {x, y, z};
        p.threadgroup_position_in_grid = group;
        p.threads_per_threadgroup = size;
        p.dispatch_threads_per_threadgroup = full;
        p.threads_per_grid = p.grid_size = grid;
        p.threadgroups_per_grid = groups;
        p.thread_index_in_simdgroup = index % MSL_LANES;
        p.simdgroup_index_in_threadgroup = index / MSL_LANES;
        p.thread_index_in_threadgroup = index;
        p.simdgroups_per_threadgroup = ceil(count, MSL_LANES);
        p.dispatch_simdgroups_per_threadgroup = ceil(whole, MSL_LANES);
        p.threads_per_simdgroup = p.thread_execution_width = MSL_LANES;
        p.thread_index_in_quadgroup = index % 4;
        p.quadgroup_index_in_threadgroup = index / 4;
        p.quadgroups_per_threadgroup = ceil(count, 4);
        p.dispatch_quadgroups_per_threadgroup = ceil(whole, 4);
        start_fiber(index, p);
      }
  order.group_start = ++order.clock;
  order.since[0] = order.since[1] = order.clock;
  counters.threadgroups++;
  counters.threads += count;
  return count;
}

static bool allocate(unsigned threads) {
  fibers.resize(threads);
  simdgroups.resize((threads + MSL_LANES - 1) / MSL_LANES);
  if (stack_count >= threads) return true;
  if (stacks) munmap(stacks, stack_count * stack_bytes);
  void* memory = mmap(nullptr, threads * stack_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  stacks = memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
  stack_count = stacks ? threads : 0;
  return stacks != nullptr;
}

// Run every thread of the grid. False when there is no memory for the stacks. With `traffic` (checked
// mode only), one record per buffer is filled.
extern "C" bool msl_dispatch(Entry kernel, void** buffers_of_kernel, const unsigned* grid_size,
                             const unsigned* group_size, char* threadgroup_low, char* threadgroup_high,
                             const Buffer* buffers, int buffer_count, bool checked, Counters* counted,
                             Traffic* traffic) {
  msl_triple grid = {grid_size[0], grid_size[1], grid_size[2]};
  msl_triple full = {group_size[0], group_size[1], group_size[2]};
  msl_triple groups = {(grid.x + full.x - 1) / full.x, (grid.y + full.y - 1) / full.y,
                       (grid.z + full.z - 1) / full.z};
  if (!allocate(full.x * full.y * full.z)) return false;
  entry = kernel;
  arguments = buffers_of_kernel;
  stopped = false;
  counters = {};
  order = {};
  checker_start(buffers, buffer_count, threadgroup_low, threadgroup_high,
                reinterpret_cast<const void*>(kernel), checked, traffic);
  unsigned total = groups.x * groups.y * groups.z;
  traps_on();
  for (unsigned g = 0; g < total && !stopped; g++) {
    order.group = g;
    // Metal's threadgroup memory starts with anything: never with zeros, never with old results.
    memset(threadgroup_low, 0xFF, threadgroup_high - threadgroup_low);
    checker_new_threadgroup();
    msl_triple group = {g % groups.x, g / groups.x % groups.y, g / groups.x / groups.y};
    unsigned count = start_threadgroup(group, groups, grid, full);
    do {
      for (unsigned low = 0; low < count && !stopped; low += MSL_LANES)
        run_simdgroup(low, std::min(count, low + MSL_LANES));
    } while (!stopped && release_barrier(count));
  }
  traps_off();
  msl_current = nullptr;
  if (!stopped) checker_finish();
  *counted = counters;
  if (traffic) checker_traffic(traffic);
  return true;
}
