//===- Places.h - Where two modules can be compared -------------*- C++ -*-===//
//
// Passes add quantizations and derivations around the ops that compute, and change weights; what computes keeps its
// place in the structure. A place is the float result of such an op. Its key names it by the last linear before it, so
// that the same place of another module is found whatever a pass did elsewhere.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_TRANSFORMS_NUMERICS_PLACES_H
#define QCC_LIB_TRANSFORMS_NUMERICS_PLACES_H

#include "qcc/Dialect/Graph/GraphDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace qcc::numerics {

struct Place {
  mlir::Operation *op;
  std::string key;
  std::string name;            ///< for people: a linear's or norm's own name
  bool isScalable = false;     ///< only linears read it, so that a factor per channel may have moved into them
  bool isRewritten = false;    ///< a linear whose weight calibration changed and stored
  bool isSolved = false;       ///< a linear whose codes calibration found and stored
  std::vector<size_t> sources; ///< places that it is computed from, directly
};

/// In the order of `forward`.
std::vector<Place> findPlaces(mlir::func::FuncOp forward);

} // namespace qcc::numerics

#endif // QCC_LIB_TRANSFORMS_NUMERICS_PLACES_H
