//===- Device.cpp ---------------------------------------------------------===//

#include "Device.h"
#include "qccrt/engine_format.h"

namespace qccrt {

Device::Device(const char *driverPath, int ordinal) : api(driverPath) {
  int count = 0;
  api.check(api.deviceGetCount(&count), "cuDeviceGetCount", QCCRT_NO_DEVICE);
  if (ordinal < 0 || ordinal >= count)
    fail(QCCRT_NO_DEVICE, "no GPU ", ordinal, ": the driver sees ", count);
  api.check(api.deviceGet(&device, ordinal), "cuDeviceGet", QCCRT_NO_DEVICE);
  char buffer[128] = {};
  api.check(api.deviceGetName(buffer, sizeof(buffer) - 1, device), "cuDeviceGetName");
  deviceName = buffer;
  api.check(api.driverGetVersion(&version), "cuDriverGetVersion");
  api.check(api.deviceGetAttribute(&major, cuda::kAttrMajor, device), "cuDeviceGetAttribute");
  api.check(api.deviceGetAttribute(&minor, cuda::kAttrMinor, device), "cuDeviceGetAttribute");
  api.check(api.deviceGetAttribute(&shared, cuda::kAttrSharedOptin, device), "cuDeviceGetAttribute");
  api.check(api.primaryRetain(&context, device), "cuDevicePrimaryCtxRetain");
  try {
    Current current(*this);
    api.check(api.streamCreate(&queue, /*CU_STREAM_NON_BLOCKING=*/1), "cuStreamCreate");
  } catch (...) {
    api.primaryRelease(device);
    throw;
  }
}

Device::~Device() {
  {
    Current current(*this);
    api.streamDestroy(queue);
  }
  api.primaryRelease(device);
}

std::string Device::describe() const {
  return text(deviceName, " sm_", capability(), ", driver ", version / 1000, ".", version % 1000 / 10);
}

cuda::Pointer DeviceMemory::allocate(uint64_t bytes, const char *what) {
  cuda::Pointer address = 0;
  allocations.reserve(allocations.size() + 1); // a failure to remember must not come after the allocation
  device.driver().check(device.driver().memAlloc(&address, bytes),
                        text("cannot allocate ", byteText(bytes), " for ", what).c_str());
  allocations.push_back(address);
  return address;
}

std::vector<cuda::Pointer> DeviceMemory::allocate(const std::vector<uint64_t> &bytes, bool separate, const char *what) {
  std::vector<cuda::Pointer> places;
  uint64_t total = 0;
  for (uint64_t size : bytes) {
    places.push_back(separate ? allocate(size, what) : total);
    total += alignUp(size, kConstantAlign);
  }
  if (!separate) {
    cuda::Pointer base = allocate(total, what);
    for (cuda::Pointer &place : places)
      place += base;
  }
  return places;
}

DeviceMemory::~DeviceMemory() {
  for (cuda::Pointer address : allocations)
    device.driver().memFree(address);
}

HostMemory::HostMemory(const Device &device, uint64_t bytes, const char *what) : device(device) {
  device.driver().check(device.driver().hostAlloc(&address, bytes, 0),
                        text("cannot page-lock ", byteText(bytes), " for ", what).c_str());
}

HostMemory::~HostMemory() { device.driver().hostFree(address); }

} // namespace qccrt
