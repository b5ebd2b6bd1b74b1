//===- GemmWeights.cpp ----------------------------------------------------===//

#include "GemmWeights.h"

#include "FastRandom.h"
#include "GemmPacking.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Quant/Layout.h"
#include "qcc/Support/Parallel.h"

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

/// Rows drawn and packed at a time, whole row tiles with their padding.
constexpr int64_t kRowsAtOnce = 4 * kWeightRowPad;

bool hasFourBitCodes(WeightFormat format) {
  return format == WeightFormat::S4 || format == WeightFormat::S4Zero || format == WeightFormat::S4E4M3;
}

bool isInteger(WeightFormat format) { return infoOf(format).mayHaveGroups || infoOf(format).x == ElemType::S8; }

size_t bytesPerWeight(WeightFormat format) {
  return isInteger(format) || infoOf(format).x == ElemType::E4M3 ? 1 : sizeof(uint16_t);
}

/// Clears two of each aligned four columns.
void prune(std::span<uint8_t> row, size_t width, FastRandom &random) {
  static constexpr uint8_t kCleared[6] = {0b0011, 0b0101, 0b0110, 0b1001, 0b1010, 0b1100};
  for (size_t column = 0; column < row.size() / width; column += 4) {
    uint8_t cleared = kCleared[random.below(6)];
    for (size_t i = 0; i < 4 && column + i < row.size() / width; ++i)
      if (cleared >> i & 1)
        std::memset(&row[(column + i) * width], 0, width);
  }
}

} // namespace

int64_t GemmWeights::groupColumns() const {
  return infoOf(format).isBlockScaled ? kScaleBlock : group != 0 ? group : k;
}

size_t GemmWeights::scaleAt(int64_t row, int64_t column) const {
  int64_t scaleRow = infoOf(format).isBlockScaled ? row / kScaleBlock : row;
  return size_t(scaleRow * groups() + column / groupColumns());
}

double GemmWeights::at(int64_t row, int64_t column) const {
  size_t index = size_t(row * k + column);
  double value = isInteger(format)                    ? int8_t(stored[index])
                 : infoOf(format).x == ElemType::E4M3 ? e4m3ToFloat(stored[index])
                                                      : bf16ToFloat(element<uint16_t>(stored, index));
  if (scales.empty())
    return value;
  return (value - (zeros.empty() ? 0 : zeros[scaleAt(row, column)])) * scales[scaleAt(row, column)];
}

void GemmWeights::draw() {
  size_t width = bytesPerWeight(format), rowBytes = size_t(k) * width;
  stored.resize(size_t(n) * rowBytes);
  parallelFor(0, n, kRowsAtOnce, defaultThreads(), [&](int64_t begin, int64_t end) {
    FastRandom random(uint64_t(n * 31 + k) ^ uint64_t(begin + 1) * 0x9e3779b97f4a7c15);
    std::span<uint8_t> rows(stored.data() + size_t(begin) * rowBytes, size_t(end - begin) * rowBytes);
    if (hasFourBitCodes(format))
      random.fillS4(rows);
    else if (isInteger(format))
      random.fillS8(rows);
    else if (width == 1)
      random.fillE4M3(rows);
    else
      random.fillBF16(rows);
    if (infoOf(format).isSparse)
      for (int64_t row = begin; row < end; ++row)
        prune(rows.subspan(size_t(row - begin) * rowBytes, rowBytes), width, random);
  });
}

void GemmWeights::drawScales() {
  const WeightFormatInfo &info = infoOf(format);
  if (!info.hasWeightScale)
    return;
  FastRandom random(uint64_t(n * 37 + k));
  int64_t rows = info.isBlockScaled ? (n + kScaleBlock - 1) / kScaleBlock : n;
  double typical = hasFourBitCodes(format) ? 0.1 : 0.01;
  scales.resize(size_t(rows * groups()));
  for (float &scale : scales) {
    scale = float(typical * (0.5 + random.uniform()) * (random.below(2) ? 1 : -1));
    if (info.mayHaveGroups)
      scale = roundToBF16(scale);
  }
  if (info.mayHaveGroups) {
    std::vector<uint16_t> bits, packed(size_t(paddedRows(n) * groups()));
    for (float scale : scales)
      bits.push_back(floatToBF16(scale));
    packGroupScales(bits, n, groups(), packed);
    arguments["weight_scale"] = toBytes(packed);
  } else if (info.isBlockScaled) {
    arguments["weight_scale"] = toBytes(scales);
  } else {
    std::vector<float> packed(size_t(paddedRows(n)));
    packChannelScales(scales, packed);
    arguments["weight_scale"] = toBytes(packed);
  }
  if (info.hasZeros) {
    zeros.resize(scales.size());
    for (int8_t &zero : zeros)
      zero = int8_t(random.below(16) - 8);
    std::vector<uint16_t> packed(size_t(paddedRows(n) * groups()));
    packGroupZeros(zeros, n, groups(), packed);
    arguments["zeros"] = toBytes(packed);
  }
}

void GemmWeights::pack() {
  const WeightFormatInfo &info = infoOf(format);
  size_t rowBytes = size_t(k) * bytesPerWeight(format);
  // Bytes of 64 rows: both buffers are ordered by row tiles, so that rows packed apart are put one behind the other.
  size_t valueBytes = size_t(kWeightRowPad * paddedCols(k) * info.weightBits / 8);
  size_t indexBytes = info.isSparse ? size_t(metadataBytes(kWeightRowPad, k)) : 0;
  size_t units = size_t(paddedRows(n) / kWeightRowPad);
  Bytes &values = arguments["weights"] = Bytes(units * valueBytes), indices(units * indexBytes);
  parallelFor(0, n, kRowsAtOnce, defaultThreads(), [&](int64_t begin, int64_t end) {
    std::span<const uint8_t> rows(stored.data() + size_t(begin) * rowBytes, size_t(end - begin) * rowBytes);
    size_t unit = size_t(begin / kWeightRowPad);
    Bytes packed = packWeights(format, rows, end - begin, k);
    std::memcpy(values.data() + unit * valueBytes, packed.data(), packed.size());
    if (info.isSparse) {
      packed = packMetadata(format, rows, end - begin, k);
      std::memcpy(indices.data() + unit * indexBytes, packed.data(), packed.size());
    }
  });
  if (info.isSparse)
    arguments["metadata"] = std::move(indices);
}

std::shared_ptr<const GemmWeights> GemmWeights::random(const GemmDesc &desc) {
  static std::shared_ptr<const GemmWeights> last;
  if (last && last->format == desc.weights && last->n == desc.n && last->k == desc.k && last->group == desc.group)
    return last;
  last.reset();
  auto weights = std::make_shared<GemmWeights>();
  weights->format = desc.weights;
  weights->n = desc.n;
  weights->k = desc.k;
  weights->group = desc.group;
  weights->draw();
  weights->drawScales();
  weights->pack();
  return last = weights;
}

} // namespace qcc::bench
