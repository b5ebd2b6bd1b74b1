//===- KernelCache.h - Compiled kernels by content ----------------*- C++ -*-===//
//
// One file per compiled kernel, named by the SHA-256 of everything its bytes depend on: stub, embedded headers,
// options, NVRTC's version, architecture. A file holds its own hash, which is checked at each read: a damaged entry is
// compiled anew. A cache that cannot be written never fails a compilation.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CODEGEN_KERNELCACHE_H
#define QCC_CODEGEN_KERNELCACHE_H

#include "qcc/CodeGen/Nvrtc.h"

#include <optional>

namespace qcc::codegen {

class KernelCache {
public:
  /// An empty directory name means no cache: find never finds, store does nothing.
  explicit KernelCache(std::string directory) : directory(std::move(directory)) {}

  /// QCC_KERNEL_CACHE, else $XDG_CACHE_HOME/qcc/kernels, else $HOME/.cache/qcc/kernels, else none.
  static std::string defaultDirectory();

  /// 64 hexadecimal digits.
  static std::string key(const KernelInstance &instance, const std::string &arch, const std::string &nvrtcVersion);

  std::optional<KernelImage> find(const std::string &key) const;
  void store(const std::string &key, const KernelImage &image) const;

private:
  std::string path(const std::string &key) const;
  std::string directory;
};

} // namespace qcc::codegen

#endif // QCC_CODEGEN_KERNELCACHE_H
