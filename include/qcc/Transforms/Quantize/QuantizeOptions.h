//===- QuantizeOptions.h - What a user asks of quantization -------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_QUANTIZE_QUANTIZEOPTIONS_H
#define QCC_TRANSFORMS_QUANTIZE_QUANTIZEOPTIONS_H

#include <cstdint>
#include <string>
#include <vector>

namespace qcc {

enum class QuantPreset {
  None,  ///< bf16
  Fp8,   ///< e4m3 weights per output channel, activations dynamic per token
  W4A16, ///< symmetric 4-bit weights in groups, bf16 activations
};

enum class KvCacheType { BF16, Fp8 };

struct QuantizeOptions {
  QuantPreset preset = QuantPreset::None;
  int64_t groupSize = 128;          ///< of W4A16: 32, 64 or 128
  std::vector<std::string> exclude; ///< layer names, or "re:" and a pattern matched at a name's start
  KvCacheType kvCache = KvCacheType::BF16;
};

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_QUANTIZEOPTIONS_H
