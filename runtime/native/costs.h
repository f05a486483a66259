// Whether it pays to wake threads for a launch: by what launches of that kernel and size took before.
//
// What waking costs depends on the machine: some microseconds, or on virtual machines with idle cores up to a
// millisecond. So both ways are measured where it matters, and the better one is taken.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace tmlx {

using KernelFn = int (*)(void* const* buffers, const void* scalars, const int64_t* grid,
                         int64_t begin, int64_t end);

namespace detail {

using Clock = std::chrono::steady_clock;

constexpr double kShortLaunchNs = 30e3;  // waking a thread costs as much on any machine
constexpr double kLongLaunchNs = 20e6;   // and never as much as a part of this
constexpr uint32_t kTryOther = 64;       // launches between two looks at the way that lost

inline double ns_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

// A guess: kernels may share a slot and overwrite it. Times are nanoseconds of one program, 0: unknown.
class Costs {
 public:
  // Whether a launch should run in the calling thread alone.
  bool alone(KernelFn fn, int64_t total) {
    Slot& slot = slots_[index(fn, total)];
    if (slot.fn.load(std::memory_order_relaxed) != fn) return false;
    double one = slot.alone.load(std::memory_order_relaxed);
    double all = slot.spread.load(std::memory_order_relaxed);
    double rate = one > 0 ? one : slot.caller.load(std::memory_order_relaxed);
    if (rate <= 0 || rate * double(total) >= kLongLaunchNs) return false;
    if (rate * double(total) < kShortLaunchNs || one <= 0) return true;
    if (all <= 0) return false;
    bool other = slot.launches.fetch_add(1, std::memory_order_relaxed) % kTryOther == kTryOther - 1;
    return (one <= all) != other;
  }

  void ran_alone(KernelFn fn, int64_t total, double ns) {
    observe(of(fn, total).alone, ns / double(total));
  }
  void ran_spread(KernelFn fn, int64_t total, double ns) {
    observe(of(fn, total).spread, ns / double(total));
  }
  // What a program took in the calling thread while others ran too.
  void caller_did(KernelFn fn, int64_t total, double ns) { observe(of(fn, total).caller, ns); }

 private:
  struct Slot {
    std::atomic<KernelFn> fn{nullptr};
    std::atomic<double> alone{0}, spread{0}, caller{0};
    std::atomic<uint32_t> launches{0};
  };

  // Launches of a kernel whose sizes differ by less than a factor of two share what they took.
  static size_t index(KernelFn fn, int64_t total) {
    uint64_t size = 0;
    while (total >>= 1) ++size;
    return ((reinterpret_cast<uintptr_t>(fn) + size) * UINT64_C(0x9E3779B97F4A7C15)) >> 55;
  }

  Slot& of(KernelFn fn, int64_t total) {
    Slot& slot = slots_[index(fn, total)];
    if (slot.fn.exchange(fn, std::memory_order_relaxed) != fn)
      for (auto* time : {&slot.alone, &slot.spread, &slot.caller})
        time->store(0, std::memory_order_relaxed);
    return slot;
  }

  static void observe(std::atomic<double>& time, double ns) {
    double old = time.load(std::memory_order_relaxed);
    time.store(old > 0 ? (old + ns) / 2 : ns, std::memory_order_relaxed);
  }

  Slot slots_[512];
};

}  // namespace detail
}  // namespace tmlx
