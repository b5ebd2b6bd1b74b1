//===- prefill.cuh - Attention of runs of new tokens over the paged cache -===//
//
// Formula    : o[i, h] = v_scale * sum_j softmax_j(scale * k_scale * q[i, h] . k[j]) v[j] over the
//              keys j with j <= p (causal) and, with a window, j > p - window; p = context - new +
//              i is the token's position. f32 scores and sums, probabilities rounded to bf16. In s8
//              k_scale and v_scale are those of row j; v_scale multiplies the probability before it
//              is rounded.
// Arguments  : q, k_cache, v_cache, [k_scale, v_scale], seq_starts, context_lens, block_tables,
//              pages, y
// Layouts    : q, y: bf16 [T, HEADS * D], pitches Q_PITCH, OUT_PITCH
//              caches: [pages, KV_HEADS, 64, D] bf16, e4m3 or s8, laid out as in common/cache.cuh
//              k_scale, v_scale: f32 [KV_HEADS], of e4m3 alone
//              seq_starts: i32 [B+1] | context_lens: i32 [B] | block_tables: i32 [B, pages], whose
//              entries past a sequence's context are not read
// Grid       : (ceil(longest run * GROUP / BLOCK_M), KV_HEADS, B); blocks past a sequence's run
//              leave at once
// Shared mem : 2 stages x (K tile | V tile) of BLOCK_KV rows (CacheTile::bytes)
// Warp roles : warp w has rows 16w ... 16w+15 of the block's BLOCK_M = 16 * WARPS. A row is (token,
//              head of the group), the group of query heads that share a K/V head being the faster
//              index, so short runs of grouped heads fill a tile. All threads copy tile i+1 while
//              tile i is used; one barrier per tile.
// Requires   : D % 16 == 0, D <= 256; BLOCK_KV divides the page of 64; Q_PITCH % 4 == 0
//              NOTE: a NaN in the V row of a key that a query may not see can reach it (0 * NaN) if
//              both are in one tile.
// Tolerance  : 2^-7 of sum_j p_j |v_j|, from the rounding of P and of the output
//
//===----------------------------------------------------------------------===//
#pragma once

#include "attention/online_softmax.cuh"

namespace qcc {

struct AttentionArgs {
  const u16 *q;
  const u8 *kCache, *vCache;
  const float *kScale, *vScale;
  const int *seqStarts, *contextLens, *blockTables;
  int pages; ///< columns of the block table
};

/// Start of head `head` in page `page` of a cache.
template <typename P> __device__ inline const u8 *pageOf(const u8 *cache, int page, int head) {
  return cache + (i64(page) * P::KV_HEADS + head) * CacheHead<P::KV, P::HEAD_DIM>::bytes;
}

template <typename P> __device__ inline void attentionPrefill(const AttentionArgs &args, u16 *y) {
  using Tile = CacheTile<P::KV, P::HEAD_DIM>;
  constexpr int group = P::HEADS / P::KV_HEADS, threads = P::WARPS * kWarpSize, blockM = P::WARPS * 16;
  constexpr int tileBytes = Tile::template bytes<P::BLOCK_KV>;
  static_assert(kPageSize % P::BLOCK_KV == 0, "a tile must not straddle two pages");
  extern __shared__ __align__(16) u8 shared[];

  int sequence = blockIdx.z, kvHead = blockIdx.y, lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  int start = args.seqStarts[sequence], count = args.seqStarts[sequence + 1] - start;
  // The last rows see the most keys: they start first, so that the short blocks fill the end of the grid.
  int firstRow = int(gridDim.x - 1 - blockIdx.x) * blockM;
  if (firstRow >= count * group)
    return;
  int context = args.contextLens[sequence], past = context - count;
  const int *table = args.blockTables + i64(sequence) * args.pages;

  // The keys that any row of the block sees.
  int firstToken = firstRow / group, lastToken = min((firstRow + blockM - 1) / group, count - 1);
  int keyEnd = past + lastToken + 1;
  int keyBegin = P::WINDOW > 0 ? max(0, past + firstToken - P::WINDOW + 1) : 0;
  int tileBegin = keyBegin / P::BLOCK_KV, tileEnd = (keyEnd + P::BLOCK_KV - 1) / P::BLOCK_KV;

  u32 stages = sharedAddress(shared);
  auto copyTile = [&](int tile) {
    int key = tile * P::BLOCK_KV, page = table[key / kPageSize], row = key % kPageSize;
    u32 to = stages + (tile & 1) * (2 * tileBytes);
    Tile::template copyRows<P::BLOCK_KV>(to, pageOf<P>(args.kCache, page, kvHead), row, keyEnd - key, threadIdx.x,
                                         threads);
    Tile::template copyRows<P::BLOCK_KV>(to + tileBytes, pageOf<P>(args.vCache, page, kvHead), row, keyEnd - key,
                                         threadIdx.x, threads);
    commitCopies();
  };
  copyTile(tileBegin);

  // This lane's two rows: their query pointers (null past the run) and the keys they see.
  const u16 *queryRow[2];
  i64 outputRow[2];
  int seenBegin[2], seenEnd[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    int row = firstRow + warp * 16 + lane / 4 + 8 * i, token = row / group, head = kvHead * group + row % group;
    bool exists = token < count;
    queryRow[i] = exists ? args.q + i64(start + token) * P::Q_PITCH + head * P::HEAD_DIM : nullptr;
    outputRow[i] = exists ? i64(start + token) * P::OUT_PITCH + head * P::HEAD_DIM : -1;
    seenEnd[i] = exists ? past + token + 1 : 0;
    seenBegin[i] = P::WINDOW > 0 ? past + token + 1 - P::WINDOW : 0;
  }
  u32 queries[Tile::blocks][4];
#pragma unroll
  for (int block = 0; block < Tile::blocks; ++block)
    Tile::queries(queries[block], queryRow[0], queryRow[1], block);
  float factor = P::SCALE_LOG2E * (P::KV == CacheType::E4M3 ? args.kScale[kvHead] : 1.0f);

  RowState<Tile, P::HEAD_DIM> state;
  for (int tile = tileBegin; tile < tileEnd; ++tile) {
    waitCopies<0>();
    __syncthreads(); // the tile is there, and nobody reads the other stage any more
    if (tile + 1 < tileEnd)
      copyTile(tile + 1);
    u32 keys = stages + (tile & 1) * (2 * tileBytes);
    int firstKey = tile * P::BLOCK_KV;
    float scores[P::BLOCK_KV / 8][4];
    state.template products<P::BLOCK_KV>(scores, queries, keys);
    state.template scaleKeys<P::BLOCK_KV>(scores, keys);
    // Only tiles at the diagonal or at the window's edge hold keys that some row does not see.
    bool allSeen =
        firstKey + P::BLOCK_KV <= past + firstToken + 1 && (P::WINDOW == 0 || firstKey > past + lastToken - P::WINDOW);
    if (!allSeen)
      state.template mask<P::BLOCK_KV>(scores, firstKey, seenBegin, seenEnd);
    state.template accumulate<P::BLOCK_KV>(scores, factor, keys + tileBytes);
  }

  state.finishSums();
  float vScale = P::KV == CacheType::E4M3 ? args.vScale[kvHead] : 1.0f;
  float scale[2] = {__fdiv_rn(vScale, state.sum[0]), __fdiv_rn(vScale, state.sum[1])};
  state.output(scale, [&](int row, int element, float a, float b) {
    if (outputRow[row] >= 0)
      *reinterpret_cast<u32 *>(y + outputRow[row] + element) = packBF16(a, b);
  });
}

} // namespace qcc
