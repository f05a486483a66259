// Python's mx.arrays as MLX's C++ objects, and errors between the two languages.
//
// CPython C API and MLX C++ API only. A Python mx.array is a nanobind instance, and the pointer to
// its C++ object is read from the instance's private layout; layout.py proves that layout in a
// child process before the module is used.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "mlx/array.h"
#include "mlx/stream.h"
#include "mlx/utils.h"

namespace mx = mlx::core;

namespace {

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

}  // namespace
