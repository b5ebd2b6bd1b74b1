//===- Control.cpp - Branches, barriers, fences (PTX ISA 9.0, 9.7.12-13) --===//

#include "exec/Block.h"
#include "ir/ControlFlow.h"
#include "ops/Decode.h"
#include "ops/Lanes.h"

#include <cstdio>

using namespace qccsim;
using ptx::Operand;
using ptx::Symbol;
using ptx::Type;

namespace {

void execNothing(Warp &, const Inst &, uint32_t) {}

void execTrap(Warp &, const Inst &, uint32_t mask) {
  throw Fault{ErrorKind::Trap, "the kernel gave up", std::countr_zero(mask)};
}

void decodeBra(InstBuilder &b) {
  b.inst.cls = InstClass::Control;
  b.take("uni");
  b.finishModifiers();
  b.expectOperands(1);
  const Operand &label = b.operand(0);
  if (label.kind != Operand::Symbol_ || label.symbol->kind != Symbol::Label)
    b.fail("the target must be a label");
  b.inst.target = label.symbol->id;
  b.emit(execBranch);
}

void decodeBrx(InstBuilder &b) {
  b.inst.cls = InstClass::Control;
  if (!b.take("idx"))
    b.unsupported();
  b.take("uni");
  b.finishModifiers();
  b.expectOperands(1);
  if (b.st.branchTargets.empty())
    b.fail("the list of targets is not declared");
  std::vector<uint32_t> targets;
  for (const Symbol *label : b.st.branchTargets)
    targets.push_back(label->id);
  b.inst.op[0] = b.use(0, Type::U32);
  b.inst.target = b.fb.program.branchTables.size();
  b.fb.program.branchTables.push_back(std::move(targets));
  b.emit(execIndexedBranch);
}

void decodeExit(InstBuilder &b) {
  b.inst.cls = InstClass::Control;
  b.take("uni");
  b.finishModifiers();
  b.expectOperands(0);
  b.emit(execExit);
}

// Barriers. -------------------------------------------------------------------

uint32_t uniformValue(Warp &warp, Ref ref, uint32_t mask, const char *what) {
  const uint32_t *values = warp.reg<const uint32_t>(ref);
  uint32_t first = values[std::countr_zero(mask)];
  for (unsigned l = 0; l < 32; ++l)
    if ((mask >> l & 1) && values[l] != first)
      throw Fault{ErrorKind::InvalidPtx, std::string(what) + " differs between threads of the warp", int(l)};
  return first;
}

enum : uint8_t { barSync, barArrive, barRed };

/// mode: which; mode2: 1 + reduction of bar.red; op[0] barrier, op[1] threads, pred[1] the vote.
void execBarrier(Warp &warp, const Inst &inst, uint32_t mask) {
  if (inst.aligned && mask != warp.live) {
    char text[96];
    std::snprintf(text, sizeof text, "only threads 0x%08x of the warp's 0x%08x reach this barrier", mask, warp.live);
    throw Fault{ErrorKind::Divergence, text};
  }
  uint32_t id = uniformValue(warp, inst.op[0], mask, "the barrier's number");
  if (id > 15)
    throw Fault{ErrorKind::InvalidPtx, "barrier " + std::to_string(id) + ", there are 16"};
  bool all = inst.op[1] == noRef;
  uint32_t expected = all ? 0 : uniformValue(warp, inst.op[1], mask, "the number of threads");
  if (!all && (expected == 0 || expected % 32))
    throw Fault{ErrorKind::InvalidPtx, std::to_string(expected) + " threads at a barrier, must be a multiple of 32"};
  uint32_t votes = 0;
  if (inst.mode == barRed)
    votes = std::popcount(warp.readPred(inst.pred[1]) & mask);
  warp.block->arrive(warp, mask, id, all, expected, votes, inst.mode != barArrive);
}

void decodeBarrier(InstBuilder &b) {
  bool isBar = b.st.parts[0] == "bar";
  b.inst.cls = InstClass::Barrier;
  if (isBar && b.take("warp"))
    return decodeWarpBarrier(b);
  b.take("cta");
  int what = b.takeOneOf({"sync", "arrive", "red"});
  b.inst.aligned = b.take("aligned") || isBar;
  if (what < 0)
    b.unsupported();
  b.inst.mode = what;
  int reduction = what == barRed ? b.takeOneOf({"popc", "and", "or"}) : -1;
  if (what == barRed) {
    if (reduction < 0)
      b.fail("missing reduction");
    if (b.takeType() != (reduction == 0 ? Type::U32 : Type::Pred))
      b.fail("wrong type");
  }
  b.finishModifiers();
  unsigned first = what == barRed ? 1 : 0;
  unsigned tail = what == barRed ? 1 : 0;
  b.expectOperands(first + 1 + tail, first + 2 + tail);
  b.inst.op[0] = b.use(first, Type::U32);
  if (b.numOperands() > first + 1 + tail)
    b.inst.op[1] = b.use(first + 1, Type::U32);
  else if (what == barArrive)
    b.fail("needs the number of threads");
  if (what == barRed) {
    b.inst.pred[1] = b.usePred(b.numOperands() - 1);
    b.inst.mode2 = 1 + reduction;
    if (reduction == 0)
      b.inst.op[2] = b.def(0, Type::U32);
    else
      b.inst.pred[0] = b.defPred(b.operand(0));
  }
  b.emit(execBarrier);
}

/// Sequential consistency comes with interpretation; a fence orders nothing more.
void decodeFence(InstBuilder &b) {
  b.inst.cls = InstClass::Barrier;
  if (b.st.parts[0] == "membar") {
    if (b.takeOneOf({"cta", "gl", "sys"}) < 0)
      b.unsupported();
  } else {
    if (b.remaining().empty() || b.remaining().front() == "proxy" || b.remaining().front().starts_with("mbarrier"))
      b.unsupported();
    b.takeOneOf({"sc", "acq_rel", "acquire", "release"});
    if (b.takeOneOf({"cta", "gpu", "sys"}) < 0)
      b.unsupported("scope");
  }
  b.finishModifiers();
  b.expectOperands(0);
  b.emit(execNothing);
}

/// Kernels of a stream run one after the other: what they wait for has happened.
void decodeGridDependency(InstBuilder &b) {
  b.inst.cls = InstClass::Barrier;
  if (b.takeOneOf({"wait", "launch_dependents"}) < 0)
    b.unsupported();
  b.finishModifiers();
  b.expectOperands(0);
  b.emit(execNothing);
}

/// Takes the turn away: threads sleep while they wait for somebody.
void execSleep(Warp &warp, const Inst &, uint32_t) {
  warp.yielded = true;
  warp.stopped = true;
}

void decodeNanosleep(InstBuilder &b) {
  b.inst.cls = InstClass::Control;
  if (b.takeType() != Type::U32)
    b.fail("needs .u32");
  b.finishModifiers();
  b.expectOperands(1);
  b.inst.op[0] = b.use(0, Type::U32);
  b.emit(execSleep);
}

} // namespace

void qccsim::addControlOps(OpcodeTable &table) {
  table["bra"] = decodeBra;
  table["brx"] = decodeBrx;
  table["ret"] = decodeExit;
  table["exit"] = decodeExit;
  table["bar"] = decodeBarrier;
  table["barrier"] = decodeBarrier;
  table["fence"] = decodeFence;
  table["membar"] = decodeFence;
  table["griddepcontrol"] = decodeGridDependency;
  table["nanosleep"] = decodeNanosleep;
  table["trap"] = [](InstBuilder &b) {
    b.inst.cls = InstClass::Control;
    b.finishModifiers();
    b.expectOperands(0);
    b.emit(execTrap);
  };
}
