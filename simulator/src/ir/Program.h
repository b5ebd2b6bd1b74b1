//===- Program.h - A decoded kernel ---------------------------------------===//

#ifndef QCCSIM_IR_PROGRAM_H
#define QCCSIM_IR_PROGRAM_H

#include "ir/Inst.h"
#include "num/TensorCore.h"

#include <string>
#include <vector>

namespace qccsim {

/// Special registers whose values are fixed while a warp lives.
enum class SpecialRegister : uint8_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  NwarpId,
  SmId,
  NsmId,
  GridId,
  LanemaskEq,
  LanemaskLe,
  LanemaskLt,
  LanemaskGe,
  LanemaskGt,
  DynamicSmemSize,
  TotalSmemSize,
  ClusterCtaRank,
  ClusterNctaRank,
  Zero,
};

struct KernelProgram {
  std::string name;
  std::vector<Inst> code; ///< ends with an exit
  std::vector<Ref> refs;  ///< Inst::refs
  std::vector<uint8_t> constants;
  uint32_t registerBytes = 0; ///< of one warp
  uint32_t numPreds = 2;
  struct SpecialUse {
    SpecialRegister which;
    Ref ref;
    bool wide; ///< 64-bit
  };
  std::vector<SpecialUse> specials;

  uint64_t staticShared = 0;      ///< bytes, before the dynamic part
  uint64_t dynamicSharedBase = 0; ///< offset of extern .shared arrays
  uint64_t localBytes = 0;
  uint64_t parameterBytes = 0;
  unsigned requiredThreads[3] = {0, 0, 0};
  int targetArch = 0;

  struct Line {
    unsigned line;    ///< of the PTX text
    std::string text; ///< opcode as written
  };
  std::vector<Line> lines;
  std::vector<std::vector<uint32_t>> branchTables; ///< of brx.idx
  std::vector<MmaDesc> mmaShapes;                  ///< of mma
};

} // namespace qccsim

#endif // QCCSIM_IR_PROGRAM_H
