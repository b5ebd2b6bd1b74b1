//===- rope_append.cuh - Rotate q and k, append k and v to the cache ------===//
//
// Formula    : optional n = bf16(x * weight / sqrt(mean(x^2) + eps)) per head of q and k; then for
//              d < D/2, in f32:
//                y[d]       = n[d] * cos[d] - n[d + D/2] * sin[d]
//                y[d + D/2] = n[d + D/2] * cos[d] + n[d] * sin[d]
//              rounded to bf16. Cache in e4m3: code = e4m3(bf16 value / scale[head]), saturating.
//              Cache in s8: codes and a scale of the head's D bf16 values (common/quantize.cuh).
// Arguments  : q_in, k_in, v_in, positions, slots, rope_table, [q_weight, k_weight], q, k_cache,
//              v_cache, [k_scale, v_scale]
// Layouts    : q_in, k_in, v_in: bf16 columns of wider rows (pitch and offset each)
//              positions, slots: i32 [rows] | rope_table: f32 [TABLE_ROWS, D/2, 2] (cos, sin)
//              q_weight, k_weight: bf16 [D] | q: bf16 [rows, HEADS * D], pitch Q_PITCH
//              k_scale, v_scale: f32 [KV_HEADS]
//              caches: [pages, KV_HEADS] heads of 64 rows of D elements, then, in s8, 64 f32
//              scales; slot = page * 64 + row of the page
// Grid       : one block per token
// Shared mem : none
// Warp roles : GROUP lanes (the power of two >= D/16) take one head: lane i holds elements 8i ...
//              8i+7 of both halves.
// Requires   : D % 16 == 0, D <= 256, pitches and offsets multiples of 8. A token whose slot is
//              negative is not appended; one whose position lies outside the table is skipped
//              altogether (the runtime refuses both before a launch).
// Tolerance  : one bf16 rounding per stage; codes and scales equal lib/Quant bit for bit on the same
//              bf16 values
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/cache.cuh"
#include "common/quantize.cuh"

namespace qcc {

struct RopeAppendArgs {
  const u16 *qIn, *kIn, *vIn;
  const int *positions, *slots;
  const float *table;
  const u16 *qWeight, *kWeight;
  u16 *q;
  void *kCache, *vCache;
  const float *kScale, *vScale;
};

/// Eight elements of each half of a head.
struct HeadPart {
  float low[kVector], high[kVector];
};

template <typename P> __device__ inline void normalizeHead(HeadPart &part, const u16 *weight, int chunk, bool active) {
  constexpr int half = P::HEAD_DIM / 2;
  float squares = 0;
#pragma unroll
  for (int i = 0; i < kVector; ++i)
    squares += part.low[i] * part.low[i] + part.high[i] * part.high[i];
  squares = reduceLanes<Sum, P::GROUP>(squares);
  float factor = __fdiv_rn(1.0f, __fsqrt_rn(__fdiv_rn(squares, float(P::HEAD_DIM)) + P::EPS));
  if (!active)
    return;
  float low[kVector], high[kVector];
  unpack(loadRow<half>(weight, chunk * kVector), low);
  unpack(loadRow<half>(weight + half, chunk * kVector), high);
#pragma unroll
  for (int i = 0; i < kVector; ++i) {
    part.low[i] = roundToBF16(part.low[i] * factor * low[i]);
    part.high[i] = roundToBF16(part.high[i] * factor * high[i]);
  }
}

template <typename P> __device__ inline void rotate(HeadPart &part, const float *table, int position, int chunk) {
  const float4 *entry =
      reinterpret_cast<const float4 *>(table + (i64(position) * (P::HEAD_DIM / 2) + chunk * kVector) * 2);
#pragma unroll
  for (int i = 0; i < kVector / 2; ++i) {
    float4 two = entry[i]; // (cos, sin) of two pairs
    float cosine[2] = {two.x, two.z}, sine[2] = {two.y, two.w};
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      float low = part.low[2 * i + j], high = part.high[2 * i + j];
      part.low[2 * i + j] = low * cosine[j] - high * sine[j];
      part.high[2 * i + j] = high * cosine[j] + low * sine[j];
    }
  }
}

/// `scale`: of e4m3 the head's, of s8 this row's own, which is stored as well.
template <typename P>
__device__ inline void appendHead(void *cache, float scale, int slot, int head, int chunk, const BF16x8 &low,
                                  const BF16x8 &high) {
  using Head = CacheHead<P::KV, P::HEAD_DIM>;
  constexpr int half = P::HEAD_DIM / 2;
  u8 *start = static_cast<u8 *>(cache) + (i64(slot / kPageSize) * P::KV_HEADS + head) * Head::bytes;
  int row = slot % kPageSize;
  u8 *to = start + row * Head::rowBytes + chunk * (kVector * Head::elementBytes);
  if constexpr (P::KV == CacheType::BF16) {
    *reinterpret_cast<BF16x8 *>(to) = low;
    *reinterpret_cast<BF16x8 *>(to + half * Head::elementBytes) = high;
  } else {
    using Q = Quantizer<P::KV == CacheType::S8 ? ActQuant::S8Token : ActQuant::E4M3Static>;
    *reinterpret_cast<uint2 *>(to) = Q::codes(low, scale);
    *reinterpret_cast<uint2 *>(to + half) = Q::codes(high, scale);
    if constexpr (Head::hasScales)
      if (chunk == 0)
        reinterpret_cast<float *>(start + Head::scalesOffset)[row] = scale;
  }
}

template <typename P> __device__ inline void ropeAppend(const RopeAppendArgs &args) {
  constexpr int half = P::HEAD_DIM / 2, chunks = half / kVector;
  constexpr int threads = P::WARPS * kWarpSize, heads = P::HEADS + 2 * P::KV_HEADS;
  i64 token = blockIdx.x;
  int position = args.positions[token], slot = args.slots[token];
  if (position < 0 || position >= P::TABLE_ROWS)
    return;

  int chunk = threadIdx.x % P::GROUP;
  // Every lane makes the same number of rounds: the reductions of a head need whole warps.
  for (int first = 0; first < heads; first += threads / P::GROUP) {
    int head = first + threadIdx.x / P::GROUP;
    bool active = head < heads && chunk < chunks;
    bool isQuery = head < P::HEADS, isValue = head >= P::HEADS + P::KV_HEADS;
    int local = isQuery ? head : isValue ? head - P::HEADS - P::KV_HEADS : head - P::HEADS;

    BF16x8 low{}, high{};
    if (active) {
      const u16 *source = isQuery   ? args.qIn + token * P::Q_IN_PITCH + P::Q_IN_OFFSET
                          : isValue ? args.vIn + token * P::V_IN_PITCH + P::V_IN_OFFSET
                                    : args.kIn + token * P::K_IN_PITCH + P::K_IN_OFFSET;
      source += local * P::HEAD_DIM;
      low = loadRow<half>(source, chunk * kVector);
      high = loadRow<half>(source + half, chunk * kVector);
    }
    HeadPart part;
    unpack(low, part.low);
    unpack(high, part.high);
    if constexpr (P::QK_NORM)
      normalizeHead<P>(part, isQuery ? args.qWeight : args.kWeight, chunk, active && !isValue);
    if (active && !isValue) {
      rotate<P>(part, args.table, position, chunk);
      low = pack(part.low);
      high = pack(part.high);
    }
    float scale = 1.0f;
    if constexpr (P::KV == CacheType::S8) {
      using Q = Quantizer<ActQuant::S8Token>;
      scale = Q::scale(reduceLanes<Q::Max, P::GROUP>(Q::magnitude(high, Q::magnitude(low, 0.0f))));
    }
    if (!active)
      continue;
    if (isQuery) {
      u16 *to = args.q + token * P::Q_PITCH + local * P::HEAD_DIM + chunk * kVector;
      *reinterpret_cast<BF16x8 *>(to) = low;
      *reinterpret_cast<BF16x8 *>(to + half) = high;
    } else if (slot >= 0) {
      if constexpr (P::KV == CacheType::E4M3)
        scale = (isValue ? args.vScale : args.kScale)[local];
      appendHead<P>(isValue ? args.vCache : args.kCache, scale, slot, local, chunk, low, high);
    }
  }
}

} // namespace qcc
