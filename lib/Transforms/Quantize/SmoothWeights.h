//===- SmoothWeights.h - Weights of a piece while vectors are tried -*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHWEIGHTS_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHWEIGHTS_H

#include "SmoothPairs.h"
#include "SmoothTrial.h"
#include "qcc/Quant/ScaleSearch.h"

#include "llvm/ADT/MapVector.h"

namespace qcc {

/// Computes what SmoothFold will store and derive, rounds it as the layers will be, and hands it to the trial.
class SmoothWeights {
public:
  /// `exact`: the float module, prepared for the same piece as the trial.
  SmoothWeights(const interp::SegmentRunner &exact, SmoothTrial &trial, const quant::ScaleSearch &rounding,
                unsigned threads)
      : exact(exact), trial(trial), rounding(rounding), threads(threads) {}

  /// `layer`: how the linear is rounded; null: not at all.
  Status add(graph::LinearOp linear, const LayerPlan *layer);
  /// Sets the pair's s (in place of one it had; empty: none) in all weights it touches, which must have been added.
  Status fold(SmoothPair &pair, std::span<const float> s);
  /// Replaces a linear's weight after the folds; empty: no more.
  Status clip(graph::LinearOp linear, std::vector<float> weight);

  /// W · columns / rows in f32, before rounding.
  std::vector<float> numbers(graph::LinearOp linear) const;
  /// What inputs of the linear are divided by; empty: nothing.
  std::span<const float> columnsOf(graph::LinearOp linear) const { return states.find(linear)->second.columns; }

private:
  struct State {
    const LayerPlan *layer = nullptr;
    std::vector<float> columns, rows, clipped;
  };
  Status install(graph::LinearOp linear);
  Status installVector(mlir::Value vector, std::span<const float> s);

  const interp::SegmentRunner &exact;
  SmoothTrial &trial;
  quant::ScaleSearch rounding;
  unsigned threads;
  llvm::MapVector<mlir::Operation *, State> states;
};

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHWEIGHTS_H
