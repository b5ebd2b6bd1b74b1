//===- Nvrtc.h - The CUDA compiler, opened at run time ------------*- C++ -*-===//
//
// libnvrtc is opened with dlopen: from QCC_NVRTC (path of the library), CUDA_HOME, the usual toolkit directories, the
// directory that tools/dev/setup.sh fills from PyPI packages (QCC_CUDA_WHEELS), or the loader's search path, in this
// order.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CODEGEN_NVRTC_H
#define QCC_CODEGEN_NVRTC_H

#include "qcc/CodeGen/KernelInstance.h"
#include "qcc/Support/Error.h"

#include <string>
#include <vector>

namespace qcc::codegen {

/// What ptxas says about a cubin; all zero for PTX, which is not assembled yet.
struct KernelResources {
  int registers = 0;   ///< per thread
  int stackBytes = 0;  ///< per thread
  int spillBytes = 0;  ///< stores and loads together
  int sharedBytes = 0; ///< static
};

struct KernelImage {
  std::string arch; ///< "sm_90": image is a cubin; "compute_80": image is PTX text without a final NUL
  std::string image;
  KernelResources resources;
  std::string log; ///< warnings
};

/// Compute capability of "sm_90" or "compute_90" as 90; 0 when the name is neither.
int capabilityOf(const std::string &arch);

class Nvrtc {
public:
  /// The process's one handle, or why there is none, with the places that were searched.
  static Expected<const Nvrtc *> get();

  const std::string &version() const { return versionText; } ///< "13.0"
  const std::string &path() const { return libraryPath; }

  /// Options of every compilation, without the architecture: part of a cached kernel's identity.
  static const std::vector<std::string> &options();

  /// Compiles the instance's stub with the embedded headers. Thread safe. An error names the symbol and holds the log.
  Expected<KernelImage> compile(const KernelInstance &instance, const std::string &arch) const;

private:
  struct Api;
  Nvrtc() = default;
  const Api *api = nullptr;
  std::string versionText, libraryPath;

  friend struct NvrtcLoader;
};

} // namespace qcc::codegen

#endif // QCC_CODEGEN_NVRTC_H
