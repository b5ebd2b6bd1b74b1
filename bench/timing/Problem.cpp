//===- Problem.cpp --------------------------------------------------------===//

#include "Problem.h"

#include "qcc/Support/Text.h"

#include <algorithm>

namespace qcc::bench {

using namespace codegen;

namespace {

struct Family {
  const char *name;
  Plan (*plan)(const Spec &spec, int target);
  void (*fill)(Problem &problem, const Spec &spec, const Plan &plan);
};

const Family &familyOf(const Spec &spec) {
  static constexpr Family families[] = {
      {"gemm", planGemm, fillGemm},
      {"lm_head", planGemm, fillGemm},
      {"prefill", planAttention, fillAttention},
      {"decode", planAttention, fillAttention},
      {"normalize", planRows, fillRows},
      {"swiglu", planRows, fillRows},
      {"rope_append", planRopeAppend, fillRopeAppend},
      {"argmax", planArgmax, fillArgmax},
  };
  // Spec::parse admits no other name.
  return *std::find_if(std::begin(families), std::end(families),
                       [&](const Family &family) { return spec.family == family.name; });
}

Expected<PlannedKernel> kernelOf(const KernelDesc &desc, const Plan &plan, int target) {
  if (std::string problem = checkDesc(desc, target); !problem.empty())
    return Error{problem, ExitCode::Usage};
  for (const KernelVariant &variant : chooseVariants(desc, target, plan.rows)) {
    if (!std::all_of(variant.bounds.begin(), variant.bounds.end(),
                     [&](auto &bound) { return plan.sizes.at(bound.first) <= bound.second; }))
      continue;
    std::string error;
    PlannedKernel kernel{instantiate(desc, variant.config, plan.rows, error), ""};
    if (!error.empty())
      return Error{error, ExitCode::Internal};
    kernel.name = kernel.instance.symbol;
    for (const auto &[key, value] : variant.config.values)
      kernel.name += text(" ", key, "=", value);
    return kernel;
  }
  return Error{std::string(codegen::familyOf(desc)) + ": no variant's bounds hold", ExitCode::Internal};
}

} // namespace

Plan planOf(const Spec &spec, int target) { return familyOf(spec).plan(spec, target); }

Expected<std::vector<PlannedKernel>> kernelsOf(const Plan &plan, int target) {
  std::vector<PlannedKernel> kernels;
  for (const KernelDesc &desc : plan.kernels) {
    Expected<PlannedKernel> kernel = kernelOf(desc, plan, target);
    if (!kernel)
      return kernel.takeError();
    kernels.push_back(std::move(*kernel));
  }
  return kernels;
}

void Problem::input(const std::string &name, Bytes bytes, bool rotated) {
  byteCount += double(bytes.size());
  inputs[name] = std::move(bytes);
  if (rotated)
    rotatedNames.insert(name);
}

void Problem::table(const std::string &name, Bytes bytes, double readBytes) {
  byteCount += readBytes;
  inputs[name] = std::move(bytes);
}

void Problem::output(const std::string &name, size_t bytes, double writtenBytes) {
  byteCount += writtenBytes;
  outputs[name] = bytes;
}

std::string namesOf(const std::vector<PlannedKernel> &kernels) {
  std::string names;
  for (const PlannedKernel &kernel : kernels)
    names += (names.empty() ? "" : ", ") + kernel.name;
  return names;
}

Status Problem::place(const std::string &name, const Bytes &bytes, std::map<std::string, DevicePointer> &pointers) {
  Expected<DeviceBuffer> buffer = device.allocate(bytes.size());
  if (!buffer)
    return buffer.takeError();
  if (Status s = buffer->write(std::as_bytes(std::span(bytes))); !s)
    return s;
  pointers[name] = buffer->get();
  buffers.push_back(std::move(*buffer));
  return Status();
}

Status Problem::finish(size_t rotateBytes) {
  for (const PlannedKernel &each : planned) {
    Expected<DeviceKernel> kernel = device.load(each.instance, target, KernelCache(KernelCache::defaultDirectory()));
    if (!kernel)
      return kernel.takeError();
    kernels.push_back(*kernel);
  }
  std::map<std::string, DevicePointer> pointers;
  for (const auto &[name, bytes] : outputs) {
    if (Status s = place(name, Bytes(bytes, 0xff), pointers); !s)
      return s;
    outputBuffers[name] = &buffers.back();
  }
  for (const auto &[name, bytes] : workspaces)
    if (Status s = place(name, Bytes(bytes, 0xff), pointers); !s)
      return s;
  size_t rotated = 1;
  for (const auto &[name, bytes] : inputs) {
    if (rotatedNames.count(name))
      rotated += bytes.size();
    else if (Status s = place(name, bytes, pointers); !s)
      return s;
  }
  size_t count = std::clamp<size_t>(rotateBytes / rotated + 1, 2, 64);
  for (size_t copy = 0; copy < count; ++copy) {
    for (const std::string &name : rotatedNames)
      if (Status s = place(name, inputs[name], pointers); !s)
        return s;
    for (const auto &[name, operand] : aliases)
      pointers[name] = pointers.at(operand);
    launches.emplace_back();
    for (const DeviceKernel &kernel : kernels) {
      Expected<BoundLaunch> bound = device.bind(kernel, pointers, sizes);
      if (!bound)
        return bound.takeError();
      launches.back().push_back(std::move(*bound));
    }
  }
  inputs.clear();
  return Status();
}

Status Problem::enqueue(int copy, void *stream) {
  for (BoundLaunch &launch : launches[size_t(copy)])
    if (Status s = device.enqueue(launch, stream); !s)
      return s;
  return Status();
}

std::string Problem::verify() {
  if (Status s = enqueue(0, nullptr); !s)
    return s.error().message;
  if (Status s = device.synchronize(); !s)
    return s.error().message;
  NamedBytes results;
  for (const auto &[name, buffer] : outputBuffers) {
    Bytes &bytes = results[name];
    bytes.resize(buffer->size());
    if (Status s = buffer->read(std::as_writable_bytes(std::span(bytes))); !s)
      return s.error().message;
  }
  return check(results);
}

Expected<std::unique_ptr<Problem>> Problem::make(Device &device, int target, const Spec &spec, size_t rotateBytes) {
  Plan plan = planOf(spec, target);
  Expected<std::vector<PlannedKernel>> kernels = kernelsOf(plan, target);
  if (!kernels)
    return kernels.takeError();
  std::unique_ptr<Problem> problem(new Problem(device, target, plan.sizes, std::move(*kernels)));
  familyOf(spec).fill(*problem, spec, plan);
  if (Status s = problem->finish(rotateBytes); !s)
    return s.takeError();
  return problem;
}

} // namespace qcc::bench
