//===- CalibrationUse.h - What reads calibration data -----------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_QUANTIZE_CALIBRATIONUSE_H
#define QCC_TRANSFORMS_QUANTIZE_CALIBRATIONUSE_H

#include "qcc/Transforms/Quantize/QuantizeOptions.h"

namespace qcc {

/// Which calibration data the quantize phase reads, where the options name a file of them. An engine depends on what is
/// read, and its recipe says so; what is not read is no part of either.
struct CalibrationUse {
  bool tokens = false;     ///< of QuantizeOptions::calib
  bool statistics = false; ///< of QuantizeOptions::stats; with tokens they are gathered over these
};

/// Of resolved options. Values that a recipe gives count as read: with other data weights differ.
CalibrationUse calibrationUse(const QuantizeOptions &options);

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_CALIBRATIONUSE_H
