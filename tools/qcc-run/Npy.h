//===- Npy.h - Logits as a NumPy file -----------------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_RUN_NPY_H
#define QCC_TOOLS_QCC_RUN_NPY_H

#include <cstdint>
#include <cstdio>
#include <string>

namespace qcc_run {

/// Writes f32 [rows, columns] row by row, so that logits of long prompts need no memory, into a temporary file that
/// takes the final name in finish(). NumPy format version 1.0 (numpy.lib.format); the header has a fixed length, and is
/// written last. Throws Exit with code IoError.
class NpyWriter {
public:
  NpyWriter(const std::string &path, uint64_t columns);
  ~NpyWriter(); ///< without finish() nothing stays
  NpyWriter(const NpyWriter &) = delete;
  NpyWriter &operator=(const NpyWriter &) = delete;

  void row(const float *values);
  void finish();

private:
  [[noreturn]] void failed(const char *what) const;
  void header();
  std::string path, temporary;
  uint64_t rows = 0, columns;
  std::FILE *file = nullptr;
};

} // namespace qcc_run

#endif // QCC_TOOLS_QCC_RUN_NPY_H
