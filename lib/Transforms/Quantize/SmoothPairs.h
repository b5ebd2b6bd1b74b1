//===- SmoothPairs.h - Where a vector can move between weights --*- C++ -*-===//
//
// A producer's channels may be divided by a vector s and the columns of all its consumers multiplied by it, and
// `forward` computes the same. Found by structure, not by name:
//
//   Norm      rms_norm read by linears alone
//   Value     v_proj → K/V cache → attention → o_proj; query heads of a group share the rows of one kv head
//   Product   up_proj → the factor of a multiplication that no activation function touches → down_proj
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHPAIRS_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHPAIRS_H

#include "qcc/Dialect/Graph/GraphDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SmallVector.h"

namespace qcc {

struct SmoothPair {
  enum class Kind { Norm, Value, Product };
  Kind kind;
  graph::RmsNormOp norm;                        ///< of Norm
  graph::LinearOp producer;                     ///< of Value and Product
  llvm::SmallVector<graph::LinearOp> consumers; ///< all read one value
  int64_t heads = 0, kvHeads = 0, headDim = 0;  ///< of Value

  mlir::Operation *source() { return kind == Kind::Norm ? norm.getOperation() : producer.getOperation(); }
  mlir::Value input() { return consumers.front().getX(); }
  /// Extent of s: the producer's channels.
  int64_t channels();
  /// s for each column of the consumers.
  std::vector<double> perColumn(const std::vector<double> &s);
  /// The s that suits the producer's channels best, given what each column of the consumers would have.
  std::vector<double> fromColumns(const std::vector<double> &columns);
  /// "model.layers.0.mlp.down_proj", "model.layers.0.self_attn.q_proj+2": for reports.
  std::string name();
};

/// In the order of their consumers in `forward`.
std::vector<SmoothPair> findSmoothPairs(mlir::func::FuncOp forward);

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHPAIRS_H
