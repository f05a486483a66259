// TritonHostKernel: a lazy MLX primitive that runs a compiled kernel on the CPU.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mlx/allocator.h"
#include "mlx/array.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/primitives.h"
#include "mlx/scheduler.h"
#include "pool.h"

namespace mx = mlx::core;

namespace {

// From MLX 0.32.2 on, an exception in a task reaches mx.eval; before, it would end the process.
template <class S>
constexpr bool kSchedulerCatches = requires(S& s, mx::Stream stream) { s.check_error(stream); };

int g_threads = 1;
std::mutex g_error_mutex;
std::string g_error;  // the first error not yet taken, for MLX versions that cannot raise it

void note_error(const std::string& text) {
  std::lock_guard<std::mutex> lock(g_error_mutex);
  if (g_error.empty()) g_error = text;
}

// Where one of the kernel's buffers comes from: the node's input, or its output if that is >= 0.
struct Binding {
  int input, output;
  bool operator==(const Binding& o) const { return input == o.input && output == o.output; }
};

struct Spec {
  tmlx::KernelFn fn;
  int64_t grid[3];
  size_t stack_bytes;
  bool pure;
  std::string name, scalars;
  std::vector<Binding> bindings;  // one per buffer of the kernel
  std::vector<int> old;           // per output: the input that holds its old contents, or -1
  std::vector<mx::Shape> shapes;  // per output
  std::vector<mx::Dtype> dtypes;

  bool same_work(const Spec& o) const {
    return fn == o.fn && !std::memcmp(grid, o.grid, sizeof grid) && scalars == o.scalars &&
        bindings == o.bindings && old == o.old && shapes == o.shapes && dtypes == o.dtypes;
  }
};

struct Copy {
  const char* from;
  char* to;
  size_t bytes, item;
  mx::Shape shape;  // empty: `bytes` in one piece
  mx::Strides strides;

  void run() const {
    if (!shape.empty()) return run_axis(from, to, 0, bytes);
    if (bytes) std::memcpy(to, from, bytes);
  }

 private:
  template <class T>
  static void run_row(const char* from, char* to, int64_t n, int64_t stride) {
    for (int64_t i = 0; i < n; i++)
      std::memcpy(to + i * sizeof(T), from + i * stride * int64_t(sizeof(T)), sizeof(T));
  }
  void run_axis(const char* source, char* target, size_t axis, size_t size) const {
    int64_t n = shape[axis], stride = strides[axis];
    if (n == 0 || size == 0) return;
    if (axis + 1 < shape.size()) {
      size_t part = size / n;
      for (int64_t i = 0; i < n; i++)
        run_axis(source + i * stride * int64_t(item), target + i * part, axis + 1, part);
      return;
    }
    switch (item) {
      case 1: return run_row<uint8_t>(source, target, n, stride);
      case 2: return run_row<uint16_t>(source, target, n, stride);
      case 4: return run_row<uint32_t>(source, target, n, stride);
      default: return run_row<uint64_t>(source, target, n, stride);
    }
  }
};

bool contiguous(const mx::array& a) { return a.flags().row_contiguous || a.size() <= 1; }

Copy copy_of(const mx::array& a, char* to) {
  Copy copy{a.data<char>(), to, a.nbytes(), a.itemsize(), {}, {}};
  if (!contiguous(a)) {
    copy.shape = a.shape();
    copy.strides = a.strides();
  }
  return copy;
}

// What runs on MLX's stream thread. MLX keeps the arrays behind the pointers alive until then.
struct Task {
  std::shared_ptr<const Spec> spec;
  std::vector<void*> buffers;
  std::vector<Copy> copies;
  std::vector<std::pair<void*, size_t>> outputs;

  void operator()() const {
    for (auto& copy : copies) copy.run();
    int code = tmlx::run(spec->fn, buffers.data(), spec->scalars.data(), spec->grid, g_threads,
                         spec->stack_bytes);
    if (code) fail(code);
  }

 private:
  void fail(int code) const {
    std::string text = "host kernel '" + spec->name + "' failed with code " + std::to_string(code);
    if (auto why = tmlx::pool_error_text(code)) text += std::string(": ") + why;
    for (auto& [data, bytes] : outputs)
      if (bytes) std::memset(data, 0xff, bytes);  // NaN or -1, never stale memory
    if constexpr (kSchedulerCatches<mx::scheduler::Scheduler>) throw std::runtime_error(text);
    note_error(text);
  }
};

// How many handles a node of MLX's graph has. The member is private; an explicit instantiation may name it.
template <auto member>
struct Handles {
  friend long handles(const mx::array& a) { return (a.*member).use_count(); }
};
template struct Handles<&mx::array::array_desc_>;
long handles(const mx::array& a);

// Not every version of MLX has memory that is not its own.
template <class Data>
bool is_owned(const Data& data) {
  if constexpr (requires { data.is_owned(); }) return data.is_owned();
  return true;
}

// True if nobody but one launch holds the contents of `a`. Every result of a launch has a list of all its inputs,
// so with two results or more MLX's own is_donatable() is never true.
bool donatable(const mx::array& a, size_t results) {
  auto& data = a.data_shared_ptr();
  return handles(a) == long(results) && data && data.use_count() == 1 && is_owned(*data);
}

class TritonHostKernel : public mx::Primitive {
 public:
  TritonHostKernel(mx::Stream stream, std::shared_ptr<const Spec> spec)
      : mx::Primitive(stream), spec_(std::move(spec)) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    auto& encoder = mx::cpu::get_command_encoder(stream());
    Task task{spec_, {}, {}, {}};
    std::vector<bool> read(inputs.size());
    for (auto& b : spec_->bindings)
      if (b.output < 0) read[b.input] = true;
    std::vector<char*> in(inputs.size());
    for (size_t i = 0; i < inputs.size(); i++) {
      encoder.set_input_array(inputs[i]);
      if (read[i]) in[i] = readable(inputs[i], task, encoder);
    }
    for (size_t o = 0; o < outputs.size(); o++) {
      const mx::array* old = spec_->old[o] < 0 ? nullptr : &inputs[spec_->old[o]];
      start_output(outputs[o], old, old && donatable(*old, outputs.size()), task);
      encoder.set_output_array(outputs[o]);
    }
    for (auto& b : spec_->bindings)
      task.buffers.push_back(b.output < 0 ? in[b.input] : task.outputs[b.output].first);
    encoder.dispatch(std::move(task));
  }

  void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {
    throw std::runtime_error("[TritonHostKernel] runs on the CPU only; give it a CPU stream");
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    auto& o = *static_cast<const TritonHostKernel&>(other).spec_;
    return spec_->pure && o.pure && spec_->same_work(o);
  }

  const char* name() const override { return "TritonHostKernel"; }

  using Arrays = std::vector<mx::array>;

  Arrays vjp(const Arrays&, const Arrays&, const std::vector<int>&, const Arrays&) override {
    refuse("it has no derivative", "@mx.custom_function around the launch, with a .vjp");
  }

  Arrays jvp(const Arrays&, const Arrays&, const std::vector<int>&) override {
    refuse("it has no derivative", "@mx.custom_function around the launch, with a .jvp");
  }

  std::pair<Arrays, std::vector<int>> vmap(const Arrays&, const std::vector<int>&) override {
    refuse("mx.vmap cannot add an axis to its addresses", "one more axis in the grid");
  }

  std::vector<mx::Shape> output_shapes(const Arrays&) override {
    refuse("its grid and numbers are of one shape", "mx.compile without shapeless=True");
  }

 private:
  [[noreturn]] void refuse(const char* why, const char* instead) const {
    throw std::invalid_argument("[UNTRANSFORMABLE] the launch of " + spec_->name + "\n  why: " + why +
                                "\n  try: " + instead);
  }

  static char* readable(const mx::array& a, Task& task, mx::cpu::CommandEncoder& encoder) {
    if (contiguous(a)) return const_cast<char*>(a.data<char>());
    mx::array whole(a.shape(), a.dtype(), nullptr, {});
    whole.set_data(mx::allocator::malloc(a.nbytes()));
    task.copies.push_back(copy_of(a, whole.data<char>()));
    encoder.add_temporary(whole);
    return whole.data<char>();
  }

  // In place where nobody else holds the old contents, else in new memory.
  static void start_output(mx::array& out, const mx::array* old, bool donated, Task& task) {
    if (donated && old->flags().row_contiguous) {
      out.copy_shared_buffer(*old);
    } else {
      out.set_data(mx::allocator::malloc(out.nbytes()));
      if (old) task.copies.push_back(copy_of(*old, out.data<char>()));
    }
    task.outputs.emplace_back(out.data<char>(), out.nbytes());
  }

  std::shared_ptr<const Spec> spec_;
};

}  // namespace
