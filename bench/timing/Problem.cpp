//===- Problem.cpp --------------------------------------------------------===//

#include "Problem.h"

#include "qcc/Support/Text.h"

#include <algorithm>

namespace qcc::bench {

using namespace codegen;

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

void Problem::output(const std::string &name, size_t bytes) {
  byteCount += double(bytes);
  outputs[name] = bytes;
}

void Problem::scratch(const std::string &name, size_t bytes) { workspaces[name] = bytes; }

Status Problem::kernel(const KernelDesc &desc, Size rows) {
  if (std::string problem = checkDesc(desc, target); !problem.empty())
    return Error{problem, ExitCode::Usage};
  for (const KernelVariant &variant : chooseVariants(desc, target, rows)) {
    if (!std::all_of(variant.bounds.begin(), variant.bounds.end(),
                     [&](auto &bound) { return sizes.at(bound.first) <= bound.second; }))
      continue;
    std::string error;
    instances.push_back(instantiate(desc, variant.config, rows, error));
    if (!error.empty())
      return Error{error, ExitCode::Internal};
    names += (names.empty() ? "" : ", ") + instances.back().symbol;
    for (const auto &[key, value] : variant.config.values)
      names += text(" ", key, "=", value);
    return Status();
  }
  return Error{std::string(familyOf(desc)) + ": no variant's bounds hold", ExitCode::Internal};
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

Status Problem::finish(size_t rotateBytes, std::function<std::string(const NamedBytes &)> checkOutputs) {
  check = std::move(checkOutputs);
  for (const KernelInstance &instance : instances) {
    Expected<DeviceKernel> kernel = device.load(instance, target, KernelCache(KernelCache::defaultDirectory()));
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

Expected<std::unique_ptr<Problem>> makeProblem(Device &device, int target, const Spec &spec, size_t rotateBytes) {
  if (spec.family == "gemm")
    return makeGemm(device, target, spec, rotateBytes);
  if (spec.family == "prefill" || spec.family == "decode")
    return makeAttention(device, target, spec, rotateBytes);
  if (spec.family == "rope_append")
    return makeRopeAppend(device, target, spec, rotateBytes);
  if (spec.family == "argmax")
    return makeArgmax(device, target, spec, rotateBytes);
  return makeRowProblem(device, target, spec, rotateBytes);
}

} // namespace qcc::bench
