//===- WeightLayouts.cpp - What a product's operands hold -----------------===//

#include "qcc/Dialect/Kernel/KernelDialect.h"

using namespace mlir;
using namespace qcc::kernel;
using qcc::graph::FragmentFormat;
using qcc::graph::LayoutAttr;
using qcc::graph::LayoutKind;

FragmentFormat qcc::kernel::fragmentOf(WeightFormat format) {
  switch (format) {
  case WeightFormat::bf16:
    return FragmentFormat::bf16;
  case WeightFormat::e4m3:
  case WeightFormat::e4m3_block:
    return FragmentFormat::e4m3;
  case WeightFormat::s4:
  case WeightFormat::s4_zero:
    return FragmentFormat::s4;
  case WeightFormat::s8:
    return FragmentFormat::s8_bf16;
  case WeightFormat::s4_e4m3:
    return FragmentFormat::s4_e4m3;
  case WeightFormat::s8a8:
    return FragmentFormat::s8;
  case WeightFormat::bf16_24:
    return FragmentFormat::bf16_24;
  case WeightFormat::e4m3_24:
    return FragmentFormat::e4m3_24;
  case WeightFormat::s8_24:
    return FragmentFormat::s8_24;
  }
  llvm_unreachable("all weight formats are listed");
}

std::optional<LayoutKind> qcc::kernel::scalesOf(WeightFormat format) {
  switch (format) {
  case WeightFormat::bf16:
  case WeightFormat::bf16_24:
    return std::nullopt;
  case WeightFormat::e4m3_block:
    return LayoutKind::scales_block;
  case WeightFormat::s4:
  case WeightFormat::s4_zero:
  case WeightFormat::s8:
  case WeightFormat::s4_e4m3:
    return LayoutKind::scales_group;
  default:
    return LayoutKind::scales_channel;
  }
}

PackedSizes qcc::kernel::packedSizesOf(WeightFormat format, int64_t n, int64_t k, std::optional<int64_t> group,
                                       MLIRContext *context) {
  auto bytes = [&](LayoutKind kind, ArrayRef<int64_t> shape, std::optional<FragmentFormat> fragment = std::nullopt) {
    return LayoutAttr::get(context, kind, fragment).getPackedBytes(shape);
  };
  int64_t groups = group ? int64_t(llvm::divideCeil(k, *group)) : 1;
  PackedSizes sizes;
  sizes.weights = bytes(LayoutKind::fragment, {n, k}, fragmentOf(format));
  if (std::optional<LayoutKind> scales = scalesOf(format)) {
    int64_t blockRows = llvm::divideCeil(n, 128), blockColumns = llvm::divideCeil(k, 128);
    sizes.scales = *scales == LayoutKind::scales_channel ? bytes(*scales, {n})
                   : *scales == LayoutKind::scales_block ? bytes(*scales, {blockRows, blockColumns})
                                                         : bytes(*scales, {n, groups});
  }
  if (LayoutAttr::get(context, LayoutKind::fragment, fragmentOf(format)).isSparse24())
    sizes.metadata = bytes(LayoutKind::metadata24, {n, k}, fragmentOf(format));
  if (format == WeightFormat::s4_zero)
    sizes.zeros = bytes(LayoutKind::zeros_group, {n, groups});
  return sizes;
}
