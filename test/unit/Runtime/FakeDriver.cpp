//===- FakeDriver.cpp - A libcuda that fails on demand --------------------===//
//
// Device memory is host memory, kernels do nothing. Three controls, set by the test through exported functions:
// fakeFail(function, call, result) lets the n-th call of a function return an error, fakeDevice(capability, freeBytes)
// says what the GPU is, fakeLeaks() counts what was not released.
//
//===----------------------------------------------------------------------===//

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

struct Fault {
  int call, result;
};
std::map<std::string, Fault> faults;
std::map<std::string, int> calls;
int capability = 90;
size_t freeBytes = size_t(8) << 30;
int live = 0; ///< contexts, modules, streams, events, allocations
int dummy;

int enter(const char *function) {
  int call = ++calls[function];
  auto fault = faults.find(function);
  return fault != faults.end() && fault->second.call == call ? fault->second.result : 0;
}

template <typename T> int make(const char *function, T *handle) {
  if (int result = enter(function))
    return result;
  ++live;
  *handle = T(&dummy);
  return 0;
}
int release() { return --live, 0; }

} // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void fakeReset() {
  faults.clear();
  calls.clear();
  capability = 90;
  freeBytes = size_t(8) << 30;
}
EXPORT void fakeFail(const char *function, int call, int result) { faults[function] = {call, result}; }
EXPORT void fakeDevice(int value, uint64_t bytes) { capability = value, freeBytes = bytes; }
EXPORT int fakeLeaks() { return live; }

EXPORT int cuInit(unsigned) { return enter("cuInit"); }
EXPORT int cuDriverGetVersion(int *version) { return *version = 13000, enter("cuDriverGetVersion"); }
EXPORT int cuGetErrorName(int error, const char **name) {
  static std::string text;
  text = "CUDA_ERROR_" + std::to_string(error);
  return *name = text.c_str(), 0;
}
EXPORT int cuGetErrorString(int, const char **text) { return *text = "as asked", 0; }
EXPORT int cuDeviceGetCount(int *count) { return *count = 1, enter("cuDeviceGetCount"); }
EXPORT int cuDeviceGet(int *device, int ordinal) { return *device = ordinal, enter("cuDeviceGet"); }
EXPORT int cuDeviceGetName(char *name, int length, int) {
  return std::strncpy(name, "fake", size_t(length)), enter("cuDeviceGetName");
}
EXPORT int cuDeviceGetAttribute(int *value, int attribute, int) {
  *value = attribute == 75 ? capability / 10 : attribute == 76 ? capability % 10 : 232448;
  return enter("cuDeviceGetAttribute");
}
EXPORT int cuDevicePrimaryCtxRetain(void **context, int) { return make("cuDevicePrimaryCtxRetain", context); }
EXPORT int cuDevicePrimaryCtxRelease_v2(int) { return release(); }
EXPORT int cuCtxPushCurrent_v2(void *) { return enter("cuCtxPushCurrent"); }
EXPORT int cuCtxPopCurrent_v2(void **context) { return *context = &dummy, 0; }
EXPORT int cuMemGetInfo_v2(size_t *free, size_t *total) {
  return *free = freeBytes, *total = size_t(8) << 30, enter("cuMemGetInfo");
}
EXPORT int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  if (int result = enter("cuMemAlloc"))
    return result;
  ++live;
  *address = uint64_t(std::malloc(bytes));
  return 0;
}
EXPORT int cuMemFree_v2(uint64_t address) { return std::free(reinterpret_cast<void *>(address)), release(); }
EXPORT int cuMemHostAlloc(void **address, size_t bytes, unsigned) {
  if (int result = enter("cuMemHostAlloc"))
    return result;
  ++live;
  *address = std::calloc(1, bytes);
  return 0;
}
EXPORT int cuMemFreeHost(void *address) { return std::free(address), release(); }
EXPORT int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *) {
  if (int result = enter("cuMemcpyHtoDAsync"))
    return result;
  return std::memcpy(reinterpret_cast<void *>(to), from, bytes), 0;
}
EXPORT int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *) {
  if (int result = enter("cuMemcpyDtoHAsync"))
    return result;
  return std::memcpy(to, reinterpret_cast<void *>(from), bytes), 0;
}
EXPORT int cuModuleLoadDataEx(void **module, const void *image, unsigned, int *, void **) {
  bool cubin = std::memcmp(image,
                           "\x7f"
                           "ELF",
                           4) == 0;
  if (int result = enter(cubin ? "load cubin" : "load ptx"))
    return result;
  return make("cuModuleLoadDataEx", module);
}
EXPORT int cuModuleUnload(void *) { return release(); }
EXPORT int cuModuleGetFunction(void **function, void *, const char *) {
  return *function = &dummy, enter("cuModuleGetFunction");
}
EXPORT int cuFuncGetAttribute(int *value, int attribute, void *) {
  return *value = attribute == 0 ? 1024 : 0, enter("cuFuncGetAttribute");
}
EXPORT int cuFuncSetAttribute(void *, int, int) { return enter("cuFuncSetAttribute"); }
EXPORT int cuLaunchKernel(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **,
                          void **) {
  return enter("cuLaunchKernel");
}
EXPORT int cuStreamCreate(void **stream, unsigned) { return make("cuStreamCreate", stream); }
EXPORT int cuStreamDestroy_v2(void *) { return release(); }
EXPORT int cuStreamSynchronize(void *) { return enter("cuStreamSynchronize"); }
EXPORT int cuEventCreate(void **event, unsigned) { return make("cuEventCreate", event); }
EXPORT int cuEventDestroy_v2(void *) { return release(); }
EXPORT int cuEventRecord(void *, void *) { return enter("cuEventRecord"); }
EXPORT int cuEventSynchronize(void *) { return enter("cuEventSynchronize"); }
