//===- CompileKernels.h - Many kernels, in parallel, cached -------*- C++ -*-===//
#ifndef QCC_CODEGEN_COMPILEKERNELS_H
#define QCC_CODEGEN_COMPILEKERNELS_H

#include "qcc/CodeGen/KernelCache.h"

#include <functional>

namespace qcc::codegen {

/// One kernel for one architecture, from the cache or NVRTC.
Expected<KernelImage> compileKernel(const KernelInstance &instance, const std::string &arch, const KernelCache &cache);

/// Images of every instance for every architecture: result[i][j] belongs to instances[i], archs[j] and is empty (no
/// image) where the instance needs a higher capability than the architecture has. `threads` kernels are compiled at a
/// time; the result does not depend on it. `done` is called after each, one call at a time. All errors are reported
/// together.
Expected<std::vector<std::vector<KernelImage>>> compileAll(const std::vector<KernelInstance> &instances,
                                                           const std::vector<std::string> &archs,
                                                           const KernelCache &cache, unsigned threads,
                                                           const std::function<void()> &done = {});

} // namespace qcc::codegen

#endif // QCC_CODEGEN_COMPILEKERNELS_H
