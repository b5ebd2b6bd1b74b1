//===- Machine.h - The simulated device -----------------------------------===//
//
// The C++ interface of the simulator: a machine has memory and runs kernels of
// modules. The driver stand-in in src/libcuda is built on it, and the tests.
//
//   Machine machine(DeviceProperties{}, Options::fromEnvironment());
//   Module module(machine.memory(), machine.properties(), ptxText);
//   DeviceAddress x = machine.memory().allocate(4096);
//   const void *arguments[] = {&x};
//   machine.launch(*module.findKernel("scale"), {{8, 1, 1}, {128, 1, 1}, 0}, arguments);
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_MACHINE_H
#define QCCSIM_MACHINE_H

#include "qccsim/DeviceMemory.h"
#include "qccsim/Error.h"
#include "qccsim/Module.h"
#include "qccsim/Options.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace qccsim {

struct LaunchConfig {
  unsigned grid[3] = {1, 1, 1};
  unsigned block[3] = {1, 1, 1};
  size_t dynamicSharedBytes = 0;
  /// What the kernel may use in total, static and dynamic: 48 KB unless the
  /// caller opted in (cuFuncSetAttribute), at most sharedBytesPerBlockOptin.
  size_t sharedBytesLimit = 48 * 1024;
};

/// Classes of warp instructions that LaunchStats counts.
enum class InstClass : uint8_t {
  Integer, ///< integer and logic, moves, selections, comparisons
  Float,   ///< f32, f64, packed half arithmetic
  Special, ///< approximate functions: ex2, lg2, rcp, rsqrt, sqrt, sin, cos, tanh, div
  Convert,
  Control, ///< branches, exit
  Barrier, ///< bar, barrier, fences, cp.async waits
  Warp,    ///< shfl, vote, match, redux, elect
  Global,  ///< ld, st, cp.async to or from global memory
  Shared,  ///< ld, st, ldmatrix, stmatrix
  Other,   ///< local, parameter and constant memory
  Atomic,
  Tensor,
};
constexpr unsigned numInstClasses = 12;

/// Counted over one launch. Deterministic for a kernel that is.
struct LaunchStats {
  uint64_t instructions[numInstClasses] = {}; ///< warp instructions executed
  uint64_t globalBytesRead = 0;               ///< asked by active lanes, not cached
  uint64_t globalBytesWritten = 0;
  uint64_t sharedBytesRead = 0;
  uint64_t sharedBytesWritten = 0;
  uint64_t tensorMacs = 0;
  uint64_t divergentBranches = 0;
  uint64_t globalSectors = 0;    ///< distinct 32-byte sectors per warp access; with countSectors
  uint64_t sharedWavefronts = 0; ///< passes over the 32 banks; with countSectors

  uint64_t totalInstructions() const;
  LaunchStats &operator+=(const LaunchStats &other);
};

class Machine {
public:
  explicit Machine(DeviceProperties properties = {}, Options options = {});
  ~Machine();

  const DeviceProperties &properties() const { return device; }
  const Options &options() const { return opts; }
  DeviceMemory &memory() { return *deviceMemory; }

  /// Runs the whole grid before it returns. `parameters[i]` points to the value
  /// of parameter i, of parameters[i].bytes bytes. Throws SimError; memory then
  /// holds what the kernel had written. Launches of different threads run one
  /// after the other.
  LaunchStats launch(const Kernel &kernel, const LaunchConfig &config, const void *const *parameters);

  /// The same with the parameters packed as Kernel::parameters lays them out.
  /// Throws InvalidValue unless bytes == kernel.parameterBytes.
  LaunchStats launchPacked(const Kernel &kernel, const LaunchConfig &config, const void *buffer, size_t bytes);

private:
  struct Workers;

  DeviceProperties device;
  Options opts;
  std::unique_ptr<DeviceMemory> deviceMemory;
  std::unique_ptr<Workers> workers;
};

} // namespace qccsim

#endif // QCCSIM_MACHINE_H
