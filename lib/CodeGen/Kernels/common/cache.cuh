//===- cache.cuh - How a page of the K/V cache is laid out ----------------===//
//
// A cache is [pages, KV_HEADS] heads; a head is 64 rows of D elements, row-major. In s8 the 64 rows' f32 scales follow,
// so that a page is one piece of memory whatever it holds.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

enum class CacheType { BF16, E4M3, S8 };

template <CacheType KV, int HEAD_DIM> struct CacheHead {
  static constexpr bool hasScales = KV == CacheType::S8;
  static constexpr int elementBytes = KV == CacheType::BF16 ? 2 : 1;
  static constexpr int rowBytes = HEAD_DIM * elementBytes;
  static constexpr int scalesOffset = kPageSize * rowBytes;
  static constexpr int bytes = scalesOffset + (hasScales ? kPageSize * 4 : 0);
};

} // namespace qcc
