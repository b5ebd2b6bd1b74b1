//===- SyntheticLayer.h - A layer whose inputs are correlated -----*- C++ -*-===//
//
// Heavy-tailed weights; inputs that are a few latent directions with a falling spectrum, mixed, with log-normal channel
// scales and some channels far larger than the rest, plus noise; the quantized path's inputs are off the float path's
// by a linear part and noise. The mechanisms of quantization.md's synthetic layers.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TEST_UNIT_QUANT_SYNTHETICLAYER_H
#define QCC_TEST_UNIT_QUANT_SYNTHETICLAYER_H

#include "qcc/Quant/Moments.h"

#include <cmath>
#include <random>
#include <vector>

namespace qcc::quant {

struct SyntheticLayer {
  int64_t rows, k;
  std::vector<float> w, xf, xq, heldFloat, heldQuant;

  Moments moments(bool withCross, bool withHeldOut = true) const {
    MomentSum sum(k, withCross);
    sum.add(xq, withCross ? std::span<const float>(xf) : std::span<const float>(), int64_t(xq.size()) / k);
    if (withHeldOut)
      sum.addHeldOut(heldQuant, withCross ? std::span<const float>(heldFloat) : std::span<const float>(),
                     int64_t(heldQuant.size()) / k);
    return *std::move(sum).finish();
  }
};

inline SyntheticLayer syntheticLayer(int64_t rows, int64_t k, int64_t tokens, int64_t heldOut, double upstream,
                                     unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::student_t_distribution<double> heavy(5);
  SyntheticLayer layer{rows, k, {}, {}, {}, {}, {}};
  layer.w.resize(rows * k);
  for (float &value : layer.w)
    value = float(0.03 * heavy(random));
  int64_t latent = std::max<int64_t>(1, k / 3);
  std::vector<double> mix(latent * k), wrong(k), scale(k);
  for (double &value : mix)
    value = normal(random);
  for (int64_t j = 0; j < k; ++j) {
    scale[j] = std::exp(0.5 * normal(random)) * (j % 97 == 5 ? 12 : 1);
    wrong[j] = normal(random);
  }
  auto fill = [&](int64_t count, std::vector<float> &xf, std::vector<float> &xq) {
    xf.resize(count * k);
    xq.resize(count * k);
    std::vector<double> code(latent);
    for (int64_t t = 0; t < count; ++t) {
      for (int64_t l = 0; l < latent; ++l)
        code[l] = normal(random) / std::sqrt(1.0 + double(l));
      for (int64_t j = 0; j < k; ++j) {
        double value = 0.15 * normal(random);
        for (int64_t l = 0; l < latent; ++l)
          value += code[l] * mix[l * k + j];
        double error = 0.5 * wrong[j] * code[0] + 0.5 * normal(random);
        xf[t * k + j] = float(scale[j] * value);
        xq[t * k + j] = float(scale[j] * (value + upstream * error));
      }
    }
  };
  fill(tokens, layer.xf, layer.xq);
  fill(heldOut, layer.heldFloat, layer.heldQuant);
  return layer;
}

} // namespace qcc::quant

#endif // QCC_TEST_UNIT_QUANT_SYNTHETICLAYER_H
