//===- Cache.h - The paged K/V cache ----------------------------*- C++ -*-===//
#ifndef QCC_LIB_INTERPRETER_CACHE_H
#define QCC_LIB_INTERPRETER_CACHE_H

#include "Ops.h"
#include "qcc/Interpreter/Interpreter.h"

namespace qcc::interp {

/// Keys and values of all layers as numbers of the cache's element type, [pages, kv_heads, page_size, head_dim] per
/// layer; an fp8 cache holds the codes' numbers, without their scale. Positions never written are NaN, so that reading
/// one shows.
template <typename T> class Cache {
public:
  Cache() = default;
  Cache(graph::KvCacheOp op, int64_t pages);

  /// Writes row t of k and v [T, kv_heads, head_dim] to slots[t].
  void append(graph::KvAppendOp op, const Tensor<T> &k, const Tensor<T> &v, std::span<const int32_t> slots);
  Tensor<T> attend(graph::AttentionOp op, const Tensor<T> &q, const RaggedBatch &batch) const;

  int64_t pageSize() const { return rowsPerPage; }

private:
  struct Scales {
    std::vector<float> perHead; ///< [layers, kv_heads]; empty: 1
    float at(int64_t layer, int64_t head, int64_t heads) const {
      return perHead.empty() ? 1.0f : perHead[size_t(layer * heads + head)];
    }
  };
  size_t offset(int64_t page, int64_t head, int64_t row) const {
    return size_t(((page * kvHeads + head) * rowsPerPage + row) * headDim);
  }
  void write(std::vector<T> &pages, const Scales &scales, int64_t layer, const Tensor<T> &x,
             std::span<const int32_t> slots);
  /// Positions [0, length) of one head, [length, head_dim], scaled.
  std::vector<T> read(const std::vector<T> &pages, float scale, int64_t head, std::span<const int32_t> table,
                      int64_t length) const;

  DType type = DType::F32;
  int64_t kvHeads = 0, headDim = 0, rowsPerPage = 64;
  Scales kScales, vScales;
  std::vector<std::vector<T>> keys, values; ///< per layer
};

template <typename T> Tensor<T> evalRope(graph::RopeOp op, const Tensor<T> &x, const Tensor<T> &positions);

extern template class Cache<float>;
extern template class Cache<double>;

} // namespace qcc::interp

#endif // QCC_LIB_INTERPRETER_CACHE_H
