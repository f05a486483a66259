// TritonHostKernel: a lazy MLX primitive that runs a compiled kernel on the CPU.
//
// CPython C API and MLX C++ API only. A Python mx.array is a nanobind instance, and the pointer to
// its C++ object is read from the instance's private layout; layout.py proves that layout in a
// child process before this module is used.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <unordered_map>
#include <unordered_set>
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

// ---- the primitive ------------------------------------------------------------------------

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

 private:
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

// ---- Python objects -----------------------------------------------------------------------

PyTypeObject *g_array_type, *g_stream_type, *g_local_stream_type;
PyObject *g_copy, *g_model;  // mx.array.__copy__, and an array to copy

struct PythonError {};  // a Python exception is set

// nb_inst: PyObject header, int32 offset, flag byte (bit 2: the object itself is at the offset).
void* instance_pointer(PyObject* o) {
  char* base = reinterpret_cast<char*>(o);
  int32_t offset;
  std::memcpy(&offset, base + sizeof(PyObject), sizeof offset);
  bool direct = base[sizeof(PyObject) + 4] & 4;
  return direct ? base + offset : *reinterpret_cast<void**>(base + offset);
}

[[noreturn]] void type_error(const char* wanted, PyObject* got) {
  PyErr_Format(PyExc_TypeError, "expected %s, got %s", wanted, Py_TYPE(got)->tp_name);
  throw PythonError();
}

mx::array& array_of(PyObject* o) {
  if (!PyObject_TypeCheck(o, g_array_type)) type_error("mlx.core.array", o);
  return *static_cast<mx::array*>(instance_pointer(o));
}

mx::Stream stream_of(PyObject* o) {
  if (o == Py_None) return mx::default_stream(mx::Device(mx::Device::cpu));
#ifdef TMLX_THREAD_LOCAL_STREAM
  if (g_local_stream_type && PyObject_TypeCheck(o, g_local_stream_type))
    return mx::stream_from_thread_local_stream(
        *static_cast<mx::ThreadLocalStream*>(instance_pointer(o)));
#endif
  if (!PyObject_TypeCheck(o, g_stream_type)) type_error("mlx.core.Stream or None", o);
  return *static_cast<mx::Stream*>(instance_pointer(o));
}

// A new Python array that refers to `a`.
PyObject* wrap(const mx::array& a) {
  PyObject* o = PyObject_CallFunctionObjArgs(g_copy, g_model, nullptr);
  if (!o) throw PythonError();
  *static_cast<mx::array*>(instance_pointer(o)) = a;
  return o;
}

PyObject* tuple_of(PyObject* o) {
  if (!PyTuple_Check(o)) type_error("tuple", o);
  return o;
}

int64_t integer(PyObject* o) {
  int64_t value = PyLong_AsLongLong(o);
  if (value == -1 && PyErr_Occurred()) throw PythonError();
  return value;
}

bool truth(PyObject* o) {
  int value = PyObject_IsTrue(o);
  if (value < 0) throw PythonError();
  return value;
}

// Converts the C++ errors of `body` to Python's.
template <class Body>
PyObject* guarded(Body body) {
  try {
    return body();
  } catch (const PythonError&) {
  } catch (const std::invalid_argument& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

void require(bool holds, const char* text) {
  if (!holds) throw std::invalid_argument(text);
}

// ---- launch -------------------------------------------------------------------------------

enum LaunchArg {
  kFn, kArrays, kWritten, kFresh, kScalars, kGrid, kStackBytes, kName, kPure, kStream, kLaunchArgs
};

struct Launch {
  Spec spec;
  std::vector<mx::array> inputs;
  std::vector<int> results;  // per entry of `written`: the output
};

void read_scalars(PyObject* const* args, Spec& spec) {
  spec.fn = reinterpret_cast<tmlx::KernelFn>(PyLong_AsVoidPtr(args[kFn]));
  if (PyErr_Occurred()) throw PythonError();
  require(spec.fn, "launch: the function pointer is null");
  char* data;
  Py_ssize_t size;
  if (PyBytes_AsStringAndSize(args[kScalars], &data, &size)) throw PythonError();
  spec.scalars.assign(data, size);
  const char* name = PyUnicode_AsUTF8AndSize(args[kName], &size);
  if (!name) throw PythonError();
  spec.name.assign(name, size);
  spec.stack_bytes = size_t(integer(args[kStackBytes]));
  spec.pure = truth(args[kPure]);
  PyObject* grid = tuple_of(args[kGrid]);
  require(PyTuple_GET_SIZE(grid) <= 3, "launch: a grid has at most 3 axes");
  for (Py_ssize_t i = 0; i < 3; i++)
    spec.grid[i] = i < PyTuple_GET_SIZE(grid) ? integer(PyTuple_GET_ITEM(grid, i)) : 1;
}

// One Python array given several times is one buffer: what the kernel writes through one
// parameter it reads through the other.
void read_arrays(PyObject* const* args, Launch& launch) {
  PyObject *arrays = tuple_of(args[kArrays]), *written = tuple_of(args[kWritten]),
           *fresh = tuple_of(args[kFresh]);
  Py_ssize_t count = PyTuple_GET_SIZE(arrays);
  require(PyTuple_GET_SIZE(fresh) == PyTuple_GET_SIZE(written),
          "launch: `fresh` needs one entry per entry of `written`");
  std::vector<mx::array*> given(count);
  std::vector<int> first(count);
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject* o = PyTuple_GET_ITEM(arrays, i);
    given[i] = &array_of(o);
    for (first[i] = 0; PyTuple_GET_ITEM(arrays, first[i]) != o;) ++first[i];
  }
  auto& spec = launch.spec;
  std::vector<int> output(count, -1);
  std::vector<bool> keeps;  // per output: starts from the old contents
  for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(written); k++) {
    int64_t index = integer(PyTuple_GET_ITEM(written, k));
    require(index >= 0 && index < count, "launch: `written` names an array that is not there");
    int i = first[index];
    bool keep = !truth(PyTuple_GET_ITEM(fresh, k));
    if (output[i] < 0) {
      output[i] = int(keeps.size());
      keeps.push_back(keep);
      spec.shapes.push_back(given[i]->shape());
      spec.dtypes.push_back(given[i]->dtype());
    } else if (keep) {
      keeps[output[i]] = true;
    }
    launch.results.push_back(output[i]);
  }
  // Read through a parameter that is not in `written`: then the old contents do matter.
  std::vector<bool> listed(count);
  for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(written); k++)
    listed[integer(PyTuple_GET_ITEM(written, k))] = true;
  for (Py_ssize_t i = 0; i < count; i++)
    if (!listed[i] && output[first[i]] >= 0) keeps[output[first[i]]] = true;

  spec.old.assign(keeps.size(), -1);
  std::vector<int> input(count, -1);
  for (Py_ssize_t i = 0; i < count; i++) {
    int o = output[first[i]];
    if (first[i] == i && (o < 0 || keeps[o])) {
      input[i] = int(launch.inputs.size());
      launch.inputs.push_back(*given[i]);
      if (o >= 0) spec.old[o] = input[i];
    }
    spec.bindings.push_back({input[first[i]], o});
  }
}

PyObject* launch(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    require(n == kLaunchArgs, "launch takes 10 arguments");
    Launch launch;
    read_scalars(args, launch.spec);
    read_arrays(args, launch);
    mx::Stream stream = stream_of(args[kStream]);
    std::vector<int> results = std::move(launch.results);
    PyObject* made = PyTuple_New(Py_ssize_t(results.size()));
    if (!made || results.empty()) return made;
    auto spec = std::make_shared<const Spec>(std::move(launch.spec));
    auto primitive = std::make_shared<TritonHostKernel>(stream, spec);
    auto outputs = mx::array::make_arrays(spec->shapes, spec->dtypes, primitive, launch.inputs);
    try {
      for (size_t k = 0; k < results.size(); k++)
        PyTuple_SET_ITEM(made, Py_ssize_t(k), wrap(outputs[results[k]]));
    } catch (...) {
      Py_DECREF(made);
      throw;
    }
    return made;
  });
}

// rebind(dst, src): dst refers to src's value from now on, as after `dst[()] = src`.
PyObject* rebind(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    require(n == 2, "rebind takes 2 arguments");
    mx::array &to = array_of(args[0]), &from = array_of(args[1]);
    require(to.dtype() == from.dtype(), "rebind: the two arrays have different dtypes");
    require(to.shape() == from.shape(), "rebind: the two arrays have different shapes");
    to.overwrite_descriptor(from);
    Py_RETURN_NONE;
  });
}

PyObject* id_of(const mx::array& a) {
  PyObject* id = PyLong_FromUnsignedLongLong((unsigned long long)(a.id()));
  if (!id) throw PythonError();
  return id;
}

// nodes(arrays) -> (new handles, identities, which are the same for arrays that are the same node of MLX's
// graph); None where one is no array.
PyObject* nodes(PyObject*, PyObject* arrays) {
  return guarded([&]() -> PyObject* {
    Py_ssize_t n = PyTuple_GET_SIZE(tuple_of(arrays));
    for (Py_ssize_t k = 0; k < n; k++)
      if (!PyObject_TypeCheck(PyTuple_GET_ITEM(arrays, k), g_array_type)) Py_RETURN_NONE;
    PyObject *handles = PyTuple_New(n), *ids = PyTuple_New(n);
    PyObject* both = handles && ids ? PyTuple_Pack(2, handles, ids) : nullptr;
    Py_XDECREF(handles);
    Py_XDECREF(ids);
    if (!both) throw PythonError();
    try {
      for (Py_ssize_t k = 0; k < n; k++) {
        const mx::array& array = array_of(PyTuple_GET_ITEM(arrays, k));
        PyTuple_SET_ITEM(handles, k, wrap(array));
        PyTuple_SET_ITEM(ids, k, id_of(array));
      }
    } catch (...) {
      Py_DECREF(both);
      throw;
    }
    return both;
  });
}

constexpr size_t kMostOrigins = 4096;  // nodes looked at

// The name of an operation; MLX had a printer in place of name() once.
template <class P>
std::string name_of(P& primitive) {
  if constexpr (requires { primitive.name(); }) {
    return primitive.name();
  } else if constexpr (requires(std::ostringstream& out) { primitive.print(out); }) {
    std::ostringstream out;
    primitive.print(out);
    return out.str();
  } else {
    return "";
  }
}

// Operations of MLX whose result has the same elements in the same row-major order.
bool keeps_elements(const std::string& name) {
  for (const char* known :
       {"Reshape", "Flatten", "Unflatten", "Squeeze", "ExpandDims", "Contiguous"})
    if (name == known) return true;
  return false;
}

// origin(array, known) -> (the array with the same elements that this was made from, its identity, the name of the
// operation that made that one, or "", and which of the identities in the dict `known` it was made from).
PyObject* origin(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    require(n == 2 && PyDict_Check(args[1]), "origin takes an array and a dict");
    auto is_known = [&](const mx::array& a) {
      PyObject* id = id_of(a);
      int found = PyDict_Contains(args[1], id);
      Py_DECREF(id);
      if (found < 0) throw PythonError();
      return found == 1;
    };
    mx::array whole = array_of(args[0]);
    while (whole.has_primitive() && !whole.inputs().empty() &&
           keeps_elements(name_of(whole.primitive())) && whole.inputs()[0].size() == whole.size()) {
      mx::array inner = whole.inputs()[0];
      whole = inner;
    }
    PyObject* sources = PyList_New(0);
    if (!sources) throw PythonError();
    std::unordered_set<std::uintptr_t> seen;
    std::vector<mx::array> open;
    if (!is_known(whole)) open.push_back(whole);
    while (!open.empty() && seen.size() < kMostOrigins) {
      mx::array at = open.back();
      open.pop_back();
      if (!seen.insert(at.id()).second) continue;
      if (!is_known(at)) {
        open.insert(open.end(), at.inputs().begin(), at.inputs().end());
        continue;
      }
      PyObject* id = id_of(at);
      if (PyList_Append(sources, id) < 0) throw PythonError();
      Py_DECREF(id);
    }
    bool made = whole.has_primitive() && !whole.inputs().empty();
    std::string name = made ? name_of(whole.primitive()) : "";
    return Py_BuildValue("(NNsN)", wrap(whole), id_of(whole), name.c_str(), sources);
  });
}

// others(nodes) -> for each node, how many handles there are that are not inputs or siblings of these nodes;
// 0 for a node that is not one of our primitive's. A reshape that only they read counts as theirs.
PyObject* others(PyObject*, PyObject* nodes) {
  return guarded([&]() -> PyObject* {
    std::unordered_map<std::uintptr_t, long> known;
    std::unordered_set<std::uintptr_t> reshapes;
    Py_ssize_t n = PyTuple_GET_SIZE(nodes);
    for (Py_ssize_t k = 0; k < n; k++) {
      const mx::array& node = array_of(PyTuple_GET_ITEM(nodes, k));
      long copies = long(node.siblings().size()) + 1;  // of the list of inputs
      for (const mx::array& sibling : node.siblings()) known[sibling.id()]++;
      for (const mx::array& given : node.inputs()) {
        known[given.id()]++;
        const mx::array* at = &given;
        while (at->has_primitive() && !at->inputs().empty() &&
               keeps_elements(name_of(at->primitive())) &&
               handles(*at) == (at == &given ? copies : 1) && reshapes.insert(at->id()).second) {
          at = &at->inputs()[0];
          known[at->id()]++;
        }
      }
    }
    PyObject* found = PyTuple_New(n);
    if (!found) throw PythonError();
    for (Py_ssize_t k = 0; k < n; k++) {
      const mx::array& node = array_of(PyTuple_GET_ITEM(nodes, k));
      bool ours = node.has_primitive() && dynamic_cast<TritonHostKernel*>(&node.primitive());
      long count = ours ? handles(node) - known[node.id()] : 0;
      PyTuple_SET_ITEM(found, k, PyLong_FromLong(count));
    }
    return found;
  });
}

// adopt(pairs) -> bool: each pair is (old, new), the old ones all results of one launch that has not run yet.
// What was made of an old one is from now on made of the new one. False, and nothing is changed, where a new
// one depends on an old one or a result of the launch is not among the old ones.
PyObject* adopt(PyObject*, PyObject* pairs) {
  return guarded([&]() -> PyObject* {
    std::unordered_set<std::uintptr_t> olds;
    std::vector<const mx::array*> open;
    Py_ssize_t n = PyTuple_GET_SIZE(pairs);
    for (Py_ssize_t k = 0; k < n; k++) {
      PyObject* pair = PyTuple_GET_ITEM(pairs, k);
      mx::array& old = array_of(PyTuple_GET_ITEM(pair, 0));
      mx::array& made = array_of(PyTuple_GET_ITEM(pair, 1));
      bool fits = old.status() == mx::array::Status::unscheduled && old.has_primitive() &&
                  !old.is_tracer() && old.shape() == made.shape() && old.dtype() == made.dtype() &&
                  made.has_primitive() && made.siblings().empty();
      if (!fits) Py_RETURN_FALSE;
      olds.insert(old.id());
      open.push_back(&made);
    }
    for (Py_ssize_t k = 0; k < n; k++) {
      mx::array& old = array_of(PyTuple_GET_ITEM(PyTuple_GET_ITEM(pairs, k), 0));
      for (const mx::array& s : old.siblings())
        if (!olds.count(s.id())) Py_RETURN_FALSE;
    }
    std::unordered_set<std::uintptr_t> seen;
    while (!open.empty()) {
      const mx::array* at = open.back();
      open.pop_back();
      if (olds.count(at->id())) Py_RETURN_FALSE;
      if (!seen.insert(at->id()).second) continue;
      for (const mx::array& given : at->inputs()) open.push_back(&given);
      for (const mx::array& s : at->siblings())
        for (const mx::array& given : s.inputs()) open.push_back(&given);
    }
    for (Py_ssize_t k = 0; k < n; k++) {
      PyObject* pair = PyTuple_GET_ITEM(pairs, k);
      mx::array& old = array_of(PyTuple_GET_ITEM(pair, 0));
      mx::array& made = array_of(PyTuple_GET_ITEM(pair, 1));
      old.set_siblings({}, 0);
      old.primitive_ptr() = made.primitive_ptr();
      old.inputs() = made.inputs();
    }
    Py_RETURN_TRUE;
  });
}

// ---- set-up -------------------------------------------------------------------------------

// init(array type, Stream type, ThreadLocalStream type or None, array.__copy__, an array, threads)
PyObject* init(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    require(n == 6, "init takes 6 arguments");
    g_threads = int(integer(args[5]));
    for (int i = 0; i < 5; i++) Py_INCREF(args[i]);  // kept for good
    g_array_type = reinterpret_cast<PyTypeObject*>(args[0]);
    g_stream_type = reinterpret_cast<PyTypeObject*>(args[1]);
    g_local_stream_type =
        args[2] == Py_None ? nullptr : reinterpret_cast<PyTypeObject*>(args[2]);
    g_copy = args[3];
    g_model = args[4];
    Py_RETURN_NONE;
  });
}

// set_threads(n) -> what it was. -n: n threads also where waking them has not paid so far.
PyObject* set_threads(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    return PyLong_FromLong(std::exchange(g_threads, int(integer(o))));
  });
}

// inspect(array) -> (shape, item size, data address or 0 before evaluation, holders of the data)
PyObject* inspect(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    mx::array& a = array_of(o);
    PyObject* shape = PyTuple_New(Py_ssize_t(a.ndim()));
    if (!shape) throw PythonError();
    for (size_t i = 0; i < a.ndim(); i++)
      PyTuple_SET_ITEM(shape, Py_ssize_t(i), PyLong_FromLong(a.shape()[i]));
    bool ready = a.status() != mx::array::Status::unscheduled;
    auto address = ready ? reinterpret_cast<uintptr_t>(a.data<char>()) : 0;
    long holders = ready ? a.data_shared_ptr().use_count() : 0;
    return Py_BuildValue("(NnKl)", shape, Py_ssize_t(a.itemsize()),
                         static_cast<unsigned long long>(address), holders);
  });
}

PyObject* take_error(PyObject*, PyObject*) {
  std::lock_guard<std::mutex> lock(g_error_mutex);
  if (g_error.empty()) Py_RETURN_NONE;
  return PyUnicode_FromString(std::exchange(g_error, {}).c_str());
}

// A kernel for layout.py: buffers[1][p] = buffers[0][p] + 1, int32.
int probe(void* const* buffers, const void*, const int64_t*, int64_t begin, int64_t end) {
  for (int64_t p = begin; p < end; p++)
    static_cast<int32_t*>(buffers[1])[p] = static_cast<int32_t*>(buffers[0])[p] + 1;
  return 0;
}

template <class F>
PyCFunction fast(F f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef g_methods[] = {
    {"launch", fast(launch), METH_FASTCALL,
     "launch(fn, arrays, written, fresh, scalars, grid, stack_bytes, name, pure, stream)"},
    {"rebind", fast(rebind), METH_FASTCALL,
     "rebind(dst, src)"},
    {"nodes", nodes, METH_O, "nodes(arrays) -> (handles, identities) or None"},
    {"others", others, METH_O, "others(nodes) -> for each, handles that are not theirs"},
    {"adopt", adopt, METH_O, "adopt(((old, new), ...)) -> bool"},
    {"origin", fast(origin), METH_FASTCALL, "origin(array, known) -> (array, identity, operation, sources)"},
    {"init", fast(init), METH_FASTCALL, ""},
    {"set_threads", set_threads, METH_O, "set_threads(n) -> what it was"},
    {"inspect", inspect, METH_O, "inspect(array) -> (shape, item size, address, holders)"},
    {"take_error", take_error, METH_NOARGS, "the first error not yet taken, or None"},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef g_module = {PyModuleDef_HEAD_INIT, "_hostprim", nullptr, -1, g_methods,
                        nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__hostprim() {
  PyObject* module = PyModule_Create(&g_module);
  if (!module) return nullptr;
  PyModule_AddIntConstant(module, "raises", kSchedulerCatches<mx::scheduler::Scheduler>);
  PyModule_AddObject(module, "probe", PyLong_FromVoidPtr(reinterpret_cast<void*>(probe)));
  return module;
}
