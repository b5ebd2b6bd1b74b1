//===- RopeAppendCases.cpp - Rotation and append to the paged cache -------===//

#include "KernelCase.h"
#include "QuantizedRows.h"

namespace qcc::bench {
namespace {

using namespace codegen;

constexpr int64_t kPages = 3, kTableRows = 50;
constexpr double kEps = 1e-6;

struct Shape {
  const char *name, *reason;
  int64_t heads, kvHeads, headDim;
  ElemType kv;
  bool qkNorm;
};

struct Problem {
  RopeAppendDesc desc;
  // Slots on three pages; the fourth token is not to be appended, the fifth lies outside the table.
  std::vector<int32_t> positions = {0, 1, 49, 17, 50, 30}, slots = {5, 64, 191, -1, 7, 63};
  std::vector<uint16_t> qk, v, qWeight, kWeight;
  std::vector<float> table, kScale, vScale;

  explicit Problem(const Shape &shape) {
    int64_t qColumns = shape.heads * shape.headDim, kvColumns = shape.kvHeads * shape.headDim;
    desc.heads = shape.heads, desc.kvHeads = shape.kvHeads, desc.headDim = shape.headDim;
    desc.kv = shape.kv;
    desc.qkNorm = shape.qkNorm;
    desc.eps = kEps;
    // q and k in one row, v in a buffer of its own, as when its projection has another scheme.
    desc.qIn = {qColumns + kvColumns + 8, 0};
    desc.kIn = {qColumns + kvColumns + 8, qColumns};
    desc.vIn = {kvColumns + 16, 16};
    desc.qPitch = qColumns + 8;
    desc.tableRows = kTableRows;
    Random random{uint64_t(shape.headDim)};
    qk = random.bf16(size_t(tokens() * desc.qIn.pitch), 2.0f);
    v = random.bf16(size_t(tokens() * desc.vIn.pitch), 2.0f);
    qWeight = random.bf16(size_t(shape.headDim));
    kWeight = random.bf16(size_t(shape.headDim));
    for (int64_t row = 0; row < kTableRows; ++row)
      for (int64_t i = 0; i < shape.headDim / 2; ++i) {
        double angle = double(row) * std::pow(10000.0, -2.0 * double(i) / double(shape.headDim));
        table.push_back(float(std::cos(angle)));
        table.push_back(float(std::sin(angle)));
      }
    for (int64_t head = 0; head < shape.kvHeads; ++head) {
      kScale.push_back(0.011f + 0.002f * float(head));
      vScale.push_back(0.017f + 0.001f * float(head));
    }
  }

  int64_t tokens() const { return int64_t(positions.size()); }
  size_t cacheBytes() const { return size_t(kPages * desc.kvHeads * pageHeadBytes(desc.headDim, desc.kv)); }
  size_t headByte(int64_t slot, int64_t head) const {
    return size_t((slot / kPageSize * desc.kvHeads + head) * pageHeadBytes(desc.headDim, desc.kv));
  }
  size_t rowByte(int64_t slot, int64_t head) const {
    return headByte(slot, head) + size_t(slot % kPageSize * desc.headDim * sizeOf(desc.kv));
  }
  size_t scaleByte(int64_t slot, int64_t head) const {
    return headByte(slot, head) + size_t(kPageSize * desc.headDim + slot % kPageSize * 4);
  }
  size_t cacheElements() const { return size_t(kPages * desc.kvHeads * kPageSize * desc.headDim); }
  size_t cacheIndex(int64_t slot, int64_t head) const {
    return size_t(((slot / kPageSize * desc.kvHeads + head) * kPageSize + slot % kPageSize) * desc.headDim);
  }
};

/// One head after norm and rotation, and what its elements may be off by before the last rounding: where f32 and double
/// put a normalized element on two sides of a bf16 boundary, one of its steps.
struct Rotated {
  std::vector<double> value, slack;
};

Rotated rotate(const Problem &p, const uint16_t *x, const std::vector<uint16_t> &weight, int64_t position) {
  int64_t size = p.desc.headDim, half = size / 2;
  std::vector<double> n, step;
  double squares = 0;
  for (int64_t i = 0; i < size; ++i)
    squares += std::pow(double(quant::bf16ToFloat(x[i])), 2);
  for (int64_t i = 0; i < size; ++i) {
    double value = quant::bf16ToFloat(x[i]);
    step.push_back(0);
    if (p.desc.qkNorm) {
      value *= quant::bf16ToFloat(weight[size_t(i)]) / std::sqrt(squares / double(size) + kEps);
      if (nearBoundary(value))
        step.back() = bf16Step(value);
      value = quant::roundToBF16(float(value));
    }
    n.push_back(value);
  }
  Rotated rotated{std::vector<double>(size_t(size)), std::vector<double>(size_t(size))};
  for (int64_t i = 0; i < half; ++i) {
    double cosine = p.table[size_t((position * half + i) * 2)], sine = p.table[size_t((position * half + i) * 2 + 1)];
    size_t low = size_t(i), high = size_t(i + half);
    rotated.value[low] = n[low] * cosine - n[high] * sine;
    rotated.value[high] = n[high] * cosine + n[low] * sine;
    // f32 rounds both products and their sum.
    double rounding = 0x1p-22 * (std::fabs(n[low]) + std::fabs(n[high]));
    rotated.slack[low] = rotated.slack[high] = step[low] + step[high] + rounding;
  }
  return rotated;
}

double stepE4M3(double value) { return std::exp2(std::floor(std::log2(std::max(std::fabs(value), 0x1p-6))) - 3); }

/// A cached element that is bf16(expected ± slack), and in e4m3 then divided by its head's scale and rounded once more.
void compareCached(const Problem &p, const std::vector<uint8_t> &cache, size_t at, float scale, double expected,
                   double slack, const char *what, int64_t token, int64_t column, Comparison &compare) {
  if (p.desc.kv == ElemType::BF16) {
    double actual = quant::bf16ToFloat(uint16_t(cache[2 * at] | (cache[2 * at + 1] << 8)));
    compare.near(actual, expected, slack + 0.501 * bf16Step(expected), what, token, column);
    return;
  }
  double units = expected / scale, beforeLast = (slack + 0.501 * bf16Step(expected)) / scale;
  double clamped = std::clamp(units, -448.0, 448.0);
  compare.near(quant::e4m3ToFloat(cache[at]), clamped, beforeLast + 0.501 * stepE4M3(std::fabs(clamped) + beforeLast),
               what, token, column);
}

struct Output {
  std::vector<uint16_t> q;
  std::vector<uint8_t> kCache, vCache;
};

Output launch(Device &device, const Problem &p, int target, Comparison &compare) {
  const RopeAppendDesc &desc = p.desc;
  Launcher launcher(device, desc, target);
  launcher.size(Size::T, p.tokens());
  launcher.input("q_in", p.qk);
  launcher.input("k_in", p.qk);
  launcher.input("v_in", p.v);
  launcher.input("positions", p.positions);
  launcher.input("slots", p.slots);
  launcher.input("rope_table", p.table);
  launcher.input("q_weight", p.qWeight);
  launcher.input("k_weight", p.kWeight);
  launcher.input("k_scale", p.kScale);
  launcher.input("v_scale", p.vScale);
  launcher.output("q", size_t(p.tokens() * desc.qPitch * 2));
  launcher.output("k_cache", p.cacheBytes());
  launcher.output("v_cache", p.cacheBytes());
  if (std::string error = launcher.run(); !error.empty()) {
    compare.error(error);
    return {};
  }
  return {launcher.read<uint16_t>("q"), launcher.read<uint8_t>("k_cache"), launcher.read<uint8_t>("v_cache")};
}

/// An s8 cache holds the codes of what the same kernel writes into a bf16 cache, and their scales; nothing else of it
/// is touched.
CaseResult checkInt8(Device &device, const Shape &shape, int target) {
  Problem p(shape), twin(shape);
  twin.desc.kv = ElemType::BF16;
  // A value that is not finite must show in the scale.
  p.v[size_t(p.desc.vIn.offset)] = twin.v[size_t(p.desc.vIn.offset)] = 0x7f80;
  p.v[size_t(p.desc.vIn.pitch + p.desc.vIn.offset)] = twin.v[size_t(p.desc.vIn.pitch + p.desc.vIn.offset)] = 0x7fc0;
  for (int64_t i = 0; i < shape.headDim; ++i) // a row of zeros has the scale 1
    p.v[size_t(2 * p.desc.vIn.pitch + p.desc.vIn.offset + i)] =
        twin.v[size_t(2 * p.desc.vIn.pitch + p.desc.vIn.offset + i)] = 0;
  Comparison compare;
  Output plain = launch(device, twin, target, compare), actual = launch(device, p, target, compare);
  if (compare.failed())
    return compare.result();
  for (size_t i = 0; i < plain.q.size(); ++i)
    compare.equal(actual.q[i], plain.q[i], "q", 0, int64_t(i));

  std::vector<uint8_t> kExpected(p.cacheBytes(), 0xee), vExpected = kExpected;
  for (int64_t t = 0; t < p.tokens(); ++t) {
    int64_t slot = p.slots[size_t(t)];
    if (slot < 0 || p.positions[size_t(t)] >= kTableRows)
      continue;
    for (int64_t head = 0; head < shape.kvHeads; ++head)
      for (bool isValue : {false, true}) {
        std::vector<uint16_t> bits(size_t(shape.headDim));
        std::memcpy(bits.data(), &(isValue ? plain.vCache : plain.kCache)[twin.rowByte(slot, head)], bits.size() * 2);
        QuantizedRow row = quantizeRow(ActQuant::S8Token, bits.data(), shape.headDim, 0);
        std::vector<uint8_t> &expected = isValue ? vExpected : kExpected;
        std::copy(row.codes.begin(), row.codes.end(), expected.begin() + long(p.rowByte(slot, head)));
        float scale = row.scales[0], stored;
        size_t at = p.scaleByte(slot, head);
        std::memcpy(&stored, &(isValue ? actual.vCache : actual.kCache)[at], 4);
        compare.same(stored, scale, isValue ? "scale of v" : "scale of k", t, head);
        std::memcpy(&expected[at], &stored, 4);
      }
  }
  for (size_t byte = 0; byte < p.cacheBytes(); ++byte) {
    compare.equal(actual.kCache[byte], kExpected[byte], "byte of k_cache", 0, int64_t(byte));
    compare.equal(actual.vCache[byte], vExpected[byte], "byte of v_cache", 0, int64_t(byte));
  }
  return compare.result();
}

CaseResult checkRopeAppend(Device &device, const Shape &shape, int target) {
  Problem p(shape);
  const RopeAppendDesc &desc = p.desc;
  Comparison compare;
  auto [q, kCache, vCache] = launch(device, p, target, compare);
  if (compare.failed())
    return compare.result();

  std::vector<bool> written(p.cacheElements());
  for (int64_t t = 0; t < p.tokens(); ++t) {
    int64_t position = p.positions[size_t(t)], slot = p.slots[size_t(t)];
    bool skipped = position >= kTableRows;
    for (int64_t head = 0; head < desc.heads; ++head) {
      const uint16_t *actual = &q[size_t(t * desc.qPitch + head * desc.headDim)];
      Rotated y = rotate(p, &p.qk[size_t(t * desc.qIn.pitch + head * desc.headDim)], p.qWeight, skipped ? 0 : position);
      for (int64_t i = 0; i < desc.headDim; ++i) {
        if (skipped)
          compare.equal(actual[i], 0xeeee, "q of a token outside the table", t, head * desc.headDim + i);
        else
          compare.near(quant::bf16ToFloat(actual[i]), y.value[size_t(i)],
                       y.slack[size_t(i)] + 0.501 * bf16Step(y.value[size_t(i)]), "q", t, head * desc.headDim + i);
      }
    }
    if (skipped || slot < 0)
      continue;
    for (int64_t head = 0; head < desc.kvHeads; ++head) {
      Rotated k =
          rotate(p, &p.qk[size_t(t * desc.kIn.pitch + desc.kIn.offset + head * desc.headDim)], p.kWeight, position);
      for (int64_t i = 0; i < desc.headDim; ++i) {
        size_t at = p.cacheIndex(slot, head) + size_t(i);
        written[at] = true;
        compareCached(p, kCache, at, p.kScale[size_t(head)], k.value[size_t(i)], k.slack[size_t(i)], "k_cache", t,
                      head * desc.headDim + i, compare);
        // v passes unrotated: what the cache holds of it is known to the bit.
        uint16_t value = p.v[size_t(t * desc.vIn.pitch + desc.vIn.offset + head * desc.headDim + i)];
        if (desc.kv == ElemType::E4M3)
          compare.equal(vCache[at], quant::floatToE4M3(quant::bf16ToFloat(value) / p.vScale[size_t(head)]),
                        "v_cache code", t, head * desc.headDim + i);
        else
          compare.equal(vCache[2 * at] | (vCache[2 * at + 1] << 8), value, "v_cache bits", t, head * desc.headDim + i);
      }
    }
  }
  for (size_t byte = 0; byte < kCache.size(); ++byte)
    if (!written[byte / sizeOf(desc.kv)]) {
      compare.equal(kCache[byte], 0xee, "k row that no token owns, byte", 0, int64_t(byte));
      compare.equal(vCache[byte], 0xee, "v row that no token owns, byte", 0, int64_t(byte));
    }
  return compare.result();
}

const Shape kShapes[] = {
    {"grouped", "two query heads per K/V head", 4, 2, 64, ElemType::BF16, false},
    {"dim16", "one lane per head", 3, 1, 16, ElemType::BF16, false},
    {"dim80_norm", "five lanes of eight are active, also in the norm's sum", 5, 5, 80, ElemType::BF16, true},
    {"dim256", "sixteen lanes per head", 2, 1, 256, ElemType::BF16, false},
    {"qwen3", "per-head norm of a real shape", 8, 4, 128, ElemType::BF16, true},
    {"many_heads", "several rounds over the heads", 80, 16, 128, ElemType::BF16, false},
    {"int8", "a scale per row and head", 4, 2, 64, ElemType::S8, false},
    {"int8_dim16", "one lane finds the scale", 3, 1, 16, ElemType::S8, false},
    {"int8_dim80_norm", "five lanes of eight find the scale", 5, 5, 80, ElemType::S8, true},
    {"int8_dim256", "sixteen lanes find the scale", 2, 1, 256, ElemType::S8, false},
    {"int8_many_heads", "several rounds over the heads", 80, 16, 128, ElemType::S8, true},
    {"fp8", "quantized cache", 4, 2, 64, ElemType::E4M3, false},
    {"fp8_norm", "norm, rotation and quantization", 4, 2, 128, ElemType::E4M3, true},
};

} // namespace

std::vector<KernelCase> ropeAppendCases() {
  std::vector<KernelCase> cases;
  for (const Shape &shape : kShapes)
    cases.push_back({std::string("rope_append_") + shape.name, shape.reason, [shape](Device &device, int target) {
                       return shape.kv == ElemType::S8 ? checkInt8(device, shape, target)
                                                       : checkRopeAppend(device, shape, target);
                     }});
  return cases;
}

} // namespace qcc::bench
