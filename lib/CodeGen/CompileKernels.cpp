//===- CompileKernels.cpp -------------------------------------------------===//

#include "qcc/CodeGen/CompileKernels.h"

#include "qcc/Support/Parallel.h"

#include <mutex>
#include <string_view>

namespace qcc::codegen {

Expected<KernelImage> compileKernel(const KernelInstance &instance, const std::string &arch, const KernelCache &cache) {
  Expected<const Nvrtc *> nvrtc = Nvrtc::get();
  if (!nvrtc)
    return nvrtc.takeError();
  std::string key = KernelCache::key(instance, arch, (*nvrtc)->version());
  if (std::optional<KernelImage> found = cache.find(key))
    return std::move(*found);
  Expected<KernelImage> image = (*nvrtc)->compile(instance, arch);
  if (image)
    cache.store(key, *image);
  return image;
}

Expected<std::vector<std::vector<KernelImage>>> compileAll(const std::vector<KernelInstance> &instances,
                                                           const std::vector<std::string> &archs,
                                                           const KernelCache &cache, unsigned threads,
                                                           const std::function<void()> &done) {
  std::vector<std::vector<KernelImage>> images(instances.size(), std::vector<KernelImage>(archs.size()));
  std::vector<std::string> messages(instances.size() * archs.size());
  // Layers of one shape share their kernels: equal sources are compiled once.
  std::map<std::string_view, size_t> firstWith;
  std::vector<size_t> original(instances.size());
  for (size_t i = 0; i < instances.size(); ++i)
    original[i] = firstWith.emplace(instances[i].source, i).first->second;
  std::mutex mutex;
  parallelFor(0, int64_t(messages.size()), 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const KernelInstance &instance = instances[i / archs.size()];
      const std::string &arch = archs[i % archs.size()];
      int capability = capabilityOf(arch);
      bool wanted = capability == 0 || capability >= instance.minTarget; // 0: let the compilation say what is wrong
      if (wanted && original[i / archs.size()] == i / archs.size()) {
        Expected<KernelImage> image = compileKernel(instance, arch, cache);
        if (image)
          images[i / archs.size()][i % archs.size()] = std::move(*image);
        else
          messages[i] = image.error().message;
      }
      std::lock_guard lock(mutex);
      if (done)
        done();
    }
  });
  // In the order of the instances, whichever thread met them.
  ErrorList errors;
  for (std::string &message : messages)
    if (!message.empty())
      errors.add(std::move(message), ExitCode::Internal);
  if (!errors.empty())
    return errors.joined();
  for (size_t i = 0; i < instances.size(); ++i)
    if (original[i] != i)
      images[i] = images[original[i]];
  return images;
}

} // namespace qcc::codegen
