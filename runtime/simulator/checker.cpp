// The memory checker. clang's thread sanitizer pass puts a call before every load and store of the
// kernel; here those calls are answered (the sanitizer's own runtime is not used).
//
// Each granule of writable memory has a record of its last writer and of up to two readers. Two
// accesses of different threads conflict when one writes, not both are atomic, and no barrier that
// orders their memory lies between them.
#include "simulator.h"

#include <dlfcn.h>
#include <link.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {
// One access, in eight bytes. tick 0: no access yet.
struct Access {
  uint32_t tick;
  uint16_t simd_tick;
  uint16_t thread : 15;
  uint16_t atomic : 1;
};
struct Record {
  Access writer, reader, other_reader;
};
struct Region {
  char *low, *high;
  Space space;
  uint32_t granule;
  bool writable, initialised, output;
  std::string name;
  std::vector<Record> records;
  std::vector<uint8_t> touched;  // per byte, 1: read, 2: written; empty unless traffic is counted
  uint64_t bytes_read, bytes_written, bytes_fetched;
};

constexpr int most_findings = 64;
constexpr long red_zone = 4096;  // of the caller: an access further out would hit foreign memory
std::vector<Region> regions;
std::vector<Finding> findings;
std::set<std::pair<std::string, const void*>> seen;
size_t device_regions;
size_t last_hit;
bool checking, counting;
char *group_low, *group_high;
const char *image_low, *image_high;
} // namespace

void report(const char* kind, const void* site, const char* format, ...) {
  if (findings.size() >= most_findings || (site && !seen.insert({kind, site}).second)) return;
  Finding finding = {};
  snprintf(finding.kind, sizeof finding.kind, "%s", kind);
  // A return address points behind the call: one byte less lies in its line.
  finding.offset = site ? static_cast<const char*>(site) - image_low - 1 : 0;
  va_list rest;
  va_start(rest, format);
  vsnprintf(finding.message, sizeof finding.message, format, rest);
  va_end(rest);
  findings.push_back(finding);
}

static int image_bounds(dl_phdr_info* info, size_t, void* code) {
  const char* base = reinterpret_cast<const char*>(info->dlpi_addr);
  const char *low = base + (1l << 46), *high = base;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
    const char* start = base + info->dlpi_phdr[i].p_vaddr;
    if (start < low) low = start;
    if (start + info->dlpi_phdr[i].p_memsz > high) high = start + info->dlpi_phdr[i].p_memsz;
  }
  if (code < low || code >= high) return 0;
  image_low = base;
  image_high = high;
  return 1;
}

void checker_start(const Buffer* buffers, int count, char* low, char* high, const void* code, bool on,
                   bool count_traffic) {
  regions.clear();
  findings.clear();
  seen.clear();
  last_hit = 0;
  checking = on;
  counting = on && count_traffic;
  group_low = low;
  group_high = high;
  image_low = image_high = nullptr;
  dl_iterate_phdr(image_bounds, const_cast<void*>(code));
  for (int i = 0; i < count; i++) {
    const Buffer& b = buffers[i];
    Region region = {b.at, b.at + b.bytes, Space::device, b.granule, b.writable != 0,
                     b.initialised != 0, b.writable != 0, b.name, {}, {}, 0, 0, 0};
    // Inputs are never written, so nothing can race with their readers: bounds are all they need.
    if (on && region.writable) region.records.resize(b.bytes / b.granule);
    if (count_traffic) region.touched.resize(b.bytes);
    regions.push_back(std::move(region));
  }
  device_regions = regions.size();
}

void checker_new_threadgroup() {
  // Records of threadgroup memory age out: their ticks lie before the threadgroup's start.
  last_hit = 0;
  together_new_threadgroup();
}

void checker_traffic(Traffic* of_buffers) {
  for (size_t i = 0; i < device_regions; i++) {
    const Region& region = regions[i];
    Traffic& found = of_buffers[i] = {region.bytes_read, region.bytes_written, region.bytes_fetched, 0, 0};
    for (uint8_t how : region.touched) {
      found.distinct_read += how & 1;
      found.distinct_written += how >> 1;
    }
  }
}

void checker_finish() {
  if (!checking) return;
  checking = false;
  for (const Region& region : regions) {
    if (!region.output || region.initialised) continue;
    size_t missing = 0, first = 0;
    for (size_t i = 0; i < region.records.size(); i++)
      if (!region.records[i].writer.tick && !missing++) first = i;
    if (missing)
      report("UNWRITTEN_OUTPUT", nullptr, "%zu of %zu elements of %s are never written, first: element %zu",
             missing, region.records.size(), region.name.c_str(), first);
  }
}

extern "C" const Finding* msl_findings(int* count) {
  *count = static_cast<int>(findings.size());
  return findings.data();
}

extern "C" void msl_threadgroup_variable(const void* at, unsigned long bytes, unsigned long align,
                                         const char* name) {
  if (!checking) return;
  char* low = static_cast<char*>(const_cast<void*>(at));
  for (size_t i = device_regions; i < regions.size(); i++)
    if (regions[i].low == low) return;
  Region region = {low, low + bytes, Space::threadgroup, static_cast<uint32_t>(align), true,
                   false, false, name, {}, {}, 0, 0, 0};
  region.records.resize((bytes + align - 1) / align);
  counters.threadgroup_bytes += bytes;
  regions.push_back(std::move(region));
}

static Region* region_of(char* at, uint32_t bytes) {
  auto holds = [&](const Region& r) { return at >= r.low && at + bytes <= r.high; };
  if (last_hit < regions.size() && holds(regions[last_hit])) return &regions[last_hit];
  for (size_t i = 0; i < regions.size(); i++)
    if (holds(regions[i])) {
      last_hit = i;
      return &regions[i];
    }
  return nullptr;
}

struct Now {
  const Actor* actor;
  Space space;
  bool atomic;
};

// Is this earlier access unordered with what the running thread does now?
static bool unordered(const Access& then, const Now& now) {
  if (!then.tick || (then.atomic && now.atomic)) return false;
  // Threadgroups are never ordered; what is left in threadgroup memory of an earlier one is gone.
  if (then.tick < order.group_start) return now.space == Space::device;
  if (then.thread == now.actor->thread || then.tick < order.since[int(now.space)]) return false;
  bool same_simdgroup = then.thread / MSL_LANES == now.actor->thread / MSL_LANES;
  return !(same_simdgroup && then.simd_tick != uint16_t(now.actor->simd_since[int(now.space)]));
}

static void remember_reader(Record& record, const Access& mine, const Now& now) {
  auto current = [&](const Access& a) { return a.tick >= order.since[int(now.space)] && a.tick; };
  auto simdgroup = [](const Access& a) { return a.thread / MSL_LANES; };
  Access &first = record.reader, &second = record.other_reader;
  if (!current(first) || first.thread == mine.thread) first = mine;
  else if (!current(second) || second.thread == mine.thread) second = mine;
  // Two readers of different simdgroups conflict with any later writer: keep such a pair.
  else if (simdgroup(first) == simdgroup(second) && simdgroup(mine) != simdgroup(first)) second = mine;
  else if (simdgroup(first) == simdgroup(mine) && first.simd_tick != mine.simd_tick) first = mine;
  else if (simdgroup(second) == simdgroup(mine) && second.simd_tick != mine.simd_tick) second = mine;
}

static void race(const char* what, const Region& region, size_t index, const Access& then,
                 const char* earlier, const Now& now, const void* site) {
  const char* group = then.tick < order.group_start ? " of another threadgroup" : "";
  report("RACE", site, "%s of element %zu of %s by thread %u: thread %u%s %s it, no barrier between", what,
         index, region.name.c_str(), now.actor->thread, unsigned(then.thread), group, earlier);
}

static void touch(Region& region, size_t index, bool write, const Now& now, const void* site) {
  Record& record = region.records[index];
  Access mine = {order.clock, uint16_t(now.actor->simd_since[int(now.space)]),
                 uint16_t(now.actor->thread), now.atomic};
  bool unwritten = now.space == Space::threadgroup ? record.writer.tick < order.group_start
                                                   : !record.writer.tick;
  if (!write && unwritten && !region.initialised)
    report("UNINITIALISED_READ", site, "element %zu of %s is read by thread %u of threadgroup %u before any write",
           index, region.name.c_str(), now.actor->thread, order.group);
  const char* what = write ? "write" : "read";
  if (unordered(record.writer, now)) race(what, region, index, record.writer, "wrote", now, site);
  if (!write) {
    remember_reader(record, mine, now);
    return;
  }
  for (const Access* reader : {&record.reader, &record.other_reader})
    if (unordered(*reader, now)) race(what, region, index, *reader, "read", now, site);
  record.writer = mine;
}

static void out_of_bounds(char* at, uint32_t bytes, bool write, const Now& now, const void* site) {
  const Region* nearest = nullptr;
  long distance = 1l << 62;
  for (const Region& region : regions) {
    long away = at < region.low ? region.low - at : at - region.high;
    if (away >= distance) continue;
    distance = away;
    nearest = &region;
  }
  bool in_group_memory = at >= group_low && at < group_high;
  if (!nearest || distance > (1l << 40)) {
    report("OUT_OF_BOUNDS", site, "%s of %u bytes at an address outside all buffers by thread %u of threadgroup %u",
           write ? "write" : "read", bytes, now.actor->thread, order.group);
    stop_dispatch();
  }
  long granule = nearest->granule, offset = at - nearest->low;
  long index = offset < 0 ? -((-offset + granule - 1) / granule) : offset / granule;
  report("OUT_OF_BOUNDS", site, "%s of element %ld of %s, which has %ld, by thread %u of threadgroup %u",
         write ? "write" : "read", index, nearest->name.c_str(), (nearest->high - nearest->low) / granule,
         now.actor->thread, order.group);
  if (!in_group_memory && distance > red_zone - 64) stop_dispatch();
}

static void count(Region& region, char* at, uint32_t bytes, bool write, const Now& now, const void* site) {
  bool device = region.space == Space::device;
  if (write) (device ? counters.device_bytes_written : counters.threadgroup_bytes_written) += bytes;
  else (device ? counters.device_bytes_read : counters.threadgroup_bytes_read) += bytes;
  if (!counting) return;
  bool first = now.atomic || together(*now.actor, site, at, bytes, write, region.space);
  if (region.touched.empty()) return;
  if (first && !write) region.bytes_fetched += bytes;
  (write ? region.bytes_written : region.bytes_read) += bytes;
  uint8_t* touched = &region.touched[at - region.low];
  for (uint32_t i = 0; i < bytes; i++) touched[i] |= write ? 2 : 1;
}

static void access(const void* address, uint32_t bytes, bool write, const void* site, bool atomic = false) {
  const Actor* actor = running_actor();
  if (!checking || !actor || !bytes || on_fiber_stack(address)) return;
  char* at = static_cast<char*>(const_cast<void*>(address));
  Now now = {actor, Space::device, atomic};
  Region* region = region_of(at, bytes);
  if (!region) {
    bool in_image = address >= image_low && address < image_high && !(at >= group_low && at < group_high);
    if (!in_image) out_of_bounds(at, bytes, write, now, site);
    else if (write) report("WRITE_TO_CONST", site, "write to a constant of the program");
    return;
  }
  now.space = region->space;
  count(*region, at, bytes, write, now, site);
  if (write && !region->writable)
    report("WRITE_TO_CONST", site, "write to input %s by thread %u of threadgroup %u", region->name.c_str(),
           actor->thread, order.group);
  if (region->records.empty()) return;
  size_t first = (at - region->low) / region->granule, last = (at - region->low + bytes - 1) / region->granule;
  for (size_t i = first; i <= last && i < region->records.size(); i++) touch(*region, i, write, now, site);
}

#define SITE __builtin_return_address(0)
extern "C" {
void msl_atomic_access(const void* address, unsigned bytes, bool reads, bool writes, const void* site) {
  if (reads) access(address, bytes, false, site, true);
  if (writes) access(address, bytes, true, site, true);
}

// --- called by code compiled with -fsanitize=thread
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
#define ACCESSES(n)                                                            \
  void __tsan_read##n(void* a) { access(a, n, false, SITE); }                  \
  void __tsan_write##n(void* a) { access(a, n, true, SITE); }                  \
  void __tsan_unaligned_read##n(void* a) { access(a, n, false, SITE); }        \
  void __tsan_unaligned_write##n(void* a) { access(a, n, true, SITE); }        \
  void __tsan_read_write##n(void* a) {                                         \
    access(a, n, false, SITE);                                                 \
    access(a, n, true, SITE);                                                  \
  }                                                                            \
  void __tsan_unaligned_read_write##n(void* a) {                               \
    access(a, n, false, SITE);                                                 \
    access(a, n, true, SITE);                                                  \
  }
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
void* __tsan_memcpy(void* to, const void* from, size_t n) {
  access(from, n, false, SITE);
  access(to, n, true, SITE);
  return memcpy(to, from, n);
}
void* __tsan_memmove(void* to, const void* from, size_t n) {
  access(from, n, false, SITE);
  access(to, n, true, SITE);
  return memmove(to, from, n);
}
void* __tsan_memset(void* to, int byte, size_t n) {
  access(to, n, true, SITE);
  return memset(to, byte, n);
}

// --- called by code compiled with -fsanitize=signed-integer-overflow,shift,...
#define UNDEFINED(name, kind, message) \
  void __ubsan_handle_##name(void*, uintptr_t, uintptr_t) { report(kind, SITE, message); }
UNDEFINED(add_overflow, "OVERFLOW", "signed addition overflows: undefined, use an unsigned type")
UNDEFINED(sub_overflow, "OVERFLOW", "signed subtraction overflows: undefined, use an unsigned type")
UNDEFINED(mul_overflow, "OVERFLOW", "signed multiplication overflows: undefined, use an unsigned type")
UNDEFINED(negate_overflow, "OVERFLOW", "negation overflows: undefined, use an unsigned type")
// The division that follows would trap.
void __ubsan_handle_divrem_overflow(void*, uintptr_t, uintptr_t) {
  report("DIVISION", SITE, "integer division by zero, or of the least integer by -1");
  stop_dispatch();
}
UNDEFINED(shift_out_of_bounds, "SHIFT_RANGE", "shift by a negative count or by the width of the type or more")
UNDEFINED(out_of_bounds, "OUT_OF_BOUNDS", "index outside the bounds of an array")
UNDEFINED(float_cast_overflow, "FLOAT_TO_INT_RANGE", "the float does not fit the integer type it is converted to")
}
