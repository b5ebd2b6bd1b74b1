//===- row.cuh - Eight bf16 columns at a time -----------------------------===//
//
// Element-wise kernels hold rows as vectors of eight bf16 (16 bytes, the widest access). A row's
// last vector may be short: its missing elements read as +0 and are never touched in memory,
// whatever lies behind the row.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/e4m3.cuh"
#include "common/types.cuh"

namespace qcc {

inline constexpr int kVector = 8;

struct alignas(16) BF16x8 {
  u32 pair[4];
};

/// Elements first … first+7 of a row of COLUMNS; ALIGNED says that row + first is 16-byte aligned.
template <int COLUMNS, bool ALIGNED = true> __device__ inline BF16x8 loadRow(const u16 *row, int first) {
  if constexpr (ALIGNED && COLUMNS % kVector == 0) {
    return *reinterpret_cast<const BF16x8 *>(row + first);
  } else {
    if (ALIGNED && first + kVector <= COLUMNS)
      return *reinterpret_cast<const BF16x8 *>(row + first);
    BF16x8 vector;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      u32 low = first + 2 * i < COLUMNS ? row[first + 2 * i] : 0u;
      u32 high = first + 2 * i + 1 < COLUMNS ? row[first + 2 * i + 1] : 0u;
      vector.pair[i] = low | (high << 16);
    }
    return vector;
  }
}

template <int COLUMNS> __device__ inline void storeRow(u16 *row, int first, const BF16x8 &vector) {
  if constexpr (COLUMNS % kVector == 0) {
    *reinterpret_cast<BF16x8 *>(row + first) = vector;
  } else {
    if (first + kVector <= COLUMNS) {
      *reinterpret_cast<BF16x8 *>(row + first) = vector;
      return;
    }
#pragma unroll
    for (int i = 0; i < kVector; ++i)
      if (first + i < COLUMNS)
        row[first + i] = u16(vector.pair[i / 2] >> (16 * (i % 2)));
  }
}

__device__ inline void unpack(const BF16x8 &vector, float (&values)[kVector]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    values[2 * i] = bf16LowToFloat(vector.pair[i]);
    values[2 * i + 1] = bf16HighToFloat(vector.pair[i]);
  }
}

__device__ inline BF16x8 pack(const float (&values)[kVector]) {
  BF16x8 vector;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    vector.pair[i] = packBF16(values[2 * i], values[2 * i + 1]);
  return vector;
}

/// Eight bytes of a row of codes; missing ones of a short last vector are 0. ALIGNED: to eight bytes.
template <int COLUMNS, bool ALIGNED> __device__ inline uint2 loadCodes(const u8 *row, int first) {
  if (ALIGNED && first + kVector <= COLUMNS)
    return *reinterpret_cast<const uint2 *>(row + first);
  u32 words[2] = {0, 0};
#pragma unroll
  for (int i = 0; i < kVector; ++i)
    if (first + i < COLUMNS)
      words[i / 4] |= u32(row[first + i]) << (8 * (i % 4));
  return make_uint2(words[0], words[1]);
}

template <int COLUMNS> __device__ inline void storeCodes(u8 *row, int first, uint2 codes) {
  if constexpr (COLUMNS % kVector == 0) {
    *reinterpret_cast<uint2 *>(row + first) = codes;
  } else {
    if (first + kVector <= COLUMNS) {
      *reinterpret_cast<uint2 *>(row + first) = codes;
      return;
    }
#pragma unroll
    for (int i = 0; i < kVector; ++i)
      if (first + i < COLUMNS)
        row[first + i] = u8((i < 4 ? codes.x : codes.y) >> (8 * (i % 4)));
  }
}

/// Elements between the starts of two rows: rows start 16-byte aligned (KernelDesc.h, rowPitch).
template <int ELEMENT_BYTES> __device__ constexpr i64 rowPitch(i64 columns) {
  constexpr i64 unit = 16 / ELEMENT_BYTES;
  return (columns + unit - 1) / unit * unit;
}

} // namespace qcc
