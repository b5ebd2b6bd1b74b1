//===- KernelLoader.h - From images to functions ------------------*- C++ -*-===//
#ifndef QCCRT_SRC_KERNELLOADER_H
#define QCCRT_SRC_KERNELLOADER_H

#include "Device.h"
#include "EngineReader.h"

#include <set>

namespace qccrt {

/// All kernels of an engine on one device: for each the best cubin that fits, else, or when the driver knows no such
/// binary, the PTX. The context must be current where it is made and where it ends.
class KernelLoader {
public:
  /// Throws Mismatch when a kernel has no image that runs here; the message lists what the engine has and what the
  /// machine has.
  KernelLoader(const Device &device, const EngineReader &engine);
  ~KernelLoader();
  KernelLoader(const KernelLoader &) = delete;
  KernelLoader &operator=(const KernelLoader &) = delete;

  cuda::Function function(size_t kernel) const { return functions[kernel]; }
  uint32_t cubins() const { return cubinCount; }
  uint32_t ptx() const { return uint32_t(functions.size()) - cubinCount; }

private:
  void load(const plan::Kernel &kernel);
  cuda::Result tryImage(const plan::Image &image, cuda::Module &module);
  void prepare(const plan::Kernel &kernel, cuda::Module module);
  [[noreturn]] void mismatch(const plan::Kernel &kernel, const std::string &why) const;

  const Device &device;
  const EngineReader &engine;
  std::vector<cuda::Module> modules;
  std::vector<cuda::Function> functions;
  uint32_t cubinCount = 0;
  std::set<std::pair<uint32_t, bool>>
      refused;     ///< targets (and whether specific) the driver has no use for: not offered again
  std::string log; ///< of the driver's compiler, from the last attempt
};

/// The cubin that runs best on a device: same major, highest minor not above the device's; one for exactly the device's
/// capability with architecture-specific code wins. Null when none fits. (CUDA C++ Programming Guide, "Binary
/// Compatibility".)
const plan::Image *bestCubin(const plan::Kernel &kernel, unsigned capability);
/// The PTX of the highest capability not above the device's; null when there is none.
const plan::Image *bestPtx(const plan::Kernel &kernel, unsigned capability);

} // namespace qccrt

#endif // QCCRT_SRC_KERNELLOADER_H
