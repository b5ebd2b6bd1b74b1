//===- GemmPacking.cpp ----------------------------------------------------===//

#include "GemmPacking.h"

#include "qcc/Quant/Layout.h"

#include <cstdio>
#include <cstdlib>

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

FragmentFormat fragmentOf(WeightFormat format) {
  switch (format) {
  case WeightFormat::BF16:
    return FragmentFormat::BF16;
  case WeightFormat::E4M3:
  case WeightFormat::E4M3Block:
    return FragmentFormat::E4M3;
  case WeightFormat::S4:
  case WeightFormat::S4Zero:
    return FragmentFormat::S4;
  case WeightFormat::S8:
    return FragmentFormat::S8ToBF16;
  case WeightFormat::S4E4M3:
    return FragmentFormat::S4ToE4M3;
  case WeightFormat::S8A8:
    return FragmentFormat::S8;
  case WeightFormat::BF16Sparse:
    return FragmentFormat::BF16Sparse;
  case WeightFormat::E4M3Sparse:
    return FragmentFormat::E4M3Sparse;
  case WeightFormat::S8Sparse:
    return FragmentFormat::S8Sparse;
  }
  return FragmentFormat::BF16;
}

void require(const Status &status) {
  if (status)
    return;
  std::fprintf(stderr, "weights made to be packed: %s\n", status.error().message.c_str());
  std::abort();
}

} // namespace

std::vector<uint8_t> packWeights(WeightFormat format, std::span<const uint8_t> stored, int64_t n, int64_t k) {
  FragmentFormat fragment = fragmentOf(format);
  std::vector<uint8_t> packed(size_t(packedBytes(fragment, paddedRows(n), k)));
  size_t count = size_t(n * k);
  std::span<const uint16_t> bf16(reinterpret_cast<const uint16_t *>(stored.data()), count);
  std::span<const int8_t> codes(reinterpret_cast<const int8_t *>(stored.data()), count);
  switch (fragment) {
  case FragmentFormat::BF16:
    packFragmentsBF16(bf16, n, k, packed);
    break;
  case FragmentFormat::E4M3:
    packFragmentsE4M3(stored, n, k, packed);
    break;
  case FragmentFormat::S8:
    packFragmentsS8(codes, n, k, packed);
    break;
  case FragmentFormat::S4:
    packFragmentsS4(codes, n, k, packed);
    break;
  case FragmentFormat::S8ToBF16:
    packFragmentsS8ToBF16(codes, n, k, packed);
    break;
  case FragmentFormat::S4ToE4M3:
    packFragmentsS4ToE4M3(codes, n, k, packed);
    break;
  case FragmentFormat::BF16Sparse:
    require(packFragmentsBF16Sparse(bf16, n, k, packed));
    break;
  case FragmentFormat::E4M3Sparse:
    require(packFragmentsE4M3Sparse(stored, n, k, packed));
    break;
  case FragmentFormat::S8Sparse:
    require(packFragmentsS8Sparse(codes, n, k, packed));
    break;
  }
  return packed;
}

std::vector<uint8_t> packMetadata(WeightFormat format, std::span<const uint8_t> stored, int64_t n, int64_t k) {
  std::vector<uint8_t> packed(size_t(metadataBytes(paddedRows(n), k)));
  if (format == WeightFormat::BF16Sparse)
    require(packMetadataBF16({reinterpret_cast<const uint16_t *>(stored.data()), size_t(n * k)}, n, k, packed));
  else if (format == WeightFormat::E4M3Sparse)
    require(packMetadataE4M3(stored, n, k, packed));
  else
    require(packMetadataS8({reinterpret_cast<const int8_t *>(stored.data()), size_t(n * k)}, n, k, packed));
  return packed;
}

} // namespace qcc::bench
