//===- EnvironmentStore.cpp -----------------------------------------------===//

#include "qcc/Calibration/EnvironmentStore.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace qcc::calib {
namespace {

void append(std::vector<std::byte> &bytes, const void *data, size_t size) {
  auto *begin = static_cast<const std::byte *>(data);
  bytes.insert(bytes.end(), begin, begin + size);
}

/// bf16 values exactly in two bytes, everything else as the interpreter holds it.
void encodeTo(const interp::Tensor<float> &tensor, std::vector<std::byte> &bytes) {
  if (tensor.ints)
    return append(bytes, tensor.ints->data(), tensor.ints->size() * sizeof(int32_t));
  if (tensor.type != DType::BF16)
    return append(bytes, tensor.values->data(), tensor.values->size() * sizeof(float));
  std::vector<uint16_t> codes(tensor.values->size());
  std::transform(tensor.values->begin(), tensor.values->end(), codes.begin(), quant::floatToBF16);
  append(bytes, codes.data(), codes.size() * sizeof(uint16_t));
}

template <typename T> std::vector<T> decodeAs(std::span<const std::byte> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

interp::Tensor<float> decode(DType type, std::vector<int64_t> shape, std::span<const std::byte> bytes) {
  using Tensor = interp::Tensor<float>;
  if (type == DType::I32)
    return Tensor::makeInts(std::move(shape), decodeAs<int32_t>(bytes));
  if (type != DType::BF16)
    return Tensor::make(type, std::move(shape), decodeAs<float>(bytes));
  std::vector<uint16_t> codes = decodeAs<uint16_t>(bytes);
  std::vector<float> values(codes.size());
  std::transform(codes.begin(), codes.end(), values.begin(), quant::bf16ToFloat);
  return Tensor::make(type, std::move(shape), std::move(values));
}

} // namespace

Error EnvironmentStore::failure(const char *what, int errorNumber) const {
  return {
      text(directory, ": cannot ", what, " a temporary file of calibration: ", systemMessage(errorNumber),
           "; free disk space there, or name another directory: by --work-dir, or where there is no such flag by -o"),
      ExitCode::IoError};
}

Expected<interp::Environment> EnvironmentStore::get(size_t batch) const {
  const Slot &slot = slots[batch];
  std::vector<std::byte> read;
  std::span<const std::byte> bytes = slot.memory;
  if (slot.memory.size() < slot.size) {
    read.resize(slot.size);
    for (uint64_t done = 0; done < slot.size;) {
      ssize_t count = pread(file.get(), read.data() + done, slot.size - done, off_t(slot.offset + done));
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        return failure("read", count < 0 ? errno : EIO);
      done += uint64_t(count);
    }
    bytes = read;
  }
  interp::Environment values;
  uint64_t offset = 0;
  for (const Stored &entry : slot.entries) {
    values[entry.value] = decode(entry.type, entry.shape, bytes.subspan(offset, entry.bytes));
    offset += entry.bytes;
  }
  return values;
}

Status EnvironmentStore::spill(Slot &slot, std::span<const std::byte> bytes) {
  {
    std::lock_guard lock(mutex);
    if (file.get() < 0) {
      std::string name = directory + "/calibration-XXXXXX";
      file = FileDescriptor(mkstemp(name.data()));
      if (file.get() < 0)
        return failure("create", errno);
      unlink(name.c_str()); // it goes with the process
    }
    if (slot.capacity < bytes.size()) {
      slot.offset = fileEnd;
      slot.capacity = bytes.size();
      fileEnd += bytes.size();
    }
  }
  for (uint64_t done = 0; done < bytes.size();) {
    ssize_t count = pwrite(file.get(), bytes.data() + done, bytes.size() - done, off_t(slot.offset + done));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return failure("write", errno);
    done += uint64_t(count);
  }
  return {};
}

Status EnvironmentStore::put(size_t batch, const interp::Environment &values) {
  Slot &slot = slots[batch];
  std::vector<std::byte> bytes;
  slot.entries.clear();
  for (const auto &[value, tensor] : values) {
    size_t before = bytes.size();
    encodeTo(tensor, bytes);
    slot.entries.push_back({value, tensor.type, tensor.shape, bytes.size() - before});
  }
  slot.size = bytes.size();
  {
    std::lock_guard lock(mutex);
    inMemory -= slot.memory.size();
    slot.memory = {};
    if (inMemory + bytes.size() <= budget) {
      inMemory += bytes.size();
      slot.memory = std::move(bytes);
      return {};
    }
  }
  return spill(slot, bytes);
}

} // namespace qcc::calib
