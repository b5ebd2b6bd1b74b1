//===- QuantizedRows.h - What quantizing kernels must write -------*- C++ -*-===//
//
// The arithmetic of activation codes, written a second time from its definition (lib/CodeGen/Kernels/common/
// quantize.cuh), so that a kernel's bits are held against something else than themselves.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_KERNELS_QUANTIZEDROWS_H
#define QCC_BENCH_KERNELS_QUANTIZEDROWS_H

#include "Launcher.h"
#include "RandomData.h"

#include <limits>

namespace qcc::bench {

inline constexpr codegen::ActQuant kQuantKinds[] = {codegen::ActQuant::E4M3Token, codegen::ActQuant::E4M3Group128,
                                                    codegen::ActQuant::E4M3Static, codegen::ActQuant::S8Token,
                                                    codegen::ActQuant::S8Static};

struct QuantizedRow {
  std::vector<uint8_t> codes;
  std::vector<float> scales; ///< one, or one per group; none of static kinds
};

inline uint8_t codeS8(float value, float scale) {
  float quotient = value / scale;
  return uint8_t(std::isnan(quotient) ? 0 : int(std::nearbyint(std::clamp(quotient, -127.0f, 127.0f))));
}

/// Scale of int8 values: NaN where one is not finite.
inline float scaleS8(const std::vector<float> &values) {
  float amax = 0;
  for (float value : values) {
    if (!std::isfinite(value))
      return std::nanf("");
    amax = std::max(amax, std::fabs(value));
  }
  return amax / 127 >= std::numeric_limits<float>::min() ? amax / 127 : 1;
}

inline float scaleE4M3(const std::vector<float> &values) {
  float amax = 0;
  for (float value : values)
    amax = std::isnan(value) ? amax : std::max(amax, std::fabs(value));
  return amax / 448 >= std::numeric_limits<float>::min() ? amax / 448 : 1;
}

inline QuantizedRow quantizeRow(codegen::ActQuant kind, const uint16_t *bits, int64_t columns, float staticScale) {
  using codegen::ActQuant;
  bool isS8 = codeType(kind) == codegen::ElemType::S8;
  int64_t group = kind == ActQuant::E4M3Group128 ? 128 : columns;
  QuantizedRow row;
  for (int64_t begin = 0; begin < columns; begin += group) {
    std::vector<float> values;
    for (int64_t i = begin; i < std::min(begin + group, columns); ++i)
      values.push_back(quant::bf16ToFloat(bits[i]));
    float scale = isStatic(kind) ? staticScale : isS8 ? scaleS8(values) : scaleE4M3(values);
    if (!isStatic(kind))
      row.scales.push_back(scale);
    for (float value : values)
      row.codes.push_back(isS8 ? codeS8(value, scale) : quant::floatToE4M3(value / scale));
  }
  return row;
}

/// Binds a quantizing kernel's outputs, and afterwards compares them.
struct QuantizedOutput {
  codegen::ActQuant kind;
  int64_t rows, columns;
  float staticScale = 0.0371f;

  int64_t codePitch() const { return rowPitch(columns, codeType(kind)); }
  int64_t scalesPerRow() const { return kind == codegen::ActQuant::E4M3Group128 ? (columns + 127) / 128 : 1; }
  int64_t scalePitch() const { return isPerRow(kind) ? 1 : codegen::rowPitch(scalesPerRow(), codegen::ElemType::F32); }

  void bind(Launcher &launcher) const {
    launcher.output("y", size_t(rows * codePitch()));
    if (isStatic(kind))
      launcher.input("static_scale", std::vector<float>{staticScale});
    else
      launcher.output("y_scale", size_t(rows * scalePitch() * 4));
  }

  /// `y`: the bf16 results that were quantized, with their pitch. Padding must be left alone.
  void check(const Launcher &launcher, const std::vector<uint16_t> &y, Comparison &compare) const {
    std::vector<uint8_t> codes = launcher.read<uint8_t>("y");
    std::vector<float> scales;
    if (!isStatic(kind))
      scales = launcher.read<float>("y_scale");
    int64_t pitch = rowPitch(columns, codegen::ElemType::BF16);
    for (int64_t row = 0; row < rows && !compare.failed(); ++row) {
      QuantizedRow expected = quantizeRow(kind, &y[size_t(row * pitch)], columns, staticScale);
      for (size_t i = 0; i < expected.scales.size(); ++i)
        compare.same(scales[size_t(row * scalePitch()) + i], expected.scales[i], "scale", row, int64_t(i));
      for (int64_t i = 0; i < codePitch(); ++i) {
        uint8_t actual = codes[size_t(row * codePitch() + i)];
        if (i >= columns)
          compare.equal(actual, 0xee, "padding of the codes", row, i);
        else if (codeType(kind) == codegen::ElemType::E4M3 && (expected.codes[size_t(i)] & 0x7f) == 0x7f)
          compare.equal(actual & 0x7f, 0x7f, "NaN code", row, i); // the sign is not specified
        else
          compare.equal(actual, expected.codes[size_t(i)], "code", row, i);
      }
    }
  }
};

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_QUANTIZEDROWS_H
