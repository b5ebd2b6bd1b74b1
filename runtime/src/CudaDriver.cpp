//===- CudaDriver.cpp -----------------------------------------------------===//

#include "CudaDriver.h"

#include <cstdlib>
#include <dlfcn.h>

namespace qccrt::cuda {

Driver::Driver(const char *path) {
  const char *variable = std::getenv("QCC_LIBCUDA");
  library = path ? path : variable && *variable ? variable : "libcuda.so.1";
  // Never closed again: the driver keeps threads and exit handlers.
  void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    fail(QCCRT_NO_DRIVER, "no CUDA driver: ", reason ? reason : library);
  }
#define QCCRT_LOAD(name, symbol, parameters)                                                                           \
  name = reinterpret_cast<decltype(name)>(dlsym(handle, symbol));                                                      \
  if (!name)                                                                                                           \
    fail(QCCRT_NO_DRIVER, library, ": the driver lacks ", symbol, "; a driver for CUDA 12 or newer is needed");
  QCCRT_CUDA_FUNCTIONS(QCCRT_LOAD)
#undef QCCRT_LOAD
  Result result = init(0);
  if (result == kNoDevice || result == kStubLibrary)
    fail(QCCRT_NO_DEVICE, library, ": ", describe(result));
  if (result != kSuccess)
    fail(QCCRT_NO_DRIVER, library, ": cannot initialise: ", describe(result));
}

std::string Driver::describe(Result result) const {
  const char *name = nullptr, *meaning = nullptr;
  if (getErrorName(result, &name) != kSuccess || !name)
    return text("CUDA error ", result);
  getErrorString(result, &meaning);
  return meaning && *meaning ? text(name, ": ", meaning) : std::string(name);
}

void Driver::raise(Result result, const char *what, qccrt_status status) const {
  fail(result == kOutOfMemory ? QCCRT_OUT_OF_MEMORY : status, what, ": ", describe(result));
}

} // namespace qccrt::cuda
