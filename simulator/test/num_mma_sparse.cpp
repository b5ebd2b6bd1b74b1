//===- num_mma_sparse.cpp - arithmetic of sparse products -----------------===//
//
// A row of a sparse product is, bit for bit, that row of the dense product of the stored values with the rows of B that
// the metadata names. Fragments of A and of D are those of the dense instruction, so only B is arranged here.
//
//===----------------------------------------------------------------------===//

#include "../src/num/Convert.h"
#include "../src/num/TensorCore.h"
#include "MmaLayout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace qccsim;
using namespace qccsim::test;

namespace {

struct Shape {
  MmaType type;
  int k, bits;
};

constexpr int pairs[6][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};

/// Finite, of any size.
uint32_t randomEncoding(std::mt19937 &random, MmaType type) {
  for (;;) {
    uint32_t bits = random() & (type == MmaType::BF16 ? 0xFFFF : 0xFF);
    float value = type == MmaType::BF16 ? bf16ToF32(uint16_t(bits)) : e4m3ToF32(uint8_t(bits));
    if (type == MmaType::S8 || (std::isfinite(value) && std::fabs(value) < 0x1p60f))
      return bits;
  }
}

} // namespace

TEST(NumMmaSparse, EveryRowIsADenseProductOfTheStoredValues) {
  std::mt19937 random(11);
  for (Shape shape : {Shape{MmaType::BF16, 32, 16}, Shape{MmaType::E4M3, 64, 8}, Shape{MmaType::S8, 64, 8}})
    for (MmaModel model : {MmaModel::Sm80, MmaModel::Sm89, MmaModel::Sm90, MmaModel::Fast})
      for (int round = 0; round < 20; ++round) {
        int perRegister = 32 / shape.bits, stored = shape.k / 2;
        MmaDesc sparse, dense;
        sparse.a = sparse.b = dense.a = dense.b = shape.type;
        sparse.c = dense.c = shape.type == MmaType::S8 ? MmaAccumulator::S32 : MmaAccumulator::F32;
        sparse.k = shape.k;
        sparse.sparse = true;
        dense.k = stored;
        ASSERT_EQ(mmaUnsupported(sparse), nullptr);
        ASSERT_EQ(mmaUnsupported(dense), nullptr);

        uint32_t b[64][8];
        int columnOf[16][32];
        for (auto &row : b)
          for (uint32_t &bits : row)
            bits = randomEncoding(random, shape.type);
        uint32_t fa[4][32], fc[4][32], metadata[32] = {};
        for (int lane = 0; lane < 32; ++lane)
          for (int i = 0; i < 4; ++i) {
            fa[i][lane] = 0;
            for (int j = 0; j < perRegister; ++j)
              fa[i][lane] |= randomEncoding(random, shape.type) << (j * shape.bits);
            fc[i][lane] = shape.type == MmaType::S8 ? random() : bitsOf(float(random() % 1000) / 7);
          }
        for (int row = 0; row < 16; ++row)
          for (int four = 0; four < shape.k / 4; ++four) {
            const int *pair = pairs[random() % 6];
            for (int i = 0; i < 2; ++i)
              columnOf[row][2 * four + i] = 4 * four + pair[i];
            // bf16: chunks of 16 columns, rows in halves of a word; 8 bits: 32 columns of one row.
            int lane = row % 8 * 4 + (shape.bits == 16 ? four / 4 : four / 8 * 2 + row / 8);
            int bit = shape.bits == 16 ? row / 8 * 16 + four % 4 * 4 : four % 8 * 4;
            metadata[lane] |= uint32_t(pair[0] | pair[1] << 2) << bit;
          }

        const uint32_t *pa[] = {fa[0], fa[1], fa[2], fa[3]}, *pc[] = {fc[0], fc[1], fc[2], fc[3]};
        auto run = [&](const MmaDesc &desc, auto valueOfB, uint32_t(&fd)[4][32]) {
          uint32_t fb[4][32] = {};
          for (int lane = 0; lane < 32; ++lane)
            for (int i = 0; i < mmaRegisters(desc).b * perRegister; ++i) {
              int k = lane % 4 * perRegister + i % perRegister + i / perRegister * 4 * perRegister;
              fb[i / perRegister][lane] |= valueOfB(k, lane / 4) << (i % perRegister * shape.bits);
            }
          const uint32_t *pb[] = {fb[0], fb[1], fb[2], fb[3]};
          uint32_t *pd[] = {fd[0], fd[1], fd[2], fd[3]};
          mmaSync(desc, model, pa, pb, pc, pd, desc.sparse ? metadata : nullptr);
        };
        uint32_t actual[4][32], expected[4][32];
        run(
            sparse, [&](int k, int column) { return b[k][column]; }, actual);
        for (int row = 0; row < 16; ++row) {
          run(
              dense, [&](int i, int column) { return b[columnOf[row][i]][column]; }, expected);
          for (int lane = 0; lane < 32; ++lane)
            for (int i = 0; i < 4; ++i)
              if (positionC(lane, i).row == row) {
                ASSERT_EQ(actual[i][lane], expected[i][lane])
                    << "row " << row << " bits " << shape.bits << " model " << int(model);
              }
        }
      }
}
