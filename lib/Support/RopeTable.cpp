//===- RopeTable.cpp - Rotary position frequencies ------------------------===//

#include "qcc/Support/RopeTable.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

using namespace qcc;

std::string qcc::check(const RopeSpec &spec) {
  auto require = [](const char *field, double value, double above) -> std::string {
    if (std::isfinite(value) && value > above)
      return {};
    return std::string("rope ") + field + " " + std::to_string(value) + " must be finite and greater than " +
           std::to_string(above);
  };
  if (spec.dim <= 0 || spec.dim % 2 != 0)
    return "rope dim " + std::to_string(spec.dim) + " must be even and positive";
  if (auto message = require("theta", spec.theta, 1); !message.empty())
    return message;
  if (auto message = require("factor", spec.factor, 0); !message.empty())
    return message;
  if (spec.kind == RopeKind::Llama3) {
    if (auto message = require("original", spec.originalContext, 0); !message.empty())
      return message;
    if (auto message = require("low_freq_factor", spec.lowFreqFactor, 0); !message.empty())
      return message;
    return require("high_freq_factor", spec.highFreqFactor, spec.lowFreqFactor);
  }
  if (spec.kind == RopeKind::Yarn) {
    if (auto message = require("original", spec.originalContext, 0); !message.empty())
      return message;
    if (auto message = require("attention_factor", spec.attentionFactor, 0); !message.empty())
      return message;
    if (auto message = require("beta_slow", spec.betaSlow, 0); !message.empty())
      return message;
    return require("beta_fast", spec.betaFast, spec.betaSlow);
  }
  return {};
}

double qcc::yarnAttentionFactor(double factor, std::optional<double> mscale, std::optional<double> mscaleAllDim) {
  auto scaled = [&](double multiplier) { return factor <= 1 ? 1.0 : 0.1 * multiplier * std::log(factor) + 1.0; };
  if (mscale && mscaleAllDim && *mscale != 0 && *mscaleAllDim != 0)
    return scaled(*mscale) / scaled(*mscaleAllDim);
  return scaled(1.0);
}

/// Long wavelengths are stretched by the factor, short ones kept, those between blended linearly in the number of turns
/// over the original context.
static double scaleLlama3(const RopeSpec &spec, double frequency) {
  double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < spec.originalContext / spec.highFreqFactor)
    return frequency;
  if (wavelength > spec.originalContext / spec.lowFreqFactor)
    return frequency / spec.factor;
  double smooth = (spec.originalContext / wavelength - spec.lowFreqFactor) / (spec.highFreqFactor - spec.lowFreqFactor);
  return (1 - smooth) * frequency / spec.factor + smooth * frequency;
}

/// Weight of the stretched frequency for dimension pair `index`: 0 below the ramp, 1 above it.
static double yarnRamp(const RopeSpec &spec, int64_t index) {
  auto dimensionOfTurns = [&](double turns) {
    return double(spec.dim) * std::log(spec.originalContext / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(spec.theta));
  };
  double low = dimensionOfTurns(spec.betaFast), high = dimensionOfTurns(spec.betaSlow);
  if (spec.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, double(spec.dim - 1));
  if (low == high)
    high += 0.001; // as the reference does, to keep the ramp's slope finite
  return std::clamp((double(index) - low) / (high - low), 0.0, 1.0);
}

std::vector<double> qcc::ropeInvFreq(const RopeSpec &spec) {
  std::vector<double> frequencies(spec.dim / 2);
  for (int64_t i = 0; i < spec.dim / 2; ++i) {
    double frequency = std::pow(spec.theta, -2.0 * double(i) / double(spec.dim));
    switch (spec.kind) {
    case RopeKind::Default:
      break;
    case RopeKind::Linear:
      frequency /= spec.factor;
      break;
    case RopeKind::Llama3:
      frequency = scaleLlama3(spec, frequency);
      break;
    case RopeKind::Yarn: {
      double ramp = yarnRamp(spec, i);
      frequency = frequency / spec.factor * ramp + frequency * (1 - ramp);
      break;
    }
    }
    frequencies[i] = frequency;
  }
  return frequencies;
}

void qcc::fillRopeTable(const RopeSpec &spec, int64_t first, int64_t positions, std::span<float> out) {
  assert(int64_t(out.size()) == positions * spec.dim && "table is [positions, dim/2, 2]");
  std::vector<double> frequencies = ropeInvFreq(spec);
  float *next = out.data();
  for (int64_t position = first; position < first + positions; ++position)
    for (double frequency : frequencies) {
      double angle = double(position) * frequency;
      *next++ = float(std::cos(angle) * spec.attentionFactor);
      *next++ = float(std::sin(angle) * spec.attentionFactor);
    }
}
