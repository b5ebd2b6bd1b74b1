//===- Driver.cpp - state, errors, statistics -----------------------------===//

#include "Driver.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace qccsim::driver {

namespace {

std::string &lastErrorText() {
  thread_local std::string text;
  return text;
}

bool isFault(ErrorKind kind) {
  switch (kind) {
  case ErrorKind::IllegalAddress:
  case ErrorKind::MisalignedAddress:
  case ErrorKind::Uninitialised:
  case ErrorKind::Race:
  case ErrorKind::Divergence:
  case ErrorKind::Deadlock:
  case ErrorKind::Trap:
    return true;
  default:
    return false;
  }
}

CUresult resultOf(ErrorKind kind, bool inKernel) {
  switch (kind) {
  case ErrorKind::InvalidPtx:
    return CUDA_ERROR_INVALID_PTX;
  case ErrorKind::UnsupportedInstruction:
    return CUDA_ERROR_NOT_SUPPORTED;
  case ErrorKind::OutOfMemory:
    return CUDA_ERROR_OUT_OF_MEMORY;
  case ErrorKind::InvalidValue:
    return CUDA_ERROR_INVALID_VALUE;
  case ErrorKind::LaunchOutOfResources:
    return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
  case ErrorKind::IllegalAddress:
    return inKernel ? CUDA_ERROR_ILLEGAL_ADDRESS : CUDA_ERROR_INVALID_VALUE;
  case ErrorKind::MisalignedAddress:
    return inKernel ? CUDA_ERROR_MISALIGNED_ADDRESS : CUDA_ERROR_INVALID_VALUE;
  case ErrorKind::Deadlock:
    return CUDA_ERROR_LAUNCH_TIMEOUT;
  case ErrorKind::Uninitialised:
  case ErrorKind::Race:
  case ErrorKind::Divergence:
  case ErrorKind::Trap:
    return CUDA_ERROR_LAUNCH_FAILED;
  }
  return CUDA_ERROR_UNKNOWN;
}

const char *const classNames[numInstClasses] = {"integer", "float",  "special", "convert", "control", "barrier",
                                                "warp",    "global", "shared",  "other",   "atomic",  "tensor"};

void writeKernel(FILE *file, const std::string &name, const KernelStats &stats) {
  // Kernel names are PTX identifiers: nothing in them needs escaping.
  const LaunchStats &c = stats.counters;
  std::fprintf(file, "    {\"kernel\": \"%s\", \"launches\": %" PRIu64 ", \"seconds\": %.6f,\n", name.c_str(),
               stats.launches, stats.seconds);
  std::fprintf(file, "     \"instructions\": {");
  for (unsigned i = 0; i < numInstClasses; ++i)
    std::fprintf(file, "%s\"%s\": %" PRIu64, i ? ", " : "", classNames[i], c.instructions[i]);
  std::fprintf(file,
               "},\n     \"globalBytesRead\": %" PRIu64 ", \"globalBytesWritten\": %" PRIu64
               ", \"sharedBytesRead\": %" PRIu64 ", \"sharedBytesWritten\": %" PRIu64 ",\n     \"tensorMacs\": %" PRIu64
               ", \"divergentBranches\": %" PRIu64 ", \"globalSectors\": %" PRIu64 ", \"sharedWavefronts\": %" PRIu64
               "}",
               c.globalBytesRead, c.globalBytesWritten, c.sharedBytesRead, c.sharedBytesWritten, c.tensorMacs,
               c.divergentBranches, c.globalSectors, c.sharedWavefronts);
}

} // namespace

Driver &Driver::get() {
  // Never destroyed: the API may be called from destructors that run at exit.
  static Driver *driver = new Driver;
  return *driver;
}

std::vector<CUcontext> &contextStack() {
  thread_local std::vector<CUcontext> stack;
  return stack;
}

CUcontext currentContext() {
  std::vector<CUcontext> &stack = contextStack();
  return stack.empty() ? nullptr : stack.back();
}

CUresult checkNeeds(Driver &driver, Needs needs) {
  if (needs == Needs::Nothing)
    return CUDA_SUCCESS;
  if (!driver.machine)
    return CUDA_ERROR_NOT_INITIALIZED;
  if (needs == Needs::Init)
    return CUDA_SUCCESS;
  CUcontext context = currentContext();
  if (!context)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (!driver.isContext(context) || (context->primary && context->references == 0))
    return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  return context->lost;
}

void note(const char *function, const std::string &message) {
  lastErrorText() = std::string(function) + ": " + message;
}

void report(const char *function, const std::string &message) {
  note(function, message);
  std::fprintf(stderr, "qccsim: %s\n", lastErrorText().c_str());
}

CUresult resultOfException(const char *function, bool inKernel) noexcept {
  try {
    throw;
  } catch (const SimError &error) {
    report(function, error.what());
    CUresult result = resultOf(error.kind, inKernel);
    if (inKernel && isFault(error.kind))
      if (CUcontext context = currentContext())
        context->lost = result;
    return result;
  } catch (const std::bad_alloc &) {
    report(function, "the host is out of memory");
    return CUDA_ERROR_OUT_OF_MEMORY;
  } catch (const std::exception &error) {
    report(function, error.what());
    return CUDA_ERROR_UNKNOWN;
  } catch (...) {
    return CUDA_ERROR_UNKNOWN;
  }
}

bool isStream(const Driver &driver, CUstream stream) {
  return stream == nullptr || stream == CU_STREAM_LEGACY || stream == CU_STREAM_PER_THREAD ||
         (driver.streams.has(stream) && stream->context == currentContext());
}

void writeStats() {
  const char *path = std::getenv("QCCSIM_STATS");
  if (!path || !*path)
    return;
  FILE *file = std::fopen(path, "w");
  if (!file) {
    report("QCCSIM_STATS", std::string("cannot write '") + path + "'");
    return;
  }
  Driver &driver = Driver::get();
  std::lock_guard<std::recursive_mutex> lock(driver.mutex);
  std::fprintf(file, "{\"device\": \"%s\", \"computeCapability\": \"%d.%d\",\n \"kernels\": [\n",
               driver.machine->properties().name.c_str(), driver.machine->properties().computeMajor,
               driver.machine->properties().computeMinor);
  bool first = true;
  for (auto &[name, stats] : driver.stats) {
    std::fprintf(file, "%s", first ? "" : ",\n");
    writeKernel(file, name, stats);
    first = false;
  }
  std::fprintf(file, "\n  ]}\n");
  std::fclose(file);
}

} // namespace qccsim::driver

/// The calling thread's last report, "FUNCTION: MESSAGE"; empty where there was none. Valid until
/// the thread's next call of the API.
extern "C" __attribute__((visibility("default"))) const char *qccsimLastError(void) {
  return qccsim::driver::lastErrorText().c_str();
}
