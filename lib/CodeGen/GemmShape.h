//===- GemmShape.h - A GEMM configuration's numbers ---------------*- C++ -*-===//
//
// The host's copy of gemm/shape.cuh and epilogue.cuh as far as launches need it.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_CODEGEN_GEMMSHAPE_H
#define QCC_LIB_CODEGEN_GEMMSHAPE_H

#include "qcc/CodeGen/KernelInstance.h"

namespace qcc::codegen {

/// Columns of one tensor-core product.
int64_t unitColumns(WeightFormat format);
/// Columns whose products are summed before they are scaled, or 0: the `GROUP` of gemm/shape.cuh.
int64_t scaledColumns(const GemmDesc &desc);

/// Accumulators of a warp that stay in registers beside the operands, as ptxas showed.
int64_t maxAccumulators(const GemmDesc &desc);

struct GemmShape {
  int64_t blockM = 16, blockN = 8, blockK = 64, warpsM = 1, warpsK = 1, stages = 2;

  /// Reads and checks a configuration; says in `error` what is wrong with it.
  static GemmShape of(const GemmDesc &desc, const KernelConfig &config, std::string &error);

  /// Values of y that a warp computes.
  int64_t warpAccumulators() const { return blockM / warpsM * blockN; }
  int64_t threads() const { return warpsM * warpsK * 32; }
  int64_t stageBytes(const GemmDesc &desc) const;
  int64_t sharedBytes(const GemmDesc &desc) const;
  KernelConfig config() const {
    return {{{"BLOCK_M", blockM},
             {"BLOCK_N", blockN},
             {"BLOCK_K", blockK},
             {"WARPS_M", warpsM},
             {"WARPS_K", warpsK},
             {"STAGES", stages}}};
  }
};

} // namespace qcc::codegen

#endif // QCC_LIB_CODEGEN_GEMMSHAPE_H
