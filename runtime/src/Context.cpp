//===- Context.cpp --------------------------------------------------------===//

#include "Context.h"
#include "WeightLoader.h"

#include <cstring>

namespace qccrt {

Context::Context(const EngineReader &engine, const qccrt_context_options &options)
    : engine(engine), model(*engine.plan().model()), options(options), device(options.driver, options.device) {
  Device::Current current(device);
  try {
    load();
  } catch (...) {
    resources.reset(); // while the device's context is current
    throw;
  }
}

Context::~Context() {
  Device::Current current(device);
  resources.reset();
}

void Context::load() {
  resources.emplace(device, engine);
  size_t freeBytes = 0, totalBytes = 0;
  device.driver().check(device.driver().memGetInfo(&freeBytes, &totalBytes), "cuMemGetInfo");
  budget = planBudget(engine, options.kv_tokens, freeBytes, totalBytes);
  allocate();
  loadWeights(device, engine, resources->addresses.constants);
  resources->launches.emplace(engine.plan(), resources->kernels, resources->addresses);
  living.emplace(budget.pages, uint32_t(pagesFor(model.max_context(), model.page_size())));
}

void Context::allocate() {
  bool separate = options.flags & QCCRT_SEPARATE_ALLOCATIONS;
  DeviceMemory &memory = resources->memory;
  Addresses &addresses = resources->addresses;
  if (separate) {
    std::vector<uint64_t> bytes;
    for (const plan::Constant *constant : *engine.plan().constants())
      bytes.push_back(constant->bytes());
    addresses.constants = memory.allocate(bytes, separate, "weights");
  } else {
    cuda::Pointer base = memory.allocate(budget.weights, "weights");
    for (const plan::Constant *constant : *engine.plan().constants())
      addresses.constants.push_back(base + constant->offset());
  }
  addresses.arena = memory.allocate(budget.arena, "the arena");
  addresses.inputs = memory.allocate(Batch::inputBytes(model), separate, "inputs");
  addresses.outputs = memory.allocate(outputBytes(model), separate, "outputs");
  std::vector<uint64_t> layers(model.layers(), layerPageBytes(model) * budget.pages);
  addresses.kCache = memory.allocate(layers, separate, "K pages");
  addresses.vCache = memory.allocate(layers, separate, "V pages");

  resources->batch.emplace(device, model);
  resources->nextTokens.emplace(device, uint64_t(model.max_logit_rows()) * sizeof(int32_t), "next tokens");
  if (options.flags & QCCRT_HOST_LOGITS)
    resources->logits.emplace(device, outputBytes(model)[size_t(Output::Logits)], "logits");
}

void Context::step(std::span<const qccrt_input> inputs, uint32_t flags, qccrt_output &output) {
  if (!lostBecause.empty())
    fail(QCCRT_LOST, lostBecause);
  if ((flags & QCCRT_COPY_LOGITS) && !resources->logits)
    fail(QCCRT_INVALID_ARGUMENT, "logits were asked for; create the context with QCCRT_HOST_LOGITS");
  Device::Current current(device);
  resources->batch->build(*living, inputs, ++steps);
  try {
    run(flags);
  } catch (const Failure &failure) {
    // The cache may be half-written: no later result could be trusted.
    lostBecause = text("GPU context lost: ", failure.message, ", in step ", steps, " of ",
                       resources->batch->sizes()[size_t(plan::Size::T)], " tokens in ", inputs.size(), " sequences");
    fail(QCCRT_LOST, lostBecause);
  }
  resources->batch->commit();
  output.rows = resources->batch->rows();
  output.next_tokens = resources->nextTokens->as<int32_t>();
  output.logits = flags & QCCRT_COPY_LOGITS ? resources->logits->as<float>() : nullptr;
  output.logits_stride = logitsStrideOf(model);
}

void Context::run(uint32_t flags) {
  const cuda::Driver &driver = device.driver();
  const Addresses &addresses = resources->addresses;
  const Batch &batch = *resources->batch;
  batch.upload(addresses.inputs);
  resources->launches->run(device, batch.sizes(), options.flags & QCCRT_SYNCHRONOUS);
  if (uint64_t rows = batch.rows()) {
    driver.check(driver.copyToHost(resources->nextTokens->as<void>(), addresses.outputs[size_t(Output::NextTokens)],
                                   rows * sizeof(int32_t), device.stream()),
                 "cannot copy next tokens from the device");
    if (flags & QCCRT_COPY_LOGITS)
      driver.check(driver.copyToHost(resources->logits->as<void>(), addresses.outputs[size_t(Output::Logits)],
                                     rows * logitsStrideOf(model) * sizeof(float), device.stream()),
                   "cannot copy logits from the device");
  }
  driver.check(driver.streamSynchronize(device.stream()), "waiting for the step");
}

void Context::info(qccrt_context_info &info) const {
  info = {};
  std::strncpy(info.device_name, device.name().c_str(), sizeof(info.device_name) - 1);
  info.capability = device.capability();
  info.driver_version = device.driverVersion();
  info.cubin_kernels = resources->kernels.cubins();
  info.ptx_kernels = resources->kernels.ptx();
  info.weight_bytes = budget.weights;
  info.arena_bytes = budget.arena;
  info.io_bytes = budget.io;
  info.kv_bytes = budget.kv();
  info.kv_tokens = uint64_t(budget.pages) * model.page_size();
  info.kv_tokens_free = uint64_t(living->pages().available()) * model.page_size();
}

} // namespace qccrt
