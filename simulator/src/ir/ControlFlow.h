//===- ControlFlow.h - Basic blocks of a decoded kernel -------------------===//

#ifndef QCCSIM_IR_CONTROLFLOW_H
#define QCCSIM_IR_CONTROLFLOW_H

#include "ir/Program.h"

#include <vector>

namespace qccsim {

struct BasicBlock {
  uint32_t begin, end; ///< instructions [begin, end)
  std::vector<uint32_t> successors;
};

/// Blocks in order of their instructions.
std::vector<BasicBlock> findBlocks(const KernelProgram &program);

// Handlers of control transfer, by which the flow of a program is known.
void execBranch(Warp &warp, const Inst &inst, uint32_t mask);
void execIndexedBranch(Warp &warp, const Inst &inst, uint32_t mask);
void execExit(Warp &warp, const Inst &inst, uint32_t mask);

} // namespace qccsim

#endif // QCCSIM_IR_CONTROLFLOW_H
