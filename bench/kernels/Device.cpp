//===- Device.cpp ---------------------------------------------------------===//

#include "Device.h"

#include "DriverApi.h"
#include "qcc/Support/Text.h"

#include <cstdlib>
#include <dlfcn.h>

namespace qcc::bench {

using namespace codegen;

namespace {

// Values of cuda.h's enumerations.
constexpr int kComputeCapabilityMajor = 75, kComputeCapabilityMinor = 76;
constexpr int kMultiprocessorCount = 16, kL2CacheSize = 38;
constexpr int kMaxDynamicSharedBytes = 8;

/// Names in `missing` the first function that the library lacks.
void resolve(void *library, DriverApi &api, std::string &missing) {
  auto find = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    if (!function && missing.empty())
      missing = name;
  };
  find(api.init, "cuInit");
  find(api.getErrorName, "cuGetErrorName");
  find(api.deviceGet, "cuDeviceGet");
  find(api.deviceGetName, "cuDeviceGetName");
  find(api.deviceGetAttribute, "cuDeviceGetAttribute");
  find(api.primaryContextRetain, "cuDevicePrimaryCtxRetain");
  find(api.contextSetCurrent, "cuCtxSetCurrent");
  find(api.contextSynchronize, "cuCtxSynchronize");
  find(api.moduleLoadData, "cuModuleLoadData");
  find(api.moduleGetFunction, "cuModuleGetFunction");
  find(api.functionSetAttribute, "cuFuncSetAttribute");
  find(api.launchKernel, "cuLaunchKernel");
  find(api.memAlloc, "cuMemAlloc_v2");
  find(api.memFree, "cuMemFree_v2");
  find(api.memcpyHtoD, "cuMemcpyHtoD_v2");
  find(api.memcpyDtoH, "cuMemcpyDtoH_v2");
  find(api.eventCreate, "cuEventCreate");
  find(api.eventRecord, "cuEventRecord");
  find(api.eventSynchronize, "cuEventSynchronize");
  find(api.eventElapsedTime, "cuEventElapsedTime");
  find(api.eventDestroy, "cuEventDestroy_v2");
  find(api.memcpyDtoDAsync, "cuMemcpyDtoDAsync_v2");
  find(api.streamCreate, "cuStreamCreate");
  find(api.streamBeginCapture, "cuStreamBeginCapture_v2");
  find(api.streamEndCapture, "cuStreamEndCapture");
  find(api.graphInstantiate, "cuGraphInstantiateWithFlags");
  find(api.graphLaunch, "cuGraphLaunch");
  find(api.graphExecDestroy, "cuGraphExecDestroy");
  find(api.graphDestroy, "cuGraphDestroy");
  find(api.driverGetVersion, "cuDriverGetVersion");
  api.simulatorError = reinterpret_cast<const char *(*)()>(dlsym(library, "qccsimLastError"));
}

} // namespace

Status DriverApi::check(const char *call, int code) const {
  if (code == 0)
    return Status();
  const char *name = nullptr;
  std::string message = std::string(call) + ": ";
  message += getErrorName(code, &name) == 0 && name ? name : "error " + std::to_string(code);
  if (const char *detail = simulatorError ? simulatorError() : nullptr; detail && *detail)
    message += std::string(": ") + detail;
  return Error{message, ExitCode::Unavailable};
}

DeviceBuffer::~DeviceBuffer() {
  if (address)
    api->memFree(address);
}

Status DeviceBuffer::write(std::span<const std::byte> data) {
  return data.empty() ? Status() : api->check("cuMemcpyHtoD", api->memcpyHtoD(address, data.data(), data.size()));
}

Status DeviceBuffer::read(std::span<std::byte> data) const {
  return data.empty() ? Status() : api->check("cuMemcpyDtoH", api->memcpyDtoH(data.data(), address, data.size()));
}

Device::~Device() = default;

Expected<std::unique_ptr<Device>> Device::open(const std::string &library) {
  const char *chosen = std::getenv("QCC_LIBCUDA");
  std::string path = !library.empty() ? library : chosen ? chosen : "libcuda.so.1";
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return Error{"CUDA driver: " + path + " cannot be opened; set QCC_LIBCUDA, to libqccsim.so for the simulator",
                 ExitCode::Unavailable};
  std::unique_ptr<Device> device(new Device);
  device->api = std::make_unique<DriverApi>();
  DriverApi &api = *device->api;
  std::string missing;
  resolve(handle, api, missing);
  if (!missing.empty())
    return Error{"CUDA driver: " + path + " lacks " + missing, ExitCode::Unavailable};

  int ordinal = 0, major = 0, minor = 0, l2Bytes = 0;
  char name[128] = "";
  void *context = nullptr;
  if (Status s = api.check("cuInit", api.init(0)); !s)
    return s.takeError();
  if (Status s = api.check("cuDeviceGet", api.deviceGet(&ordinal, 0)); !s)
    return s.takeError();
  if (Status s = api.check("cuDeviceGetName", api.deviceGetName(name, sizeof name, ordinal)); !s)
    return s.takeError();
  const std::pair<int *, int> attributes[] = {{&major, kComputeCapabilityMajor},
                                              {&minor, kComputeCapabilityMinor},
                                              {&device->multiprocessorCount, kMultiprocessorCount},
                                              {&l2Bytes, kL2CacheSize}};
  for (auto [value, attribute] : attributes)
    if (Status s = api.check("cuDeviceGetAttribute", api.deviceGetAttribute(value, attribute, ordinal)); !s)
      return s.takeError();
  if (Status s = api.check("cuDevicePrimaryCtxRetain", api.primaryContextRetain(&context, ordinal)); !s)
    return s.takeError();
  if (Status s = api.check("cuCtxSetCurrent", api.contextSetCurrent(context)); !s)
    return s.takeError();
  device->computeCapability = 10 * major + minor;
  device->l2CacheBytes = size_t(l2Bytes);
  device->deviceName = name;
  return device;
}

Expected<DeviceBuffer> Device::allocate(size_t bytes) {
  DevicePointer address = 0;
  if (bytes > 0)
    if (Status s = api->check("cuMemAlloc", api->memAlloc(&address, bytes)); !s)
      return s.takeError();
  return DeviceBuffer(api.get(), address, bytes);
}

Expected<DeviceKernel> Device::load(const KernelInstance &instance, int target, const KernelCache &cache) {
  if (target > computeCapability)
    return Error{text("kernel ", instance.symbol, ": target sm_", target, " is beyond the device's capability ",
                      computeCapability),
                 ExitCode::Usage};
  void *module = nullptr;
  if (target == computeCapability && takesCubins) {
    Expected<KernelImage> cubin = compileKernel(instance, text("sm_", target), cache);
    if (!cubin)
      return cubin.takeError();
    takesCubins = api->moduleLoadData(&module, cubin->image.data()) == 0;
  }
  if (!module) {
    Expected<KernelImage> ptx = compileKernel(instance, text("compute_", target), cache);
    if (!ptx)
      return ptx.takeError();
    if (Status s = api->check("cuModuleLoadData", api->moduleLoadData(&module, ptx->image.c_str())); !s)
      return s.takeError();
  }
  DeviceKernel kernel{nullptr, &instance};
  if (Status s =
          api->check("cuModuleGetFunction", api->moduleGetFunction(&kernel.function, module, instance.symbol.c_str()));
      !s)
    return s.takeError();
  if (instance.dynamicSharedBytes > 0)
    if (Status s = api->check("cuFuncSetAttribute", api->functionSetAttribute(kernel.function, kMaxDynamicSharedBytes,
                                                                              int(instance.dynamicSharedBytes)));
        !s)
      return s.takeError();
  return kernel;
}

int64_t extentOf(const GridDim &dim, const Sizes &sizes) {
  int64_t size = dim.size ? sizes.at(*dim.size) : 1;
  return (size * dim.multiplier + dim.divisor - 1) / dim.divisor;
}

Expected<BoundLaunch> Device::bind(const DeviceKernel &kernel, const std::map<std::string, DevicePointer> &pointers,
                                   const Sizes &sizes) {
  const KernelInstance &instance = *kernel.instance;
  BoundLaunch launch;
  launch.function = kernel.function;
  launch.sharedBytes = instance.dynamicSharedBytes;
  for (int i = 0; i < 3; ++i) {
    launch.grid[i] = unsigned(extentOf(instance.grid[i], sizes));
    launch.block[i] = instance.block[i];
  }
  for (const KernelArg &arg : instance.args) {
    if (arg.kind == ArgKind::SizeValue) {
      launch.values.push_back(DevicePointer(uint32_t(sizes.at(arg.size))));
      continue;
    }
    auto found = pointers.find(arg.name);
    if (found == pointers.end())
      return Error{"kernel " + instance.symbol + ": no data for argument '" + arg.name + "'", ExitCode::Usage};
    launch.values.push_back(found->second);
  }
  return launch;
}

Status Device::enqueue(BoundLaunch &launch, void *stream) {
  void *arguments[64];
  if (launch.values.size() > std::size(arguments))
    return Error{text("kernel launch: ", launch.values.size(), " arguments exceed the limit of ", std::size(arguments)),
                 ExitCode::Internal};
  for (size_t i = 0; i < launch.values.size(); ++i)
    arguments[i] = &launch.values[i];
  return api->check("cuLaunchKernel", api->launchKernel(launch.function, launch.grid[0], launch.grid[1], launch.grid[2],
                                                        launch.block[0], launch.block[1], launch.block[2],
                                                        launch.sharedBytes, stream, arguments, nullptr));
}

Status Device::launch(const DeviceKernel &kernel, const std::map<std::string, DevicePointer> &pointers,
                      const Sizes &sizes) {
  Expected<BoundLaunch> bound = bind(kernel, pointers, sizes);
  if (!bound)
    return bound.takeError();
  if (Status s = enqueue(*bound, nullptr); !s)
    return s;
  return synchronize();
}

Status Device::synchronize() { return api->check("cuCtxSynchronize", api->contextSynchronize()); }

Status runOnce(Device &device, const KernelInstance &instance, int target, HostData &data) {
  Expected<DeviceKernel> kernel = device.load(instance, target, KernelCache(KernelCache::defaultDirectory()));
  if (!kernel)
    return kernel.takeError();
  std::map<std::string, DeviceBuffer> buffers;
  std::map<std::string, DevicePointer> pointers;
  auto place = [&](const std::string &name, size_t bytes) -> Status {
    Expected<DeviceBuffer> buffer = device.allocate(bytes);
    if (!buffer)
      return buffer.takeError();
    pointers[name] = buffer->get();
    buffers.emplace(name, std::move(*buffer));
    return Status();
  };
  for (const auto &[name, bytes] : data.buffers) {
    if (Status s = place(name, bytes.size()); !s)
      return s;
    if (Status s = buffers.at(name).write(std::as_bytes(std::span(bytes))); !s)
      return s;
  }
  for (const auto &[name, bytes] : data.scratch)
    if (Status s = place(name, bytes); !s)
      return s;
  if (Status s = device.launch(*kernel, pointers, data.sizes); !s)
    return s;
  for (const KernelArg &arg : instance.args)
    if (auto found = data.buffers.find(arg.name); arg.written && found != data.buffers.end())
      if (Status s = buffers.at(arg.name).read(std::as_writable_bytes(std::span(found->second))); !s)
        return s;
  return Status();
}

} // namespace qcc::bench
