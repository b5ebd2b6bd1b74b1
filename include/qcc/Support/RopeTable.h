//===- RopeTable.h - Rotary position frequencies ------------------*- C++ -*-===//
//
// Frequencies of rotary position embeddings as Hugging Face configurations define them (modeling_rope_utils.py of
// transformers): inv_freq[i] = theta^(-2i/dim), i < dim/2, adjusted by the scaling rule. Everything is computed in
// double; the table is rounded to f32 once.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_SUPPORT_ROPETABLE_H
#define QCC_SUPPORT_ROPETABLE_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace qcc {

enum class RopeKind { Default, Linear, Llama3, Yarn };

/// One rotary embedding. Fields which a kind does not use keep their defaults.
struct RopeSpec {
  RopeKind kind = RopeKind::Default;
  int64_t dim = 0;            ///< rotated dimensions, even
  double theta = 10000;       ///< base
  double factor = 1;          ///< linear, llama3, yarn: context extension
  double lowFreqFactor = 1;   ///< llama3
  double highFreqFactor = 4;  ///< llama3
  double originalContext = 0; ///< llama3, yarn: positions the model was trained on
  double betaFast = 32;       ///< yarn
  double betaSlow = 1;        ///< yarn
  bool truncate = true;       ///< yarn: the ramp's ends are whole dimensions
  double attentionFactor = 1; ///< yarn: multiplies cos and sin; see yarnAttentionFactor

  bool operator==(const RopeSpec &) const = default;
};

/// Empty if the specification is well formed, else a message naming field, value and limit.
std::string check(const RopeSpec &spec);

/// YaRN's factor on cos and sin when the configuration does not state it: 0.1 ln(factor) + 1, or m(mscale) /
/// m(mscale_all_dim) with m(x) = 0.1 x ln(factor) + 1 when both are present and not zero.
double yarnAttentionFactor(double factor, std::optional<double> mscale, std::optional<double> mscaleAllDim);

/// dim/2 angular frequencies in radians per position.
std::vector<double> ropeInvFreq(const RopeSpec &spec);

/// cos and sin for `positions` consecutive positions from `first`, times the attention factor: f32 [positions, dim/2,
/// 2], cos before sin.
void fillRopeTable(const RopeSpec &spec, int64_t first, int64_t positions, std::span<float> out);

} // namespace qcc

#endif // QCC_SUPPORT_ROPETABLE_H
