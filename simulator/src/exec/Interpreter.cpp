//===- Interpreter.cpp - The instruction loop -----------------------------===//

#include "exec/Block.h"
#include "ir/ControlFlow.h"

#include <algorithm>
#include <bit>
#include <utility>

using namespace qccsim;

/// Backward branches a warp may take before others get their turn: threads may spin on a flag
/// that another warp or block sets.
static constexpr int turnBudget = 4096;

void qccsim::runWarp(Warp &warp) {
  warp.budget = turnBudget;
  warp.stopped = false;
  warp.yielded = false;
  if (!warp.active)
    warp.regroup();
  const Inst *code = warp.program->code.data();
  uint64_t *counts = warp.worker->stats.instructions;
  while (!warp.stopped) {
    if (warp.pc >= warp.nextPc) [[unlikely]] {
      warp.regroup();
      if (warp.stopped)
        return;
    }
    const Inst &inst = code[warp.pc++];
    uint32_t mask = warp.active & warp.readPred(inst.guard);
    ++counts[static_cast<unsigned>(inst.cls)];
    if (mask)
      inst.fn(warp, inst, mask);
  }
}

/// Ends the turn after too many backward branches. Diverged threads of the same warp may be
/// what this group waits for, so another of its groups goes first next time.
static void spendBudget(Warp &warp) {
  if (--warp.budget > 0)
    return;
  warp.stopped = true;
  warp.yielded = true;
  for (Group &group : warp.others) {
    if (group.wait != Wait::None)
      continue;
    std::swap(group.pc, warp.pc);
    std::swap(group.mask, warp.active);
    // Until something changes the groups, the lowest pc does not take over again.
    warp.nextPc = UINT32_MAX;
    std::rotate(warp.others.begin(), warp.others.begin() + 1, warp.others.end());
    return;
  }
}

void qccsim::execBranch(Warp &warp, const Inst &inst, uint32_t mask) {
  bool backward = inst.target < warp.pc;
  if (mask == warp.active) {
    warp.pc = inst.target;
  } else {
    ++warp.worker->stats.divergentBranches;
    warp.split(mask, inst.target);
  }
  if (backward)
    spendBudget(warp);
}

void qccsim::execIndexedBranch(Warp &warp, const Inst &inst, uint32_t mask) {
  const std::vector<uint32_t> &table = warp.program->branchTables[inst.target];
  const uint32_t *index = warp.reg<uint32_t>(inst.op[0]);
  unsigned ways = 0;
  for (uint32_t rest = mask; rest; ++ways) {
    unsigned first = std::countr_zero(rest);
    uint32_t same = 0;
    for (unsigned lane = first; lane < 32; ++lane)
      if (rest >> lane & 1 && index[lane] == index[first])
        same |= 1u << lane;
    if (index[first] >= table.size())
      throw Fault{ErrorKind::InvalidPtx,
                  "index " + std::to_string(index[first]) + " is outside the branch's list of " +
                      std::to_string(table.size()) + " targets",
                  int(first)};
    rest &= ~same;
    warp.split(same, table[index[first]]);
  }
  if (ways > 1)
    ++warp.worker->stats.divergentBranches;
  if (!warp.active)
    warp.regroup();
  spendBudget(warp);
}

void qccsim::execExit(Warp &warp, const Inst &, uint32_t mask) {
  warp.exitLanes(mask);
  if (!warp.live)
    warp.block->warpExited();
}
