//===- EnvironmentStore.h - What crosses a cut, of all batches --*- C++ -*-===//
//
// Values are kept in their stored type (bf16 takes 2 bytes) in memory up to a budget, beyond it in a nameless file of a
// directory.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CALIBRATION_ENVIRONMENTSTORE_H
#define QCC_CALIBRATION_ENVIRONMENTSTORE_H

#include "qcc/Interpreter/SegmentRunner.h"
#include "qcc/Support/File.h"

#include <mutex>
#include <string>

namespace qcc::calib {

/// Different batches may be used by different threads.
class EnvironmentStore {
public:
  /// `budget`: bytes kept in memory. `directory` is used when that is exceeded.
  EnvironmentStore(std::string directory, uint64_t budget, size_t batches)
      : directory(std::move(directory)), budget(budget), slots(batches) {}

  /// Empty for a batch that was never put.
  Expected<interp::Environment> get(size_t batch) const;
  /// Replaces what the batch had. Fails when the file cannot be written.
  Status put(size_t batch, const interp::Environment &values);

private:
  struct Stored {
    mlir::Value value;
    DType type;
    std::vector<int64_t> shape;
    uint64_t bytes;
  };
  struct Slot {
    std::vector<Stored> entries;
    std::vector<std::byte> memory; ///< empty: in the file
    uint64_t size = 0, offset = 0, capacity = 0;
  };
  Status spill(Slot &slot, std::span<const std::byte> bytes);
  Error failure(const char *what, int errorNumber) const;

  std::string directory;
  uint64_t budget, inMemory = 0, fileEnd = 0;
  FileDescriptor file;
  std::mutex mutex; ///< of the sums and the file's creation
  std::vector<Slot> slots;
};

} // namespace qcc::calib

#endif // QCC_CALIBRATION_ENVIRONMENTSTORE_H
