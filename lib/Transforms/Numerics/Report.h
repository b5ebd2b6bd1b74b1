//===- Report.h - What a finding looks like ---------------------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_NUMERICS_REPORT_H
#define QCC_LIB_TRANSFORMS_NUMERICS_REPORT_H

#include "Diagnose.h"

namespace qcc::numerics {

/// "w4a16: layers.3.down_proj: …", one line.
std::string summaryOf(const std::vector<Comparison> &comparisons, const Finding &finding, llvm::StringRef passes);
/// The places and factors in question, and histograms of the place where it shows and of the op at fault.
std::string detailsOf(const std::vector<Comparison> &comparisons, const Finding &finding);
/// Every place with its ratios, a line each.
std::string tableOf(const std::vector<Comparison> &comparisons);
/// The place nearest its bound: "worst place … 17.3 dB (bound 6 dB, 4-bit weights)".
std::string worstOf(const std::vector<Comparison> &comparisons);

/// Writes report.txt, before.mlir and float.mlir into a directory that is made where it does not exist.
struct Reproducer {
  std::string directory, before, exact, pipeline, calib;
  std::optional<double> bound;

  std::string command() const;
  Status write(const std::string &report) const;
};

/// "qcc-gptq, qcc-lower-precision" of a pipeline with options.
std::string passNames(llvm::StringRef pipeline);

} // namespace qcc::numerics

#endif // QCC_LIB_TRANSFORMS_NUMERICS_REPORT_H
