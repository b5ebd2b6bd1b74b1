//===- SmoothSearch.h - Vectors chosen by the error of a block --*- C++ -*-===//
//
// Goes through `forward` piece by piece (half a block each). For each pair of a piece candidates are rounded as the
// layers will be, and the one whose piece has the least error on held-out tokens is kept; leaving the pair alone is
// always a candidate. Inputs of a piece are those of the float model.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHSEARCH_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHSEARCH_H

#include "CalibrationInput.h"
#include "SmoothFold.h"
#include "SmoothTrial.h"
#include "SmoothWeights.h"
#include "qcc/Calibration/EnvironmentStore.h"

#include <functional>

namespace qcc {

/// What a candidate's formula reads; a number per column of the consumers.
struct PairStatistics {
  std::vector<float> absMax, meanAbs; ///< of the consumers' input
  std::vector<float> weightAbsMax;    ///< over all rows of all consumers
  std::vector<float> weightMeanRatio; ///< mean over rows of |W| / the group's largest |W|
};
/// Fills in what follows from the consumers' weights. `group`: columns that share a scale, 0 for all.
void addWeightStatistics(std::span<const std::vector<float>> weights, int64_t cols, int64_t group,
                         PairStatistics &statistics);

struct SmoothCandidate {
  std::string label;           ///< "alpha 0.5"
  std::vector<double> columns; ///< s for each column
};

struct SmoothMethod {
  std::string name; ///< of derivations and files: "smooth", "awq"
  /// Candidates beside leaving the pair alone.
  std::function<std::vector<SmoothCandidate>(const PairStatistics &statistics)> propose;
  bool clips = false; ///< search limits of the weights in each group too
};

class SmoothSearch {
public:
  SmoothSearch(mlir::ModuleOp module, const QuantizeOptions &options, SmoothMethod method)
      : module(module), options(options), method(std::move(method)), symbols(module) {}

  /// Rewrites the module. An error names the layer or option.
  mlir::LogicalResult run();
  size_t pairsFolded() const { return folded; }

private:
  struct Piece {
    mlir::Operation *begin, *end; ///< null: first op, behind the last
    std::vector<SmoothPair> pairs;
    std::vector<graph::LinearOp> linears; ///< that are rounded
  };
  /// What the float module showed of one input, over the tokens that are not held out.
  struct Input {
    calib::ValueStatistics statistics;
    std::vector<float> samples; ///< of the first batches
  };
  struct BatchView;

  Status prepare();
  Status cutPieces();
  Status runPiece(Piece &piece, size_t number);
  /// Takes all batches from where they stand to `end`. With `piece` what the search needs is kept.
  Status follow(mlir::Operation *end, Piece *piece);
  Status search(Piece &piece, SmoothFold &fold);
  Status searchPair(SmoothPair &pair, SmoothWeights &weights, SmoothFold &fold, double &least);
  Status searchClips(Piece &piece, SmoothWeights &weights, SmoothFold &fold, double &least);
  PairStatistics statisticsOf(SmoothPair &pair, const SmoothWeights &weights);
  const LayerPlan *planOf(graph::LinearOp linear) const;
  /// Error of the piece on held-out tokens with the weights as they are; 0 where nothing is to be judged.
  Expected<double> judge();
  /// The choice that the options give for a pair, or null.
  const std::string *givenFor(SmoothPair &pair) const;
  bool isClippable(graph::LinearOp linear) const;
  /// Of everything that the search's numbers depend on.
  Expected<std::string> firstKey();

  mlir::ModuleOp module;
  const QuantizeOptions &options;
  SmoothMethod method;
  CalibrationInput input;
  std::vector<LayerPlan> layers;
  std::vector<Piece> pieces;
  mlir::SymbolTable symbols;
  std::vector<std::unique_ptr<SmoothFold>> folds; ///< applied at the end: until then the float module is as it was
  std::unique_ptr<interp::SegmentRunner> exact;
  std::unique_ptr<SmoothTrial> trial;
  std::unique_ptr<calib::EnvironmentStore> crossing; ///< of each batch, at `position`
  mlir::Operation *position = nullptr;
  std::vector<JudgedBatch> judges;
  mlir::Value out; ///< behind the piece
  llvm::MapVector<mlir::Value, Input> inputs;
  std::string key;
  unsigned threads = 1;
  size_t folded = 0;
  bool isJudged = true; ///< something is searched in this piece
};

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHSEARCH_H
