//===- Npy.h - NumPy's array files ------------------------------*- C++ -*-===//
//
// Format version 1.0 and 2.0 (numpy.lib.format): magic, header length, a Python dict literal with 'descr',
// 'fortran_order' and 'shape', padded to a multiple of 64, then row-major data. Read and written: little-endian '<f4',
// '<i4', '<i8'.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_SUPPORT_NPY_H
#define QCC_SUPPORT_NPY_H

#include "qcc/Support/ParameterSource.h"

#include <string>
#include <vector>

namespace qcc {

struct NpyArray {
  DType type = DType::F32; ///< F32, I32 or I64
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  /// The elements; T must match `type`. The buffer is allocated with malloc's alignment.
  template <typename T> std::span<const T> as() const {
    assert(sizeof(T) * 8 == bitWidth(type));
    return {reinterpret_cast<const T *>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

/// Fails with BadInput on any other type, Fortran order, or a length that is not the shape's.
Expected<NpyArray> readNpy(const std::string &path);
/// The same of a file's contents; `name` is how messages call it.
Expected<NpyArray> parseNpy(std::span<const std::byte> contents, const std::string &name);
/// Atomically replaces `path`.
Status writeNpy(const std::string &path, DType type, std::span<const int64_t> shape, std::span<const std::byte> bytes);

} // namespace qcc

#endif // QCC_SUPPORT_NPY_H
