// SPDX-License-Identifier: MIT
#include "worker/wsgi/file_wrapper.h"

namespace gserve::wsgi {
namespace {

constexpr Py_ssize_t kDefaultBlock = 8192;

/// wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling"): iterates over a file-like in
/// blocks.
struct FileWrapper {
  PyObject ob_base;
  PyObject* filelike;  // owned
  Py_ssize_t block_size;
};

FileWrapper& as_wrapper(PyObject* object) {
  return *reinterpret_cast<FileWrapper*>(object);
}

int initialize(PyObject* self, PyObject* args, PyObject* kwargs) {
  static char filelike_name[] = "filelike";
  static char block_size_name[] = "blksize";
  static char* names[] = {filelike_name, block_size_name, nullptr};
  PyObject* filelike;
  Py_ssize_t block_size = kDefaultBlock;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|n:FileWrapper", names, &filelike, &block_size)) return -1;
  FileWrapper& wrapper = as_wrapper(self);
  PyRef old(wrapper.filelike);
  Py_INCREF(filelike);
  wrapper.filelike = filelike;
  wrapper.block_size = block_size;
  return 0;
}

PyObject* next_block(PyObject* self) {
  FileWrapper& wrapper = as_wrapper(self);
  if (wrapper.filelike == nullptr) return nullptr;
  PyRef block(PyObject_CallMethod(wrapper.filelike, "read", "n", wrapper.block_size));
  if (!block) return nullptr;
  const int more = PyObject_IsTrue(block.get());
  return more == 1 ? block.release() : nullptr;
}

PyObject* get_filelike(PyObject* self, void*) {
  PyObject* filelike = as_wrapper(self).filelike;
  return PyRef::borrow(filelike == nullptr ? Py_None : filelike).release();
}

/// `close` exists only if the file-like has one.
PyObject* get_close(PyObject* self, void*) {
  PyRef filelike(get_filelike(self, nullptr));
  return PyObject_GetAttrString(filelike.get(), "close");
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_wrapper(self).filelike);
  return 0;
}

int clear(PyObject* self) {
  Py_CLEAR(as_wrapper(self).filelike);
  return 0;
}

void deallocate(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  clear(self);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyGetSetDef attributes[] = {{"close", get_close, nullptr, "The file-like's close.", nullptr},
                            {"filelike", get_filelike, nullptr, "The file-like.", nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

PyObject* make_file_wrapper_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_init, reinterpret_cast<void*>(initialize)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
                         {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(clear)},
                         {Py_tp_getset, attributes},
                         {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                         {Py_tp_iternext, reinterpret_cast<void*>(next_block)},
                         {0, nullptr}};
  PyType_Spec spec = {"_gserve.FileWrapper", sizeof(FileWrapper), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                      slots};
  return PyType_FromModuleAndSpec(module, &spec, nullptr);
}

RegionResult find_region(const Hooks& hooks, PyObject* file_wrapper, FileRegion& region) {
  PyRef filelike(get_filelike(file_wrapper, nullptr));
  PyRef found(PyObject_CallFunctionObjArgs(hooks.file_region.get(), filelike.get(), nullptr));
  if (!found) return RegionResult::error;
  if (found.get() == Py_None) return RegionResult::none;
  long long offset;
  unsigned long long size;
  if (!PyArg_ParseTuple(found.get(), "iLK", &region.fd, &offset, &size)) return RegionResult::error;
  region.offset = offset;
  region.size = size;
  return RegionResult::found;
}

}  // namespace gserve::wsgi
