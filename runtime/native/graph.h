// MLX's graph as `fuse` sees it: which nodes arrays are, what they were made of, and who holds them.
#pragma once

#include "objects.h"

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "primitive.h"

namespace {

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

// traced(array) -> whether mx.compile, grad or vmap follows it.
PyObject* traced(PyObject*, PyObject* array) {
  return guarded([&]() -> PyObject* { return PyBool_FromLong(array_of(array).is_tracer()); });
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

// The array with the same elements that `a` was made from: itself, if it is not a reshape.
mx::array whole_of(const mx::array& a) {
  mx::array whole = a;
  while (whole.has_primitive() && !whole.inputs().empty() &&
         keeps_elements(name_of(whole.primitive())) && whole.inputs()[0].size() == whole.size()) {
    mx::array inner = whole.inputs()[0];
    whole = inner;
  }
  return whole;
}

// Which of the identities in the dict `known` the array was made from; a new list.
PyObject* sources_of(const mx::array& whole, PyObject* known) {
  PyObject* sources = PyList_New(0);
  if (!sources) throw PythonError();
  if (!whole.has_primitive() || PyDict_GET_SIZE(known) == 0) return sources;
  auto is_known = [&](const mx::array& a) {
    PyObject* id = id_of(a);
    int found = PyDict_Contains(known, id);
    Py_DECREF(id);
    if (found < 0) throw PythonError();
    return found == 1;
  };
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
    int failed = PyList_Append(sources, id);
    Py_DECREF(id);
    if (failed < 0) throw PythonError();
  }
  return sources;
}

// (the array of the same elements, its identity, the name of the operation that made that one, or "", sources)
PyObject* origin_of(const mx::array& a, PyObject* known) {
  mx::array whole = whole_of(a);
  bool made = whole.has_primitive() && !whole.inputs().empty();
  std::string name = made ? name_of(whole.primitive()) : "";
  return Py_BuildValue("(NNsN)", wrap(whole), id_of(whole), name.c_str(), sources_of(whole, known));
}

// origins(arrays, known) -> for each array its identity and origin_of; None where one is no array.
PyObject* origins(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    require(n == 2 && PyDict_Check(args[1]), "origins takes a tuple of arrays and a dict");
    Py_ssize_t count = PyTuple_GET_SIZE(tuple_of(args[0]));
    for (Py_ssize_t k = 0; k < count; k++)
      if (!PyObject_TypeCheck(PyTuple_GET_ITEM(args[0], k), g_array_type)) Py_RETURN_NONE;
    PyObject* found = PyTuple_New(count);
    if (!found) throw PythonError();
    try {
      for (Py_ssize_t k = 0; k < count; k++) {
        const mx::array& array = array_of(PyTuple_GET_ITEM(args[0], k));
        PyObject* one = Py_BuildValue("(NNN)", wrap(array), id_of(array), origin_of(array, args[1]));
        if (!one) throw PythonError();
        PyTuple_SET_ITEM(found, k, one);
      }
    } catch (...) {
      Py_DECREF(found);
      throw;
    }
    return found;
  });
}

// changed(arrays, identities) -> for each array None if it is that node still, else (handle, identity, the array of
// the same elements that it was made from, that one's identity).
PyObject* changed(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    require(n == 2, "changed takes two tuples");
    Py_ssize_t count = PyTuple_GET_SIZE(tuple_of(args[0]));
    require(PyTuple_GET_SIZE(tuple_of(args[1])) == count, "changed: one identity per array");
    PyObject* found = PyTuple_New(count);
    if (!found) throw PythonError();
    try {
      for (Py_ssize_t k = 0; k < count; k++) {
        const mx::array& array = array_of(PyTuple_GET_ITEM(args[0], k));
        unsigned long long was = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args[1], k));
        if (PyErr_Occurred()) throw PythonError();
        PyObject* one = Py_None;
        if (was == (unsigned long long)(array.id())) {
          Py_INCREF(one);
        } else {
          mx::array whole = whole_of(array);
          one = Py_BuildValue("(NNNN)", wrap(array), id_of(array), wrap(whole), id_of(whole));
          if (!one) throw PythonError();
        }
        PyTuple_SET_ITEM(found, k, one);
      }
    } catch (...) {
      Py_DECREF(found);
      throw;
    }
    return found;
  });
}

// origin(array, known) -> origin_of, for one array.
PyObject* origin(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    require(n == 2 && PyDict_Check(args[1]), "origin takes an array and a dict");
    return origin_of(array_of(args[0]), args[1]);
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

}  // namespace
