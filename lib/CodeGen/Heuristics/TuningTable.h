//===- TuningTable.h - Measured configurations --------------------*- C++ -*-===//
//
// One entry per line, '#' starts a comment; the format is described in docs/kernels/tuning.md:
//
//   sm_90 bf16 n=4096 k=4096 rows<=8: BLOCK_M=16 BLOCK_N=8 BLOCK_K=64 WARPS_M=1 WARPS_K=8 STAGES=4
//
// An entry replaces the configuration that the model chooses for the variant with the same bound.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_CODEGEN_HEURISTICS_TUNINGTABLE_H
#define QCC_LIB_CODEGEN_HEURISTICS_TUNINGTABLE_H

#include "qcc/CodeGen/KernelInstance.h"
#include "qcc/Support/Error.h"

#include <string_view>

namespace qcc::codegen {

struct TuningEntry {
  int target = 0;
  std::string problem; ///< the words between target and bound, joined by a space: "bf16 n=4096 k=4096"
  int64_t rows = 0;    ///< bound of the variant; 0: the one without a bound ("rows<=any")
  KernelConfig config;
};

/// `name` is how messages call the table.
Expected<std::vector<TuningEntry>> parseTuningTable(std::string_view text, const std::string &name);

/// The configuration of the embedded table <family>.txt for this problem, or null.
const KernelConfig *findTuned(const std::string &family, int target, const std::string &problem, int64_t rows);

} // namespace qcc::codegen

#endif // QCC_LIB_CODEGEN_HEURISTICS_TUNINGTABLE_H
