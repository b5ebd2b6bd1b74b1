//===- KernelHeaders.h - The embedded CUDA headers ----------------*- C++ -*-===//
//
// The build turns lib/CodeGen/Kernels/**/*.cuh and lib/CodeGen/tuning/*.txt into arrays, so that an installed compiler
// needs no files beside it and two compilers of one version read the same text.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CODEGEN_KERNELHEADERS_H
#define QCC_CODEGEN_KERNELHEADERS_H

#include <span>
#include <string>
#include <string_view>

namespace qcc::codegen {

struct EmbeddedFile {
  const char *name; ///< relative to lib/CodeGen/Kernels ("gemm/gemm.cuh") or lib/CodeGen/tuning ("gemm.txt")
  const char *text; ///< NUL terminated
};

std::span<const EmbeddedFile> kernelHeaders();
std::span<const EmbeddedFile> tuningTables();

/// Hexadecimal SHA-256 over names and texts of all kernel headers.
const std::string &kernelHeadersDigest();

} // namespace qcc::codegen

#endif // QCC_CODEGEN_KERNELHEADERS_H
