//===- Work.h - what a stream executes and a graph records, private -------===//

#ifndef QCCSIM_LIBCUDA_WORK_H
#define QCCSIM_LIBCUDA_WORK_H

#include "Driver.h"

#include <thread>
#include <variant>

namespace qccsim::driver {

struct KernelWork {
  CUfunction function = nullptr;
  LaunchConfig config;
  std::vector<uint8_t> parameters; ///< packed as Kernel::parameters says
};

/// Rows and planes of bytes between host and device; arrays are not simulated.
using CopyWork = CUDA_MEMCPY3D;

struct FillWork {
  CUdeviceptr destination = 0;
  size_t pitch = 0; ///< bytes between rows, unused for one
  uint32_t value = 0;
  unsigned elementBytes = 1;
  size_t width = 0, height = 1;
};

struct HostWork {
  CUhostFn function = nullptr;
  void *data = nullptr;
};

struct EmptyWork {};

using Work = std::variant<EmptyWork, KernelWork, CopyWork, FillWork, HostWork>;

/// A capture that one or several streams take part in. Nodes are recorded in the order of the
/// calls, which respects every dependency streams and events express.
struct Capture {
  CUstream origin = nullptr;
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  std::thread::id thread;
  uint64_t id = 0;
  bool invalidated = false;
  std::vector<Work> works;
};

/// Checks arguments that depend on nothing later: CUDA_SUCCESS or what the call returns.
CUresult validate(const char *function, const Driver &driver, const Work &work);

/// Runs it now. Throws SimError; returns errors of handles that have become invalid.
CUresult execute(Driver &driver, const Work &work);

/// Records into the stream's capture, or runs.
CUresult enqueue(const char *function, Driver &driver, CUstream stream, Work work);

/// For calls that synchronise or allocate: CUDA_SUCCESS unless a capture forbids them, which it
/// then invalidates (CUDA C++ Programming Guide, "Prohibited and unhandled operations").
CUresult refusedDuringCapture(const char *function, Driver &driver);

/// Fills a KernelWork from cuLaunchKernel's arguments.
CUresult makeKernelWork(const char *function, const Driver &driver, CUfunction handle, const unsigned grid[3],
                        const unsigned block[3], unsigned sharedBytes, void **kernelParams, void **extra,
                        KernelWork &work);

} // namespace qccsim::driver

#endif // QCCSIM_LIBCUDA_WORK_H
