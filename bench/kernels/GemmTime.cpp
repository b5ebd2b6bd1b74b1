//===- GemmTime.cpp -------------------------------------------------------===//

#include "GemmTime.h"

#include "DriverApi.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Quant/Layout.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

class RandomBytes {
public:
  /// Values of an element type that are finite and about as large as data.
  std::vector<uint8_t> operator()(size_t bytes, ElemType type) {
    std::vector<uint8_t> data((bytes + 7) / 8 * 8);
    for (size_t i = 0; i < data.size(); i += 8) {
      uint64_t word = engine();
      if (type == ElemType::BF16) // exponents 120 … 127 in each of four values: magnitudes 2^-7 … 2
        word = (word & 0x83ff83ff83ff83ff) | 0x3c003c003c003c00;
      else if (type == ElemType::E4M3) // exponents 0 … 7
        word &= 0xbfbfbfbfbfbfbfbf;
      std::memcpy(data.data() + i, &word, 8);
    }
    data.resize(bytes);
    return data;
  }

private:
  std::mt19937_64 engine{1};
};

Expected<DeviceBuffer> upload(Device &device, const std::vector<uint8_t> &bytes) {
  Expected<DeviceBuffer> buffer = device.allocate(bytes.size());
  if (buffer)
    if (Status s = buffer->write(std::as_bytes(std::span(bytes))); !s)
      return s.takeError();
  return buffer;
}

std::vector<uint8_t> constantFloats(int64_t count, float value) {
  std::vector<float> floats(size_t(count), value);
  std::vector<uint8_t> bytes(floats.size() * sizeof(float));
  std::memcpy(bytes.data(), floats.data(), bytes.size());
  return bytes;
}

/// Bytes of an argument as stored; random where they decide how much toggles.
std::vector<uint8_t> argumentBytes(const GemmCase &gemm, const std::string &name, RandomBytes &random) {
  bool e4m3 = gemm.format == WeightFormat::E4M3, s4 = gemm.format == WeightFormat::S4;
  ElemType xType = e4m3 ? ElemType::E4M3 : ElemType::BF16;
  FragmentFormat format = e4m3 ? FragmentFormat::E4M3 : s4 ? FragmentFormat::S4 : FragmentFormat::BF16;
  if (name == "weights") // any byte is two codes of s4
    return random(size_t(packedBytes(format, paddedRows(gemm.n), gemm.k)), s4 ? ElemType::I32 : xType);
  if (name == "weight_scale" && s4)
    return random(size_t((gemm.k + gemm.group - 1) / gemm.group * paddedRows(gemm.n) * 2), ElemType::BF16);
  if (name == "weight_scale")
    return constantFloats(paddedRows(gemm.n), 0.01f);
  if (name == "x")
    return random(size_t(gemm.rows * rowPitch(gemm.k, xType) * sizeOf(xType)), xType);
  if (name == "x_scale")
    return constantFloats(gemm.rows, 0.01f);
  if (name == "y")
    return std::vector<uint8_t>(size_t(gemm.rows * rowPitch(gemm.n, gemm.output) * sizeOf(gemm.output)));
  if (gemm.epilogue == GemmCase::Epilogue::Residual)
    return random(size_t(gemm.rows * rowPitch(gemm.n, ElemType::BF16) * 2), ElemType::BF16);
  return constantFloats(gemm.n, 1.0f);
}

} // namespace

Expected<Timing> timeGemm(Device &device, const GemmCase &gemm, int target, int repetitions, size_t rotateBytes) {
  Expected<KernelInstance> instance = gemm.instantiate(target);
  if (!instance)
    return instance.takeError();
  Expected<DeviceKernel> kernel = device.load(*instance, target, KernelCache(KernelCache::defaultDirectory()));
  if (!kernel)
    return kernel.takeError();

  RandomBytes random;
  Timing timing;
  timing.flops = 2.0 * double(gemm.n) * double(gemm.k) * double(gemm.rows);
  std::vector<DeviceBuffer> buffers;
  std::vector<DevicePointer> copies;
  std::map<std::string, DevicePointer> pointers;
  for (const KernelArg &arg : instance->args) {
    if (arg.kind != ArgKind::Pointer)
      continue;
    std::vector<uint8_t> bytes = argumentBytes(gemm, arg.name, random);
    timing.bytes += double(bytes.size());
    size_t count = arg.name == "weights" ? std::clamp<size_t>(rotateBytes / bytes.size() + 1, 2, 64) : 1;
    for (size_t i = 0; i < count; ++i) {
      Expected<DeviceBuffer> buffer = upload(device, bytes);
      if (!buffer)
        return buffer.takeError();
      pointers[arg.name] = buffer->get();
      if (arg.name == "weights")
        copies.push_back(buffer->get());
      buffers.push_back(std::move(*buffer));
    }
  }

  const DriverApi &driver = device.driver();
  Sizes sizes = {{Size::T, gemm.rows}};
  void *start = nullptr, *end = nullptr;
  for (void **event : {&start, &end})
    if (Status s = driver.check("cuEventCreate", driver.eventCreate(event, 0)); !s)
      return s.takeError();
  std::vector<double> times;
  size_t turn = 0;
  // Many launches between two events: a launch alone is shorter than the clock's grain.
  int launches = int(copies.size());
  for (int repetition = -1; repetition < repetitions; ++repetition) { // the first is warm-up
    if (Status s = driver.check("cuEventRecord", driver.eventRecord(start, nullptr)); !s)
      return s.takeError();
    for (int i = 0; i < launches; ++i) {
      pointers["weights"] = copies[turn++ % copies.size()];
      if (Status s = device.launch(*kernel, pointers, sizes, /*wait=*/false); !s)
        return s.takeError();
    }
    float milliseconds = 0;
    if (Status s = driver.check("cuEventRecord", driver.eventRecord(end, nullptr)); !s)
      return s.takeError();
    if (Status s = driver.check("cuEventSynchronize", driver.eventSynchronize(end)); !s)
      return s.takeError();
    if (Status s = driver.check("cuEventElapsedTime", driver.eventElapsedTime(&milliseconds, start, end)); !s)
      return s.takeError();
    if (repetition >= 0)
      times.push_back(double(milliseconds) * 1e3 / launches);
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  timing.microseconds = times[times.size() / 2];
  return timing;
}

} // namespace qcc::bench
