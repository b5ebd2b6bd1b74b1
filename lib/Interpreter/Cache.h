//===- Cache.h - The paged K/V cache ----------------------------*- C++ -*-===//
#ifndef QCC_LIB_INTERPRETER_CACHE_H
#define QCC_LIB_INTERPRETER_CACHE_H

#include "Ops.h"
#include "qcc/Interpreter/Interpreter.h"

namespace qcc::interp {

/// Keys and values of all layers as numbers of the cache's element type, [pages, kv_heads, page_size, head_dim] per
/// layer; an fp8 or i8 cache holds the codes' numbers, without their scale. Positions never written are NaN, so that
/// reading one shows.
template <typename T> class Cache {
public:
  Cache() = default;
  Cache(graph::KvCacheOp op, int64_t pages);

  /// Writes row t of k and v [T, kv_heads, head_dim] to slots[t].
  void append(graph::KvAppendOp op, const Tensor<T> &k, const Tensor<T> &v, std::span<const int32_t> slots);
  Tensor<T> attend(graph::AttentionOp op, const Tensor<T> &q, const RaggedBatch &batch) const;

  int64_t pageSize() const { return rowsPerPage; }

private:
  /// K or V of one layer. Memory is taken when the layer is first written: calibration runs a layer at a time.
  struct Pages {
    std::vector<T> numbers;
    /// A static one for each head, or of an i8 cache [pages, kv_heads, page_size]; else empty.
    std::vector<float> scales;
  };
  /// Rows of head_dim numbers before that of a page's row.
  size_t rowIndex(int64_t page, int64_t head, int64_t row) const {
    return size_t((page * kvHeads + head) * rowsPerPage + row);
  }
  std::vector<Pages> makePages(size_t layers, std::optional<llvm::ArrayRef<float>> scales) const;
  void write(Pages &pages, const Tensor<T> &x, std::span<const int32_t> slots);
  /// Positions [0, length) of one head, [length, head_dim], scaled.
  std::vector<T> read(const Pages &pages, int64_t head, std::span<const int32_t> table, int64_t length) const;

  DType type = DType::F32;
  int64_t kvHeads = 0, headDim = 0, rowsPerPage = 64;
  size_t rows = 0;                 ///< of one layer
  std::vector<Pages> keys, values; ///< per layer
};

template <typename T> Tensor<T> evalRope(graph::RopeOp op, const Tensor<T> &x, const Tensor<T> &positions);

extern template class Cache<float>;
extern template class Cache<double>;

} // namespace qcc::interp

#endif // QCC_LIB_INTERPRETER_CACHE_H
