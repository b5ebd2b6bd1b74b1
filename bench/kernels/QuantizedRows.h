//===- QuantizedRows.h - What quantizing kernels must write -------*- C++ -*-===//
//
// A kernel's codes and scales must be those of lib/Quant, bit for bit.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_KERNELS_QUANTIZEDROWS_H
#define QCC_BENCH_KERNELS_QUANTIZEDROWS_H

#include "Launcher.h"
#include "RandomData.h"
#include "qcc/Quant/ActivationCodes.h"

#include <span>

namespace qcc::bench {

inline constexpr codegen::ActQuant kQuantKinds[] = {codegen::ActQuant::E4M3Token, codegen::ActQuant::E4M3Group128,
                                                    codegen::ActQuant::E4M3Static, codegen::ActQuant::S8Token,
                                                    codegen::ActQuant::S8Static};

struct QuantizedRow {
  std::vector<uint8_t> codes;
  std::vector<float> scales; ///< one, or one per group; none of static kinds
};

inline QuantizedRow quantizeRow(codegen::ActQuant kind, const uint16_t *bits, int64_t columns, float staticScale) {
  using codegen::ActQuant;
  std::vector<float> values;
  for (int64_t i = 0; i < columns; ++i)
    values.push_back(quant::bf16ToFloat(bits[i]));
  QuantizedRow row;
  row.codes.resize(values.size());
  row.scales.resize(isStatic(kind) ? 0 : kind == ActQuant::E4M3Group128 ? size_t(columns + 127) / 128 : 1);
  std::span<int8_t> integers(reinterpret_cast<int8_t *>(row.codes.data()), row.codes.size());
  switch (kind) {
  case ActQuant::None:
    break;
  case ActQuant::E4M3Token:
    quant::quantizeE4M3PerRow(values, 1, columns, row.codes, row.scales);
    break;
  case ActQuant::E4M3Group128:
    quant::quantizeE4M3PerGroup(values, 1, columns, 128, row.codes, row.scales);
    break;
  case ActQuant::E4M3Static:
    quant::quantizeE4M3Static(values, staticScale, row.codes);
    break;
  case ActQuant::S8Token:
    quant::quantizeInt8PerRow(values, 1, columns, integers, row.scales);
    break;
  case ActQuant::S8Static:
    quant::quantizeInt8Static(values, staticScale, integers);
    break;
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
