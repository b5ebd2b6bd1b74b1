//===- Warp.h - State of a warp -------------------------------------------===//

#ifndef QCCSIM_EXEC_WARP_H
#define QCCSIM_EXEC_WARP_H

#include "ir/Program.h"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace qccsim {

struct BlockState;
struct Worker;
class Allocation;

/// A fault found by a handler; the interpreter adds where it was.
struct Fault {
  ErrorKind kind;
  std::string message;
  int lane = -1; ///< -1: the whole warp
};

enum class Wait : uint8_t {
  None,
  Barrier, ///< bar.sync: released by the block
  Members, ///< a .sync instruction whose member mask is not complete yet; retried on merging
  WarpBar, ///< bar.warp.sync: released by the other members
};

/// Threads of a warp at the same instruction.
struct Group {
  uint32_t pc;
  uint32_t mask;
  Wait wait = Wait::None;
  uint32_t waitArg = 0; ///< barrier number or member mask
};

/// One cp.async of a warp that has not taken effect.
struct PendingCopy {
  uint32_t mask;  ///< lanes whose copy is outstanding
  uint32_t bytes; ///< written per lane
  const Inst *instruction;
  uint32_t shared[32];
  uint64_t global[32];
  uint32_t sourceBytes[32]; ///< read per lane; the rest is zero
  uint32_t group[32];       ///< number of commits before it, per lane
};

/// The current group is (pc, active); the others wait in `others`. The group with the lowest pc
/// runs, and groups that meet merge: with the code layout compilers emit, threads come together
/// where their branches join.
struct Warp {
  uint8_t *base[2] = {nullptr, nullptr}; ///< registers, constants
  uint32_t *preds = nullptr;
  const KernelProgram *program = nullptr;
  BlockState *block = nullptr;
  Worker *worker = nullptr;
  uint32_t pc = 0;
  uint32_t active = 0;
  uint32_t nextPc = UINT32_MAX; ///< lowest pc among runnable `others`
  uint32_t live = 0;            ///< threads that have not exited
  uint32_t initial = 0;         ///< threads the warp began with
  uint32_t carry = 0;           ///< CC.CF, a bit per lane
  uint32_t index = 0;           ///< in the block
  bool stopped = false;         ///< leave the interpreter loop
  bool yielded = false;         ///< stopped by the quantum, runnable
  int budget = 0;               ///< backward branches left in this turn
  std::vector<Group> others;
  std::vector<PendingCopy> copies;
  uint32_t commits[32] = {};
  uint8_t *local = nullptr; ///< localBytes per lane, data then initialisation

  template <class T> T *reg(Ref ref) const { return reinterpret_cast<T *>(base[ref >> 31] + (ref & ~constantBank)); }
  uint32_t readPred(PredRef ref) const { return preds[ref >> 1] ^ -(ref & 1); }
  void writePred(PredRef ref, uint32_t value, uint32_t mask) {
    uint32_t &p = preds[ref >> 1];
    p = (p & ~mask) | (value & mask);
  }

  // Group bookkeeping (Divergence.cpp). ------------------------------------
  /// Sends `taken` of the active threads to `target`; the rest goes on at pc.
  void split(uint32_t taken, uint32_t target);
  /// Takes up the runnable group with the lowest pc, merging those that stand there.
  void regroup();
  /// Puts the lanes of `mask` of the current group to wait at pc - 1 or, with
  /// `advance`, just behind it.
  void suspend(uint32_t mask, Wait wait, uint32_t argument, bool advance);
  /// Makes waiting groups runnable again.
  void release(Wait wait, uint32_t argument);
  void exitLanes(uint32_t mask);
  void updateNextPc();
};

/// Runs until every group is blocked or gone, or the budget is used up.
void runWarp(Warp &warp);

} // namespace qccsim

#endif // QCCSIM_EXEC_WARP_H
