//===- Context.h - An engine on a device --------------------------*- C++ -*-===//
#ifndef QCCRT_SRC_CONTEXT_H
#define QCCRT_SRC_CONTEXT_H

#include "Batch.h"
#include "Budget.h"
#include "KernelLoader.h"
#include "LaunchList.h"
#include "Sequences.h"

#include <optional>

namespace qccrt {

/// One thread at a time. Every public function makes the device's context current for its own duration.
class Context {
public:
  Context(const EngineReader &engine, const qccrt_context_options &options);
  ~Context();
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  Sequences &sequences() { return *living; }
  const Sequences &sequences() const { return *living; }
  void step(std::span<const qccrt_input> inputs, uint32_t flags, qccrt_output &output);
  void info(qccrt_context_info &info) const;

private:
  /// Everything that must be made and released while the device's context is current.
  struct Resources {
    Resources(const Device &device, const EngineReader &engine) : kernels(device, engine), memory(device) {}
    KernelLoader kernels;
    DeviceMemory memory;
    Addresses addresses;
    std::optional<Batch> batch;
    std::optional<LaunchList> launches;
    std::optional<HostMemory> nextTokens, logits;
  };
  void load();
  void allocate();
  void run(uint32_t flags);

  const EngineReader &engine;
  const plan::Model &model;
  qccrt_context_options options;
  Device device;
  Budget budget;
  std::optional<Sequences> living;
  std::optional<Resources> resources;
  uint64_t steps = 0;
  std::string lostBecause; ///< not empty: the context is lost
};

} // namespace qccrt

#endif // QCCRT_SRC_CONTEXT_H
