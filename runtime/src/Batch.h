//===- Batch.h - The ragged batch of one step ---------------------*- C++ -*-===//
//
// Checks a request, gives its sequences their pages and writes the entry's inputs (docs/engine-format.md, "Inputs")
// into page-locked memory, from where they are copied to fixed device addresses.
//
//===----------------------------------------------------------------------===//
#ifndef QCCRT_SRC_BATCH_H
#define QCCRT_SRC_BATCH_H

#include "Device.h"
#include "PlanLimits.h"
#include "Sequences.h"

#include <array>
#include <span>

namespace qccrt {

class Batch {
public:
  Batch(const Device &device, const plan::Model &model);

  /// Bytes of each input at its largest, in the order of kInputNames.
  static std::vector<uint64_t> inputBytes(const plan::Model &model);

  /// Throws InvalidArgument or NoPages before anything is changed; then takes pages and fills the inputs.
  /// `number` is the step's, never used before.
  void build(Sequences &sequences, std::span<const qccrt_input> inputs, uint64_t number);
  /// Copies the inputs; `addresses` in the order of kInputNames.
  void upload(const std::vector<cuda::Pointer> &addresses) const;
  /// Makes the new tokens part of their sequences.
  void commit();

  const Sizes &sizes() const { return current; }
  uint32_t rows() const { return uint32_t(current[size_t(plan::Size::R)]); }

private:
  struct Item {
    Sequence *sequence;
    qccrt_input input;
  };
  void check(Sequences &sequences, std::span<const qccrt_input> inputs, uint64_t number);
  void checkTokens(const qccrt_input &input, uint32_t length) const;
  void fill(Sequences &sequences);
  int32_t *values(Input input) const { return staging.as<int32_t>() + offsets[size_t(input)]; }

  const Device &device;
  const plan::Model &model;
  std::array<uint64_t, kInputNames.size()> offsets{}; ///< elements
  HostMemory staging;
  std::vector<Item> items;
  Sizes current{};
};

} // namespace qccrt

#endif // QCCRT_SRC_BATCH_H
