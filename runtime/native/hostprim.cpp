// The Python module _hostprim: launches of the primitive, what it knows of MLX's graph, and its set-up.
#include "objects.h"  // Python's header comes first

#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "graph.h"
#include "primitive.h"

namespace {

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
    {"traced", traced, METH_O, "traced(array) -> bool"},
    {"nodes", nodes, METH_O, "nodes(arrays) -> (handles, identities) or None"},
    {"others", others, METH_O, "others(nodes) -> for each, handles that are not theirs"},
    {"adopt", adopt, METH_O, "adopt(((old, new), ...)) -> bool"},
    {"origin", fast(origin), METH_FASTCALL, "origin(array, known) -> (array, identity, operation, sources)"},
    {"origins", fast(origins), METH_FASTCALL, "origins(arrays, known) -> for each (handle, identity, origin)"},
    {"changed", fast(changed), METH_FASTCALL, "changed(arrays, identities) -> for each None or what it is now"},
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
