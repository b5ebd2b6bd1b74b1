//===- Bounds.h - How much noise formats may cause --------------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_NUMERICS_BOUNDS_H
#define QCC_LIB_TRANSFORMS_NUMERICS_BOUNDS_H

#include "Places.h"

#include <optional>

namespace qcc::numerics {

struct Bound {
  double decibels;        ///< the least of a place
  double channelDecibels; ///< the least of one of its channels
  std::string reason;     ///< "i4 weights"
  bool isAsked = false;   ///< not the format's own
};

/// A bound for each place: that of the coarsest format at it or before it, because noise adds up on the way through
/// `forward`. `asked`, if given, is the bound of linears with quantized weights, and of what is behind them where it is
/// lower than the format's: as much noise may then come from before.
std::vector<Bound> findBounds(mlir::ModuleOp module, llvm::ArrayRef<Place> places, std::optional<double> asked);

} // namespace qcc::numerics

#endif // QCC_LIB_TRANSFORMS_NUMERICS_BOUNDS_H
