//===- RopeAppendTest.cpp - Rotation and append to the paged cache --------===//

#include "HostData.h"
#include "Launcher.h"

#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::codegen;
using namespace qcc::test;

namespace {

struct Shape {
  const char *name; ///< why this shape
  int64_t heads, kvHeads, headDim;
  ElemType kv;
  bool qkNorm;
};

void PrintTo(const Shape &shape, std::ostream *out) { *out << shape.name; }

constexpr int64_t kPages = 3, kTableRows = 50;
constexpr double kEps = 1e-6;

class RopeAppend : public testing::TestWithParam<Shape> {
protected:
  void SetUp() override {
    const Shape &p = GetParam();
    Random random(uint64_t(p.headDim));
    qColumns = p.heads * p.headDim, kvColumns = p.kvHeads * p.headDim;
    desc.heads = p.heads, desc.kvHeads = p.kvHeads, desc.headDim = p.headDim;
    desc.kv = p.kv;
    desc.qkNorm = p.qkNorm;
    desc.eps = kEps;
    // q and k in one row, v in a buffer of its own, as when its projection has another scheme.
    desc.qIn = {qColumns + kvColumns + 8, 0};
    desc.kIn = {qColumns + kvColumns + 8, qColumns};
    desc.vIn = {kvColumns + 16, 16};
    desc.qPitch = qColumns + 8;
    desc.tableRows = kTableRows;
    tokens = int64_t(positions.size());
    qk = random.bf16(size_t(tokens * desc.qIn.pitch), 2.0f);
    v = random.bf16(size_t(tokens * desc.vIn.pitch), 2.0f);
    qWeight = random.bf16(size_t(p.headDim));
    kWeight = random.bf16(size_t(p.headDim));
    for (int64_t row = 0; row < kTableRows; ++row)
      for (int64_t i = 0; i < p.headDim / 2; ++i) {
        double angle = double(row) * std::pow(10000.0, -2.0 * double(i) / double(p.headDim));
        table.push_back(float(std::cos(angle)));
        table.push_back(float(std::sin(angle)));
      }
    for (int64_t head = 0; head < p.kvHeads; ++head) {
      kScale.push_back(0.011f + 0.002f * float(head));
      vScale.push_back(0.017f + 0.001f * float(head));
    }
  }

  std::string launch(int target) {
    const Shape &p = GetParam();
    size_t cacheBytes = size_t(kPages * p.kvHeads * kPageSize * p.headDim) * sizeOf(p.kv);
    Launcher launcher(desc, target);
    launcher.size(Size::T, tokens);
    launcher.input("q_in", qk);
    launcher.input("k_in", qk);
    launcher.input("v_in", v);
    launcher.input("positions", positions);
    launcher.input("slots", slots);
    launcher.input("rope_table", table);
    if (p.qkNorm) {
      launcher.input("q_weight", qWeight);
      launcher.input("k_weight", kWeight);
    }
    launcher.output("q", size_t(tokens * desc.qPitch * 2));
    launcher.output("k_cache", cacheBytes);
    launcher.output("v_cache", cacheBytes);
    if (p.kv == ElemType::E4M3) {
      launcher.input("k_scale", kScale);
      launcher.input("v_scale", vScale);
    }
    std::string error = launcher.run();
    if (error.empty()) {
      q = launcher.read<uint16_t>("q");
      kCache = launcher.read<uint8_t>("k_cache");
      vCache = launcher.read<uint8_t>("v_cache");
    }
    return error;
  }

  /// One head after norm and rotation, each stage rounded to bf16; `slack` is what f32 may differ by before rounding.
  std::vector<double> rotated(const uint16_t *x, const std::vector<uint16_t> &weight, int64_t position) const {
    int64_t size = desc.headDim, half = size / 2;
    std::vector<double> n(size_t(size), 0.0), y(size_t(size), 0.0);
    double squares = 0;
    for (int64_t i = 0; i < size; ++i)
      squares += std::pow(double(quant::bf16ToFloat(x[i])), 2);
    for (int64_t i = 0; i < size; ++i) {
      n[size_t(i)] = quant::bf16ToFloat(x[i]);
      if (desc.qkNorm)
        n[size_t(i)] = quant::roundToBF16(
            float(n[size_t(i)] / std::sqrt(squares / double(size) + kEps) * quant::bf16ToFloat(weight[size_t(i)])));
    }
    for (int64_t i = 0; i < half; ++i) {
      double cosine = table[size_t((position * half + i) * 2)], sine = table[size_t((position * half + i) * 2 + 1)];
      y[size_t(i)] = n[size_t(i)] * cosine - n[size_t(i + half)] * sine;
      y[size_t(i + half)] = n[size_t(i + half)] * cosine + n[size_t(i)] * sine;
    }
    return y;
  }

  /// A rotation adds two products; each may carry one bf16 step of its own size from the norm's rounding boundary.
  void expectRotated(uint16_t actual, double expected) const {
    ASSERT_NEAR(quant::bf16ToFloat(actual), expected, std::fabs(expected) * 0x1p-8 + (desc.qkNorm ? 0x1p-5 : 0x1p-18));
  }

  double cached(const std::vector<uint8_t> &cache, const std::vector<float> &scales, size_t at, int64_t head) const {
    if (desc.kv == ElemType::E4M3)
      return double(quant::e4m3ToFloat(cache[at])) * scales[size_t(head)];
    return quant::bf16ToFloat(uint16_t(cache[2 * at] | (cache[2 * at + 1] << 8)));
  }

  RopeAppendDesc desc;
  int64_t tokens = 0, qColumns = 0, kvColumns = 0;
  // Slots on three pages; the fourth token is not to be appended, the fifth lies outside the table.
  std::vector<int32_t> positions = {0, 1, 49, 17, 50, 30}, slots = {5, 64, 191, -1, 7, 63};
  std::vector<uint16_t> qk, v, qWeight, kWeight, q;
  std::vector<float> table, kScale, vScale;
  std::vector<uint8_t> kCache, vCache;
};

TEST_P(RopeAppend, RotatesAndAppends) {
  const Shape &p = GetParam();
  for (int target : {80, 90}) {
    ASSERT_EQ(launch(target), "");
    std::vector<bool> written(size_t(kPages * p.kvHeads * kPageSize * p.headDim));
    for (int64_t t = 0; t < tokens; ++t) {
      bool skipped = positions[size_t(t)] >= kTableRows;
      for (int64_t head = 0; head < p.heads; ++head) {
        const uint16_t *actual = &q[size_t(t * desc.qPitch + head * p.headDim)];
        if (skipped) {
          ASSERT_EQ(actual[0], 0xeeee);
          continue;
        }
        std::vector<double> y = rotated(&qk[size_t(t * desc.qIn.pitch + head * p.headDim)], qWeight, positions[size_t(t)]);
        for (int64_t i = 0; i < p.headDim; ++i)
          ASSERT_NO_FATAL_FAILURE(expectRotated(actual[i], y[size_t(i)])) << "token " << t << " head " << head << " element " << i;
      }
      if (skipped || slots[size_t(t)] < 0)
        continue;
      for (int64_t head = 0; head < p.kvHeads; ++head) {
        const uint16_t *k = &qk[size_t(t * desc.kIn.pitch + desc.kIn.offset + head * p.headDim)];
        std::vector<double> y = rotated(k, kWeight, positions[size_t(t)]);
        for (int64_t i = 0; i < p.headDim; ++i) {
          int64_t slot = slots[size_t(t)];
          size_t at = size_t(((slot / kPageSize * p.kvHeads + head) * kPageSize + slot % kPageSize) * p.headDim + i);
          written[at] = true;
          uint16_t value = v[size_t(t * desc.vIn.pitch + desc.vIn.offset + head * p.headDim + i)];
          if (p.kv == ElemType::E4M3) {
            // v passes unrotated: its code is known exactly. k may lie beside a rounding boundary: half a code's step more.
            ASSERT_EQ(vCache[at], quant::floatToE4M3(quant::bf16ToFloat(value) / vScale[size_t(head)]));
            double expected = std::clamp(y[size_t(i)] / kScale[size_t(head)], -448.0, 448.0) * kScale[size_t(head)];
            ASSERT_NEAR(cached(kCache, kScale, at, head), expected, std::fabs(expected) * 0x1p-4 * 1.2 + 0x1p-5);
          } else {
            ASSERT_EQ(cached(vCache, vScale, at, head), quant::bf16ToFloat(value));
            ASSERT_NEAR(cached(kCache, kScale, at, head), y[size_t(i)], std::fabs(y[size_t(i)]) * 0x1p-8 + (p.qkNorm ? 0x1p-5 : 0x1p-18));
          }
        }
      }
    }
    for (size_t at = 0; at < written.size(); ++at)
      if (!written[at])
        for (unsigned byte = 0; byte < sizeOf(p.kv); ++byte) {
          ASSERT_EQ(kCache[at * sizeOf(p.kv) + byte], 0xee) << "k row that no token owns, element " << at;
          ASSERT_EQ(vCache[at * sizeOf(p.kv) + byte], 0xee) << "v row that no token owns, element " << at;
        }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RopeAppend,
                         testing::Values(Shape{"Grouped", 4, 2, 64, ElemType::BF16, false},
                                         Shape{"Dim16OneLane", 3, 1, 16, ElemType::BF16, false},
                                         Shape{"Dim80IdleLanes", 5, 5, 80, ElemType::BF16, true},
                                         Shape{"Dim256", 2, 1, 256, ElemType::BF16, false},
                                         Shape{"NormOfQwen3", 8, 4, 128, ElemType::BF16, true},
                                         Shape{"ManyHeadsSeveralRounds", 40, 8, 128, ElemType::BF16, false},
                                         Shape{"Fp8", 4, 2, 64, ElemType::E4M3, false},
                                         Shape{"Fp8Norm", 4, 2, 128, ElemType::E4M3, true}),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
