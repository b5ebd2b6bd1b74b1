//===- TensorCore.cpp - shapes, dispatch, matrix layouts ------------------===//

#include "TensorCore.h"

#include "MmaKernels.h"

#include <algorithm>
#include <cstring>

namespace qccsim {
namespace {

int bitsPerElement(MmaType type) {
  switch (type) {
  case MmaType::F16:
  case MmaType::BF16:
    return 16;
  case MmaType::TF32:
    return 32;
  case MmaType::E4M3:
  case MmaType::E5M2:
  case MmaType::S8:
  case MmaType::U8:
    return 8;
  }
  __builtin_unreachable();
}

bool isFp8(MmaType type) { return type == MmaType::E4M3 || type == MmaType::E5M2; }

bool isInteger(MmaType type) { return type == MmaType::S8 || type == MmaType::U8; }

/// Tiles of 8 rows x 16 bytes along K of B, and of A: a register of 32 lanes holds exactly one.
int tilesAlongK(const MmaDesc &desc) { return desc.k * bitsPerElement(desc.a) / 128; }
int storedTiles(const MmaDesc &desc) { return mmaStored(desc) * bitsPerElement(desc.a) / 128; }

/// Products per summation step and fractional bits kept (MMA-Sim, tables of section 4): the
/// datapath is 16 bytes wide on sm_80 and sm_89, 32 on sm_90.
MmaArithmetic arithmeticOf(const MmaDesc &desc, MmaModel model) {
  MmaArithmetic result;
  int bytes = model == MmaModel::Sm90 ? 32 : 16;
  int step = bytes * 8 / bitsPerElement(desc.a);
  result.step = std::min(step, mmaStored(desc));
  result.fractionBits = model == MmaModel::Sm90 ? 25 : 24;
  if (model == MmaModel::Sm89 && isFp8(desc.a)) {
    result.fractionBits = 13;
    result.resultMask = ~uint32_t(0) << (23 - 13);
  }
  return result;
}

/// Values a sparsity selector may have: the metadata of a quad's rows fill one, two or all four of its lanes.
int selectors(const MmaDesc &desc) {
  int words = 16 * mmaStored(desc) * 2 / 32 / 8; // of a quad
  return 4 / words;
}

/// Column within its four of stored value i of a row. The lanes of quad g hold rows g and g + 8. With elements of 16
/// bits a word is one chunk of 16 columns of both rows, row g in its lower half; with elements of 8 bits it is 32
/// columns of one row, and the rows take turns.
int metadataAt(const MmaDesc &desc, const uint32_t *metadata, int row, int i) {
  int words = 4 / selectors(desc), quad = row % 8, half = row / 8;
  int lane = 4 * quad + desc.selector * words, bit;
  if (bitsPerElement(desc.a) == 16) {
    lane += i / 8;
    bit = half * 16 + i % 8 * 2;
  } else {
    lane += i / 16 * 2 + half;
    bit = i % 16 * 2;
  }
  return int(metadata[lane] >> bit & 3);
}

} // namespace

const char *mmaUnsupported(const MmaDesc &desc) {
  if (desc.m != 16 || desc.n != 8)
    return "only shapes m16n8k* of mma.sync are implemented";
  bool sameFamily = desc.a == desc.b || (isFp8(desc.a) && isFp8(desc.b)) || (isInteger(desc.a) && isInteger(desc.b));
  if (!sameFamily)
    return "mma.sync with these two element types does not exist";
  int tiles = storedTiles(desc);
  bool whole = mmaStored(desc) * bitsPerElement(desc.a) % 128 == 0;
  if (!whole || (tiles != 1 && tiles != 2) || (desc.sparse && isFp8(desc.a) && tiles != 2))
    return "mma.sync with this K does not exist for the element type";
  if (desc.sparse && desc.a == MmaType::TF32)
    return "mma.sp of tf32, which keeps one of two columns, is not implemented";
  if (desc.sparse && (desc.selector < 0 || desc.selector >= selectors(desc)))
    return "this sparsity selector names lanes that hold no metadata of this shape";
  if (isInteger(desc.a))
    return desc.c == MmaAccumulator::S32 ? nullptr : "integer mma.sync accumulates in s32 only";
  if (desc.c == MmaAccumulator::S32)
    return "floating point mma.sync does not accumulate in s32";
  if (desc.satFinite)
    return "floating point mma.sync has no .satfinite";
  if (desc.c == MmaAccumulator::F16 && (desc.a == MmaType::BF16 || desc.a == MmaType::TF32))
    return "mma.sync of bf16 or tf32 accumulates in f32 only";
  return nullptr;
}

MmaRegisters mmaRegisters(const MmaDesc &desc) {
  return {2 * storedTiles(desc), tilesAlongK(desc), desc.c == MmaAccumulator::F16 ? 2 : 4};
}

void mmaSync(const MmaDesc &desc, MmaModel model, const uint32_t *const *a, const uint32_t *const *b,
             const uint32_t *const *c, uint32_t *const *d, const uint32_t *metadata) {
  MmaSelection selection;
  if (desc.sparse)
    mmaSelect(desc, metadata, selection);
  const MmaSelection *selected = desc.sparse ? &selection : nullptr;
  if (isInteger(desc.a))
    mmaInteger(desc, a, b, c, d, selected);
  else if (model == MmaModel::Fast)
    mmaFast(desc, a, b, c, d, selected);
  else
    mmaExact(desc, arithmeticOf(desc, model), a, b, c, d, selected);
}

void mmaSelect(const MmaDesc &desc, const uint32_t *metadata, MmaSelection &selection) {
  for (int row = 0; row < mmaRows; ++row)
    for (int i = 0; i < mmaStored(desc); ++i)
      selection.row[row][i] = uint8_t(i / 2 * 4 + metadataAt(desc, metadata, row, i));
}

const char *mmaMetadataInvalid(const MmaDesc &desc, const uint32_t *metadata, bool ordered) {
  for (int row = 0; row < mmaRows; ++row)
    for (int i = 0; i < mmaStored(desc); i += 2) {
      int first = metadataAt(desc, metadata, row, i), second = metadataAt(desc, metadata, row, i + 1);
      if (first == second)
        return "the metadata names one column of four twice";
      if (ordered && first > second)
        return "the metadata of mma.sp::ordered_metadata does not rise within four columns";
    }
  return nullptr;
}

void ldmatrixDistribute(const uint16_t (*rows)[8], bool transposed, uint32_t *reg) {
  if (!transposed) {
    std::memcpy(reg, rows, 8 * 8 * 2); // lane order is row-major order of element pairs
    return;
  }
  for (int lane = 0; lane < 32; ++lane) {
    int column = lane / 4, row = 2 * (lane % 4);
    reg[lane] = uint32_t(rows[row + 1][column]) << 16 | rows[row][column];
  }
}

void stmatrixCollect(const uint32_t *reg, bool transposed, uint16_t (*rows)[8]) {
  if (!transposed) {
    std::memcpy(rows, reg, 8 * 8 * 2);
    return;
  }
  for (int lane = 0; lane < 32; ++lane) {
    int column = lane / 4, row = 2 * (lane % 4);
    rows[row][column] = uint16_t(reg[lane]);
    rows[row + 1][column] = uint16_t(reg[lane] >> 16);
  }
}

} // namespace qccsim
