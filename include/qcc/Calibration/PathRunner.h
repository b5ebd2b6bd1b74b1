//===- PathRunner.h - Modules followed over all batches ---------*- C++ -*-===//
//
// Runs every calibration batch through `forward` up to a cut, keeps what crosses it, and goes on from there later, when
// the module behind the cut may have changed. Batches run in parallel, each on one thread, so numbers do not depend on
// how many threads there are.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CALIBRATION_PATHRUNNER_H
#define QCC_CALIBRATION_PATHRUNNER_H

#include "qcc/Calibration/Batches.h"
#include "qcc/Calibration/EnvironmentStore.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace qcc::calib {

class PathRunner {
public:
  /// Module, source and plan must outlive it. At most `budget` bytes of what crosses a cut stay in memory, the rest
  /// lies in a temporary file in `directory`.
  static Expected<std::unique_ptr<PathRunner>> create(mlir::ModuleOp module, const ParameterSource &source,
                                                      const BatchPlan &plan, const std::string &directory,
                                                      uint64_t budget);

  /// Makes ready to take the batches from where they stand to `cut`, and to look on as far as `end` without keeping
  /// what is there. Loads the weights of both pieces.
  Status prepare(mlir::Operation *cut, mlir::Operation *end);
  /// Forgets weights until the next `prepare`.
  void release();
  /// Takes a batch to the cut, and returns a value that is live at the end (null: does not look further). Every batch
  /// goes once after each `prepare`; several threads may take different ones.
  Expected<interp::Tensor<float>> run(size_t batch, mlir::Value value);

private:
  PathRunner(const BatchPlan &plan, const std::string &directory, uint64_t budget)
      : plan(plan), store(directory, budget, plan.batches.size()) {}

  const BatchPlan &plan;
  std::unique_ptr<interp::SegmentRunner> kept, looked;
  mlir::Operation *position = nullptr; ///< null: at the first op
  EnvironmentStore store;
};

/// A value of the changing module and its counterpart of the float module, at the same tokens.
using PairVisitor = llvm::function_ref<void(const Batch &batch, const interp::Tensor<float> &quantized,
                                            const interp::Tensor<float> &exact)>;

/// Takes all batches of two prepared runners along and shows a value of each, batch by batch in order, on the calling
/// thread. Null values: shows nothing of use.
Status followBoth(PathRunner &quantized, mlir::Value quantizedValue, PathRunner &exact, mlir::Value exactValue,
                  const BatchPlan &plan, unsigned threads, PairVisitor visit);

} // namespace qcc::calib

#endif // QCC_CALIBRATION_PATHRUNNER_H
