//===- Presets.cpp - Names of presets -------------------------------------===//

#include "QuantizeFlags.h"

#include "llvm/ADT/StringSwitch.h"

namespace qcc::tools {

std::optional<QuantPreset> parsePreset(llvm::StringRef name) {
  using P = QuantPreset;
  std::string lower = name.lower();
  std::replace(lower.begin(), lower.end(), '-', '_');
  return llvm::StringSwitch<std::optional<P>>(lower)
      .Cases({"none", "bf16"}, P::None)
      .Cases({"fp8", "fp8_dynamic", "fp8_per_channel_per_token", "fp8_pc_pt"}, P::Fp8)
      .Cases({"fp8_tensor", "fp8_static"}, P::Fp8Tensor)
      .Cases({"fp8_block", "fp8_2d_blockwise_weight_only", "fp8_pb_wo"}, P::Fp8Block)
      .Cases({"w8a16", "int8_wo"}, P::W8A16)
      .Cases({"w4a16", "int4", "int4_awq", "w4a16_awq"}, P::W4A16)
      .Case("w4a16_asym", P::W4A16Asym)
      .Cases({"w8a8", "int8", "int8_sq", "int8_smoothquant", "w8a8_sq_per_channel"}, P::W8A8)
      .Cases({"w4afp8", "w4a8", "w4a8_awq", "w4a8_awq_beta"}, P::W4AFp8)
      .Case("w3a16", P::W3A16)
      .Case("w2a16", P::W2A16)
      .Default(std::nullopt);
}

llvm::StringRef nameOf(QuantPreset preset) {
  switch (preset) {
  case QuantPreset::None:
    return "none";
  case QuantPreset::Fp8:
    return "fp8";
  case QuantPreset::Fp8Tensor:
    return "fp8_tensor";
  case QuantPreset::Fp8Block:
    return "fp8_block";
  case QuantPreset::W8A16:
    return "w8a16";
  case QuantPreset::W4A16:
    return "w4a16";
  case QuantPreset::W4A16Asym:
    return "w4a16_asym";
  case QuantPreset::W8A8:
    return "w8a8";
  case QuantPreset::W4AFp8:
    return "w4afp8";
  case QuantPreset::W3A16:
    return "w3a16";
  case QuantPreset::W2A16:
    return "w2a16";
  }
  return "";
}

llvm::StringRef nameOf(KvCacheType type) {
  return type == KvCacheType::BF16 ? "bf16" : type == KvCacheType::Fp8 ? "fp8" : "int8";
}

bool hasGroups(QuantPreset preset) {
  switch (preset) {
  case QuantPreset::W8A16:
  case QuantPreset::W4A16:
  case QuantPreset::W4A16Asym:
  case QuantPreset::W4AFp8:
  case QuantPreset::W3A16:
  case QuantPreset::W2A16:
    return true;
  case QuantPreset::None:
  case QuantPreset::Fp8:
  case QuantPreset::Fp8Tensor:
  case QuantPreset::Fp8Block:
  case QuantPreset::W8A8:
    return false;
  }
  return false;
}

bool needsFp8Cores(QuantPreset preset) {
  return preset == QuantPreset::Fp8 || preset == QuantPreset::Fp8Tensor || preset == QuantPreset::Fp8Block ||
         preset == QuantPreset::W4AFp8;
}

std::string whyNoKernels(QuantPreset preset) {
  if (preset == QuantPreset::W3A16 || preset == QuantPreset::W2A16)
    return "no kernels for " + std::string(preset == QuantPreset::W3A16 ? "3" : "2") +
           "-bit weights; use --quant w4a16, or measure " + nameOf(preset).str() + " with qcc-eval";
  return "";
}

} // namespace qcc::tools
