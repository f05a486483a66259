// Thread pool of the host target: spreads the programs of one launch over threads.
//
// Idle threads sleep. A launch for which waking them does not pay (by what the same kernel took before,
// costs.h) runs in the calling thread. Launches from several threads share the workers.
#pragma once

#include <pthread.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <mutex>
#include <thread>

#include "costs.h"

namespace tmlx {

enum PoolError : int { kNoThread = -1001, kStackTooLarge = -1002 };

inline const char* pool_error_text(int code) {
  if (code == kNoThread) return "no thread with a large enough stack could be started";
  if (code == kStackTooLarge) return "the kernel needs more stack than a worker thread has";
  return nullptr;
}

namespace detail {

constexpr size_t kWorkerStack = size_t(256) << 20;  // address space; pages are taken when touched
constexpr size_t kSmallestWorkerStack = size_t(8) << 20;
constexpr size_t kStackReserve = size_t(128) << 10;  // for frames below and above the kernel's
constexpr size_t kCallerStack = size_t(512) << 10;
constexpr int kMaxThreads = 1024;
constexpr int kFewWorkers = 8;
constexpr int kChunksPerThread = 8;  // evens out programs of unequal length
// Waking a sleeping thread costs up to the length of a whole launch on virtual machines, so a worker
// stays awake for the next launch of a chain; then it sleeps.
constexpr std::chrono::microseconds kSpin(400);

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

template <class Done>
inline void spin_until(Done done) {
  auto end = Clock::now() + kSpin;
  while (!done() && Clock::now() < end) pause();
}

struct Job {
  KernelFn fn;
  void* const* buffers;
  const void* scalars;
  const int64_t* grid;
  int64_t total, chunk;
  int places;      // workers that may still join; under the pool's lock
  int active = 0;  // workers inside; changed under the pool's lock
  std::atomic<int64_t> next{0};
  std::atomic<int> running{0};  // `active` for the caller that spins
  std::atomic<int> error{0};

  bool open() const { return next.load(std::memory_order_relaxed) < total; }

  // Runs chunks until none is left; how many programs that were.
  int64_t drain() {
    int64_t done = 0;
    for (;;) {
      int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= total) return done;
      int64_t end = std::min(begin + chunk, total);
      done += end - begin;
      if (int code = fn(buffers, scalars, grid, begin, end)) {
        int none = 0;
        error.compare_exchange_strong(none, code);
        next.store(total, std::memory_order_relaxed);
      }
    }
  }
};

class Pool {
 public:
  // The pool of this process. Never destroyed: sleeping workers may outlive static destructors.
  static Pool& get() {
    Pool* pool = instance().load(std::memory_order_acquire);
    if (pool) return *pool;
    static int registered = pthread_atfork(nullptr, nullptr, forget);
    (void)registered;
    Pool* made = new Pool;
    if (instance().compare_exchange_strong(pool, made)) return *made;
    delete made;
    return *pool;
  }

  int run(KernelFn fn, void* const* buffers, const void* scalars, const int64_t* grid,
          int threads, size_t stack_bytes) {
    if (grid[0] <= 0 || grid[1] <= 0 || grid[2] <= 0) return 0;
    int64_t total = grid[0] * grid[1] * grid[2];
    bool join = caller_has(stack_bytes);
    bool told = threads < 0;
    threads = std::max(1, std::min(std::abs(threads), kMaxThreads));
    bool one = total == 1 || threads == 1;
    if (join && (one || (!told && costs_.alone(fn, total)))) {
      auto start = Clock::now();
      int code = fn(buffers, scalars, grid, 0, total);
      costs_.ran_alone(fn, total, ns_since(start));
      return code;
    }
    int64_t chunk = std::max<int64_t>(1, total / (int64_t(threads) * kChunksPerThread));
    int64_t chunks = (total + chunk - 1) / chunk;
    int helpers = int(std::min<int64_t>(threads, chunks)) - (join ? 1 : 0);
    Job job{fn, buffers, scalars, grid, total, chunk, helpers};
    auto start = Clock::now();
    int code = spread(job, join, stack_bytes);
    if (join) costs_.ran_spread(fn, total, ns_since(start));
    return code;
  }

 private:
  static std::atomic<Pool*>& instance() {
    static std::atomic<Pool*> pool{nullptr};
    return pool;
  }
  // A forked child has none of the threads: it starts over with a pool of its own.
  static void forget() { instance().store(nullptr, std::memory_order_release); }

  int spread(Job& job, bool join, size_t stack_bytes) {
    std::unique_lock<std::mutex> lock(mutex_);
    int helpers = std::min(job.places, start_workers(job.places));
    if (!join && helpers == 0) return kNoThread;
    if (stack_bytes + kStackReserve > worker_stack_) {
      if (!join) return kStackTooLarge;
      helpers = job.places = 0;
    }
    auto place = jobs_.insert(jobs_.end(), &job);
    posted_.fetch_add(1, std::memory_order_release);
    int asleep = std::min(helpers, sleeping_);
    if (asleep > 0) move_workers_away();
    lock.unlock();
    while (asleep-- > 0) wake_.notify_one();
    if (join) {
      auto start = Clock::now();
      int64_t done = job.drain();
      if (done) costs_.caller_did(job.fn, job.total, ns_since(start) / double(done));
      spin_until([&] { return job.running.load(std::memory_order_acquire) == 0; });
    }
    lock.lock();
    done_.wait(lock, [&] { return !job.open() && job.active == 0; });
    jobs_.erase(place);
    return job.error.load();
  }

  // Linux may wake a sleeping worker on the very core that the caller is busy on, and leave it there
  // for the length of a launch (virtual machines without a shared cache between cores). So workers may
  // run anywhere but there. Under the lock; with many cores there is a free one anyway.
  void move_workers_away() {
#if defined(__linux__)
    if (workers_ > kFewWorkers) return;
    cpu_set_t elsewhere = allowed_;
    CPU_CLR(sched_getcpu(), &elsewhere);
    if (CPU_COUNT(&elsewhere) == 0) return;
    for (int k = 0; k < workers_; ++k) pthread_setaffinity_np(threads_[k], sizeof elsewhere, &elsewhere);
#endif
  }

  // Makes sure that `wanted` workers exist, if it can; how many there are. Under the lock.
  int start_workers(int wanted) {
    while (workers_ < wanted && start_worker()) ++workers_;
    return workers_;
  }

  bool start_worker() {
    size_t stack = worker_stack_;
    do {
      pthread_attr_t attributes;
      pthread_attr_init(&attributes);
      pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
      pthread_attr_setstacksize(&attributes, stack);
      pthread_t thread;
      int failed = pthread_create(&thread, &attributes, enter, this);
      pthread_attr_destroy(&attributes);
      if (!failed) {
        if (workers_ < kFewWorkers) threads_[workers_] = thread;
        worker_stack_ = stack;
        return true;
      }
      stack /= 2;
    } while (workers_ == 0 && stack >= kSmallestWorkerStack);  // all workers have the same stack
    return false;
  }

  static void* enter(void* pool) {
    static_cast<Pool*>(pool)->work();
    return nullptr;
  }

  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      if (Job* job = take()) {
        lock.unlock();
        job->drain();
        lock.lock();
        --job->active;
        job->running.fetch_sub(1, std::memory_order_release);
        if (job->active == 0) done_.notify_all();
        continue;
      }
      uint64_t seen = posted_.load(std::memory_order_relaxed);
      lock.unlock();
      spin_until([&] { return posted_.load(std::memory_order_acquire) != seen; });
      lock.lock();
      if (posted_.load(std::memory_order_relaxed) != seen) continue;
      ++sleeping_;
      wake_.wait(lock);
      --sleeping_;
    }
  }

  Job* take() {
    for (Job* job : jobs_) {
      if (job->places == 0 || !job->open()) continue;
      --job->places;
      ++job->active;
      job->running.fetch_add(1, std::memory_order_relaxed);
      return job;
    }
    return nullptr;
  }

#if defined(__linux__)
  static cpu_set_t allowed_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    return set;
  }
#endif

  static size_t caller_stack() {
#if defined(__APPLE__)
    return pthread_get_stacksize_np(pthread_self());
#else
    pthread_attr_t attributes;
    size_t size = 0;
    void* base;
    if (pthread_getattr_np(pthread_self(), &attributes)) return 0;
    pthread_attr_getstack(&attributes, &base, &size);
    pthread_attr_destroy(&attributes);
    return size;
#endif
  }

  static bool caller_has(size_t stack_bytes) {
    static thread_local size_t size = caller_stack();
    return stack_bytes <= kCallerStack && 2 * stack_bytes + kStackReserve <= size;
  }

  Costs costs_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::list<Job*> jobs_;
  std::atomic<uint64_t> posted_{0};
  int workers_ = 0, sleeping_ = 0;
  size_t worker_stack_ = kWorkerStack;
  pthread_t threads_[kFewWorkers];
#if defined(__linux__)
  cpu_set_t allowed_ = allowed_cores();
#endif
};

}  // namespace detail

// Runs programs 0 .. grid[0]*grid[1]*grid[2]-1 of `fn` on at most `threads` threads (-n: on n, also where
// waking them has not paid so far), each with at least `stack_bytes` of stack; returns when all are done. 0, or the first error code of the
// kernel (programs not yet begun are then left out), or a PoolError.
inline int run(KernelFn fn, void* const* buffers, const void* scalars, const int64_t* grid,
               int threads, size_t stack_bytes) {
  return detail::Pool::get().run(fn, buffers, scalars, grid, threads, stack_bytes);
}

}  // namespace tmlx
