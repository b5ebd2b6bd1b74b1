//===- decode.cuh - Attention of one new token per sequence, split over context ===//
//
// Formula    : that of prefill.cuh for the single newest token, over the split's keys: writes the
//              running maximum m (of scores times log2(e)), the sum l and the unnormalised o *
//              v_scale of every query head (s8: o of scaled values).
// Arguments  : q, k_cache, v_cache, [k_scale, v_scale], seq_starts, context_lens, block_tables,
//              pages, workspace
// Layouts    : as in prefill.cuh; workspace: f32 [B, HEADS, MAX_SPLITS, D + 4]: o[D], m, l, two
//              unused
// Grid       : (MAX_SPLITS, KV_HEADS * ceil(GROUP / 16), B). A sequence uses as many splits as its
//              own context asks for, so its result does not depend on its neighbours; the other
//              blocks leave at once and their records stay unwritten.
// Shared mem : per warp STAGES x (K slice | V slice) of 16 rows; later o, m, l of the warps
// Warp roles : the split's keys are slices of 16 rows; warp w takes slices w, w + WARPS, ... with
//              copies of its own and no block barrier until the warps' results are merged, in
//              order. Rows of the m16 tile are query heads.
// Requires   : D % 16 == 0, D <= 256; every sequence has at most one new token; Q_PITCH % 4 == 0
// Tolerance  : as prefill.cuh
//
//===----------------------------------------------------------------------===//
#pragma once

#include "attention/prefill.cuh"

namespace qcc {

/// A split shorter than this costs more to start and to combine than it saves.
inline constexpr int kMinPagesPerSplit = 2;

/// Pages of a sequence that its newest token sees, cut into equal runs. Used by both stages, so that they agree.
template <typename P> struct SplitPlan {
  int firstPage, pages, pagesPerSplit, splits;

  __device__ explicit SplitPlan(int context) {
    firstPage = P::WINDOW > 0 ? max(0, context - P::WINDOW) / kPageSize : 0;
    pages = (context + kPageSize - 1) / kPageSize - firstPage;
    int wanted = min(P::MAX_SPLITS, (pages + kMinPagesPerSplit - 1) / kMinPagesPerSplit);
    pagesPerSplit = wanted > 0 ? (pages + wanted - 1) / wanted : 0;
    splits = pagesPerSplit > 0 ? (pages + pagesPerSplit - 1) / pagesPerSplit : 0;
  }
};

/// Start of the record of one (sequence, head, split).
template <typename P> __device__ inline i64 recordOffset(int sequence, int head, int split) {
  return ((i64(sequence) * P::HEADS + head) * P::MAX_SPLITS + split) * (P::HEAD_DIM + 4);
}

/// Shared memory of the merge: one warp's o, then its m and l of 16 rows.
template <typename P> struct MergeBuffer {
  static constexpr int stride = P::HEAD_DIM + 4, floatsPerWarp = 16 * stride;
};

template <typename P, typename State>
__device__ inline void mergeWarps(const State &state, float *shared, float *workspace, int sequence, int firstHead,
                                  int heads, int split, float vScale) {
  using Buffer = MergeBuffer<P>;
  int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  float *mine = shared + warp * Buffer::floatsPerWarp;
  const float one[2] = {1.0f, 1.0f};
  state.output(one, [&](int row, int element, float a, float b) {
    float *to = mine + (lane / 4 + 8 * row) * Buffer::stride + element;
    to[0] = a;
    to[1] = b;
  });
  if (lane % 4 == 0)
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float *to = mine + (lane / 4 + 8 * row) * Buffer::stride + P::HEAD_DIM;
      to[0] = state.max[row];
      to[1] = state.sum[row];
    }
  __syncthreads();

  // Element D of a record is m, D + 1 is l, which is summed like an element of o.
  constexpr int columns = P::HEAD_DIM + 2;
  for (int i = threadIdx.x; i < heads * columns; i += P::WARPS * kWarpSize) {
    int row = i / columns, column = i % columns;
    float best = minusInfinity(), total = 0;
#pragma unroll
    for (int w = 0; w < P::WARPS; ++w)
      best = fmaxf(best, shared[w * Buffer::floatsPerWarp + row * Buffer::stride + P::HEAD_DIM]);
    int from = column < P::HEAD_DIM ? column : P::HEAD_DIM + 1;
#pragma unroll
    for (int w = 0; w < P::WARPS; ++w) {
      const float *record = shared + w * Buffer::floatsPerWarp + row * Buffer::stride;
      // A warp without keys weighs nothing: 0 * 0. One whose scores are all NaN has m = -inf as well, but a NaN sum,
      // which stays NaN here.
      total += exp2Fast(record[P::HEAD_DIM] - best) * record[from];
    }
    float *to = workspace + recordOffset<P>(sequence, firstHead + row, split);
    to[column] = column == P::HEAD_DIM ? best : column < P::HEAD_DIM ? total * vScale : total;
  }
}

template <typename P> __device__ inline void attentionDecode(const AttentionArgs &args, float *workspace) {
  using Tile = CacheTile<P::KV, P::HEAD_DIM>;
  constexpr int group = P::HEADS / P::KV_HEADS, rowTiles = ceilDiv(group, 16), slicesPerPage = kPageSize / 16;
  constexpr int sliceBytes = Tile::template bytes<16>, stageBytes = 2 * sliceBytes;
  extern __shared__ __align__(16) u8 shared[];

  int sequence = blockIdx.z, kvHead = blockIdx.y / rowTiles, firstInGroup = blockIdx.y % rowTiles * 16,
      split = blockIdx.x;
  int start = args.seqStarts[sequence];
  if (args.seqStarts[sequence + 1] == start)
    return;
  int context = args.contextLens[sequence];
  SplitPlan<P> plan(context);
  if (split >= plan.splits)
    return;
  const int *table = args.blockTables + i64(sequence) * args.pages;
  int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  int pageBegin = plan.firstPage + split * plan.pagesPerSplit;
  int pageEnd = min(pageBegin + plan.pagesPerSplit, plan.firstPage + plan.pages);
  int sliceEnd = min(pageEnd * slicesPerPage, (context + 15) / 16);
  int keyBegin = P::WINDOW > 0 ? max(0, context - P::WINDOW) : 0;

  u32 buffers = sharedAddress(shared) + warp * (P::STAGES * stageBytes);
  auto copySlice = [&](int slice, int stage) {
    if (slice < sliceEnd) {
      int key = slice * 16, page = table[slice / slicesPerPage], row = key % kPageSize;
      u32 to = buffers + stage * stageBytes;
      Tile::template copyRows<16>(to, pageOf<P>(args.kCache, page, kvHead), row, context - key, lane, kWarpSize);
      Tile::template copyRows<16>(to + sliceBytes, pageOf<P>(args.vCache, page, kvHead), row, context - key, lane,
                                  kWarpSize);
    }
    commitCopies(); // also when empty: the count of groups is what waitCopies goes by
  };
  int slice = max(pageBegin * slicesPerPage, keyBegin / 16) + warp; // a page may begin before the window does
#pragma unroll
  for (int stage = 0; stage < P::STAGES - 1; ++stage)
    copySlice(slice + stage * P::WARPS, stage);

  const u16 *queryRow[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    int head = firstInGroup + lane / 4 + 8 * i;
    queryRow[i] = head < group ? args.q + i64(start) * P::Q_PITCH + (kvHead * group + head) * P::HEAD_DIM : nullptr;
  }
  u32 queries[Tile::blocks][4];
#pragma unroll
  for (int block = 0; block < Tile::blocks; ++block)
    Tile::queries(queries[block], queryRow[0], queryRow[1], block);
  float factor = P::SCALE_LOG2E * (P::KV == CacheType::E4M3 ? args.kScale[kvHead] : 1.0f);
  const int seenBegin[2] = {keyBegin, keyBegin}, seenEnd[2] = {context, context};

  RowState<Tile, P::HEAD_DIM> state;
  for (int stage = 0; slice < sliceEnd; slice += P::WARPS) {
    waitCopies<P::STAGES - 2>();
    __syncwarp(); // the slice is there for all lanes, and none reads the stage that is filled next
    copySlice(slice + (P::STAGES - 1) * P::WARPS, (stage + P::STAGES - 1) % P::STAGES);
    u32 keys = buffers + stage * stageBytes;
    float scores[2][4];
    state.template products<16>(scores, queries, keys);
    state.template scaleKeys<16>(scores, keys);
    if (slice * 16 < keyBegin || slice * 16 + 16 > context)
      state.template mask<16>(scores, slice * 16, seenBegin, seenEnd);
    state.template accumulate<16>(scores, factor, keys + sliceBytes);
    stage = (stage + 1) % P::STAGES;
  }
  state.finishSums();

  waitCopies<0>();
  __syncthreads(); // the buffers become the merge's
  mergeWarps<P>(state, reinterpret_cast<float *>(shared), workspace, sequence, kvHead * group + firstInGroup,
                min(16, group - firstInGroup), split, P::KV == CacheType::E4M3 ? args.vScale[kvHead] : 1.0f);
}

} // namespace qcc
