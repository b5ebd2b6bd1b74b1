//===- ControlFlow.cpp - Basic blocks of a decoded kernel -----------------===//

#include "ir/ControlFlow.h"

#include <algorithm>

using namespace qccsim;

std::vector<BasicBlock> qccsim::findBlocks(const KernelProgram &program) {
  const std::vector<Inst> &code = program.code;
  auto isTransfer = [&](const Inst &inst) {
    return inst.fn == execBranch || inst.fn == execIndexedBranch || inst.fn == execExit;
  };
  std::vector<bool> leader(code.size() + 1, false);
  leader[0] = true;
  for (uint32_t i = 0; i < code.size(); ++i) {
    if (!isTransfer(code[i]))
      continue;
    leader[i + 1] = true;
    if (code[i].fn == execBranch)
      leader[code[i].target] = true;
    if (code[i].fn == execIndexedBranch)
      for (uint32_t target : program.branchTables[code[i].target])
        leader[target] = true;
  }
  std::vector<BasicBlock> blocks;
  std::vector<uint32_t> blockOf(code.size());
  for (uint32_t i = 0; i < code.size(); ++i) {
    if (leader[i])
      blocks.push_back({i, i, {}});
    blocks.back().end = i + 1;
    blockOf[i] = blocks.size() - 1;
  }
  for (uint32_t b = 0; b < blocks.size(); ++b) {
    const Inst &last = code[blocks[b].end - 1];
    bool fallsThrough = !isTransfer(last) || last.guard != predTrue;
    if (fallsThrough && blocks[b].end < code.size())
      blocks[b].successors.push_back(b + 1);
    if (last.fn == execBranch)
      blocks[b].successors.push_back(blockOf[last.target]);
    if (last.fn == execIndexedBranch)
      for (uint32_t target : program.branchTables[last.target])
        blocks[b].successors.push_back(blockOf[target]);
  }
  return blocks;
}
