//===- WeightLoader.cpp ---------------------------------------------------===//

#include "WeightLoader.h"

#include <algorithm>

namespace qccrt {
namespace {

/// A page-locked chunk and the event after which it may be filled again.
class Staging {
public:
  explicit Staging(const Device &device) : device(device), memory(device, kChunkBytes, "reading weights") {
    device.driver().check(device.driver().eventCreate(&copied, /*CU_EVENT_DISABLE_TIMING=*/2), "cuEventCreate");
  }
  ~Staging() { device.driver().eventDestroy(copied); }
  Staging(const Staging &) = delete;
  Staging &operator=(const Staging &) = delete;

  unsigned char *bytes() const { return memory.as<unsigned char>(); }
  void waitUntilFree() {
    device.driver().check(device.driver().eventSynchronize(copied), "waiting for a copy of weights");
  }
  void markInUse() { device.driver().check(device.driver().eventRecord(copied, device.stream()), "cuEventRecord"); }

private:
  const Device &device;
  HostMemory memory;
  cuda::Event copied = nullptr;
};

} // namespace

void loadWeights(const Device &device, const EngineReader &engine, const std::vector<cuda::Pointer> &addresses) {
  const auto &constants = *engine.plan().constants();
  const cuda::Driver &driver = device.driver();
  Staging slots[2] = {Staging(device), Staging(device)};
  uint32_t first = 0; // of the constants that reach into the chunk
  for (uint64_t chunk = 0; chunk < engine.chunks(); ++chunk) {
    Staging &slot = slots[chunk % 2];
    slot.waitUntilFree();
    engine.readChunk(chunk, slot.bytes());
    uint64_t begin = chunk * kChunkBytes, end = begin + engine.chunkBytes(chunk);
    while (constants.Get(first)->offset() + constants.Get(first)->bytes() <= begin)
      ++first;
    for (uint32_t i = first; i < constants.size() && constants.Get(i)->offset() < end; ++i) {
      const plan::Constant &constant = *constants.Get(i);
      uint64_t from = std::max(begin, constant.offset()), to = std::min(end, constant.offset() + constant.bytes());
      driver.check(driver.copyToDevice(addresses[i] + (from - constant.offset()), slot.bytes() + (from - begin),
                                       to - from, device.stream()),
                   "cannot copy weights to the device");
    }
    slot.markInUse();
  }
  driver.check(driver.streamSynchronize(device.stream()), "cannot copy weights to the device");
}

} // namespace qccrt
