//===- LaunchList.h - The plan's steps, bound to addresses --------*- C++ -*-===//
//
// Everything a launch needs is resolved once; a step only picks cases and computes grids.
//
//===----------------------------------------------------------------------===//
#ifndef QCCRT_SRC_LAUNCHLIST_H
#define QCCRT_SRC_LAUNCHLIST_H

#include "KernelLoader.h"
#include "PlanLimits.h"

namespace qccrt {

/// Where everything lies on the device.
struct Addresses {
  std::vector<cuda::Pointer> constants, kCache, vCache; ///< per constant, per layer
  cuda::Pointer arena = 0;
  std::vector<cuda::Pointer> inputs, outputs; ///< in the order of kInputNames and kOutputNames
};

class LaunchList {
public:
  LaunchList(const plan::Plan &plan, const KernelLoader &kernels, const Addresses &addresses);
  LaunchList(const LaunchList &) = delete; // launches point into this object
  LaunchList &operator=(const LaunchList &) = delete;

  /// Enqueues all launches for these sizes. Throws Lost, naming step and kernel. `synchronous`: waits after each.
  void run(const Device &device, const Sizes &sizes, bool synchronous);

private:
  struct Launch {
    cuda::Function function;
    const plan::Launch *source;
    const plan::Kernel *kernel;
    size_t firstArgument; ///< in `arguments`
  };
  struct Case {
    const plan::Case *source;
    size_t firstLaunch, launches;
  };
  struct Step {
    size_t firstCase;
  };
  cuda::Pointer addressOf(const plan::Plan &plan, const plan::Arg &arg, const Addresses &addresses) const;
  const Case &choose(const Step &step, const Sizes &sizes) const;
  void launch(const Device &device, const Launch &launch, const Sizes &sizes, size_t step, bool synchronous) const;

  std::vector<Step> steps;
  std::vector<Case> cases;
  std::vector<Launch> launches;
  std::vector<cuda::Pointer> pointers;               ///< values of pointer arguments
  int32_t sizeValues[std::tuple_size_v<Sizes>] = {}; ///< values of size arguments, set by each step
  std::vector<void *> arguments;                     ///< addresses of values, as cuLaunchKernel wants them
};

} // namespace qccrt

#endif // QCCRT_SRC_LAUNCHLIST_H
