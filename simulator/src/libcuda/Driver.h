//===- Driver.h - state of the driver stand-in, private -------------------===//
//
// libqccsim.so exports the CUDA driver API (cuda.h of CUDA 13) over one simulated device. What is
// different from a GPU, and only that:
//  * Work runs when it is enqueued, in the calling thread; streams are always idle between calls.
//    An error of a kernel is returned by the launch itself, as with CUDA_LAUNCH_BLOCKING=1.
//  * Device pointers are not mapped into the process, and kernels cannot reach host memory.
//  * Cubins and fatbins are refused (CUDA_ERROR_NO_BINARY_FOR_GPU); PTX is what runs.
// A fault in a kernel loses its context as on hardware: every later call that needs the context
// returns the same error. The simulator's account of it goes to standard error, prefixed
// "qccsim:", and to qccsimLastError().
//
// Environment: QCCSIM_OPTIONS (qccsim/Options.h), QCCSIM_DEVICE=sm_80|sm_89|sm_90 (the device
// simulated, default sm_90), QCCSIM_STATS=FILE (counters of each kernel as JSON, written at exit).
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_LIBCUDA_DRIVER_H
#define QCCSIM_LIBCUDA_DRIVER_H

#include "qccsim/Machine.h"

// The API is what the library exports; everything else is hidden.
#pragma GCC visibility push(default)
#include <cuda.h>
#pragma GCC visibility pop

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

/// A function or, equally, a kernel of a library: CUkernel handles are CUfunc_st pointers too.
struct CUfunc_st {
  CUmodule module = nullptr;
  const qccsim::Kernel *kernel = nullptr;
  int maxDynamicSharedBytes = 0; ///< Opted in; 0 while the default limit holds.
  int preferredCarveout = -1;
};

struct CUmod_st {
  CUmod_st() = default;
  CUmod_st(const CUmod_st &) = delete;
  ~CUmod_st(); ///< Its functions' handles become invalid.
  CUcontext context = nullptr;
  std::unique_ptr<qccsim::Module> code;
  std::map<std::string, std::unique_ptr<CUfunc_st>> functions; ///< handed out so far
  bool ofLibrary = false;
};

struct CUlib_st {
  CUmodule module = nullptr;
};

struct CUctx_st {
  bool primary = false;
  unsigned flags = 0;
  unsigned references = 0;      ///< of the primary context
  CUresult lost = CUDA_SUCCESS; ///< the error that ended it
  std::set<CUdeviceptr> allocations;
  std::map<uintptr_t, size_t> hostAllocations; ///< page-locked, by address
  std::map<uintptr_t, size_t> hostRegistered;
  std::map<int, size_t> limits;
};

namespace qccsim::driver {
struct Capture;
}

struct CUstream_st {
  CUcontext context = nullptr;
  unsigned flags = 0;
  int priority = 0;
  std::shared_ptr<qccsim::driver::Capture> capture;
};

struct CUevent_st {
  CUcontext context = nullptr;
  unsigned flags = 0;
  bool recorded = false;
  std::chrono::steady_clock::time_point when;
  std::shared_ptr<qccsim::driver::Capture> capture; ///< last recorded while capturing
};

namespace qccsim::driver {

/// Objects the driver has handed out, so that a stale handle is an error and not a crash.
template <typename T> class Registry {
public:
  T *add(std::unique_ptr<T> object) {
    T *handle = object.get();
    objects.emplace(handle, std::move(object));
    return handle;
  }
  bool has(const T *handle) const { return objects.count(handle) != 0; }
  void remove(const T *handle) { objects.erase(handle); }
  template <typename Predicate> void removeIf(Predicate predicate) {
    for (auto it = objects.begin(); it != objects.end();)
      it = predicate(*it->second) ? objects.erase(it) : std::next(it);
  }
  template <typename Predicate> T *find(Predicate predicate) const {
    for (auto &entry : objects)
      if (predicate(*entry.second))
        return entry.second.get();
    return nullptr;
  }

private:
  std::unordered_map<const T *, std::unique_ptr<T>> objects;
};

struct KernelStats {
  uint64_t launches = 0;
  double seconds = 0;
  LaunchStats counters;
};

/// The whole driver; one lock serialises its calls.
struct Driver {
  std::recursive_mutex mutex;
  std::unique_ptr<Machine> machine; ///< from cuInit on
  CUctx_st primary;
  Registry<CUctx_st> contexts;
  Registry<CUmod_st> modules;
  Registry<CUlib_st> libraries;
  Registry<CUstream_st> streams;
  Registry<CUevent_st> events;
  std::set<CUfunction> functions; ///< of all modules
  std::map<std::string, KernelStats> stats;

  static Driver &get();
  bool isContext(CUcontext context) const { return context == &primary || contexts.has(context); }
};

/// The calling thread's stack of current contexts.
std::vector<CUcontext> &contextStack();
/// Its top, or null.
CUcontext currentContext();

enum class Needs { Nothing, Init, Context };

/// Checks before a call; CUDA_SUCCESS or what to return. Reports nothing.
CUresult checkNeeds(Driver &driver, Needs needs);

/// Prints "qccsim: FUNCTION: MESSAGE" and keeps it for qccsimLastError().
void report(const char *function, const std::string &message);
/// Keeps it for qccsimLastError() without printing: for results that callers provoke on purpose.
void note(const char *function, const std::string &message);

/// Reports the exception being handled and gives its error code. `inKernel`: faults end the
/// current context; otherwise a bad address is an invalid argument of the call.
CUresult resultOfException(const char *function, bool inKernel) noexcept;

/// Every API function's frame: lock, state checks, no exception past the C ABI.
template <typename Body>
CUresult enter(const char *function, Needs needs, Body &&body, bool inKernel = false) noexcept {
  try {
    Driver &driver = Driver::get();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    if (CUresult result = checkNeeds(driver, needs); result != CUDA_SUCCESS)
      return result;
    return body(driver);
  } catch (...) {
    return resultOfException(function, inKernel);
  }
}

/// Reports and returns `result`: a refusal with its reason.
inline CUresult refuse(const char *function, CUresult result, const std::string &message) {
  report(function, message);
  return result;
}

/// `function` if it is a valid handle of the current context's, else null.
CUfunction checkedFunction(const Driver &driver, CUfunction function);

/// Whether `stream` is one of the current context's, or one of the predefined handles.
bool isStream(const Driver &driver, CUstream stream);

/// The entry point behind a name for cuGetProcAddress, null where it is unknown; `known` says
/// whether the name exists with a later version than `cudaVersion`.
void *findEntryPoint(const std::string &name, int cudaVersion, bool &known);

void writeStats();

} // namespace qccsim::driver

#endif // QCCSIM_LIBCUDA_DRIVER_H
