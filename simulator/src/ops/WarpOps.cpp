//===- WarpOps.cpp - shfl, vote, match, redux, elect (9.7.9.6, 9.7.13) ----===//

#include "exec/Block.h"
#include "ops/Decode.h"
#include "ops/Members.h"

using namespace qccsim;
using ptx::Operand;
using ptx::Type;

namespace {

enum : uint8_t { shflUp, shflDown, shflBfly, shflIdx };

void shuffle(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint32_t *a = warp.reg<const uint32_t>(inst.op[1]);
  const uint32_t *b = warp.reg<const uint32_t>(inst.op[2]);
  const uint32_t *c = warp.reg<const uint32_t>(inst.op[3]);
  uint32_t values[32], inRange = 0;
  for (int lane = 0; lane < 32; ++lane) {
    int offset = b[lane] & 31, clamp = c[lane] & 31, segment = c[lane] >> 8 & 31;
    int last = (lane & segment) | (clamp & ~segment), first = lane & segment;
    int from = lane;
    bool valid = false;
    switch (inst.mode) {
    case shflUp:
      from = lane - offset;
      valid = from >= last;
      break;
    case shflDown:
      from = lane + offset;
      valid = from <= last;
      break;
    case shflBfly:
      from = lane ^ offset;
      valid = from <= last;
      break;
    case shflIdx:
      from = first | (offset & ~segment);
      valid = from <= last;
      break;
    }
    values[lane] = a[valid ? from & 31 : lane];
    inRange |= uint32_t(valid) << lane;
  }
  storeLanes(warp.reg<uint32_t>(inst.op[0]), values, mask);
  warp.writePred(inst.pred[0], inRange, mask);
}

void execShfl(Warp &warp, const Inst &inst, uint32_t mask) {
  forEachMemberSet(warp, inst.op[4], mask, [&](uint32_t members) { shuffle(warp, inst, members); });
}

void decodeShfl(InstBuilder &b) {
  b.inst.cls = InstClass::Warp;
  if (!b.take("sync"))
    b.unsupported("without '.sync'");
  int mode = b.takeOneOf({"up", "down", "bfly", "idx"});
  if (mode < 0 || b.takeType() != Type::B32)
    b.fail("needs a mode and .b32");
  b.finishModifiers();
  b.expectOperands(5);
  b.inst.mode = mode;
  for (unsigned i = 1; i < 5; ++i)
    b.inst.op[i] = b.use(i, Type::B32);
  takePairResult(b, Type::B32);
  b.emit(execShfl);
}

enum : uint8_t { voteAll, voteAny, voteUni, voteBallot };

void execVote(Warp &warp, const Inst &inst, uint32_t mask) {
  forEachMemberSet(warp, inst.op[4], mask, [&](uint32_t members) {
    uint32_t votes = warp.readPred(inst.pred[1]) & members;
    if (inst.mode == voteBallot) {
      uint32_t *d = warp.reg<uint32_t>(inst.op[0]);
      QCCSIM_LANES d[l] = (members >> l & 1) ? votes : d[l];
      return;
    }
    bool result = inst.mode == voteAll   ? votes == members
                  : inst.mode == voteAny ? votes != 0
                                         : votes == members || votes == 0;
    warp.writePred(inst.pred[0], result ? ~0u : 0, members);
  });
}

void decodeVote(InstBuilder &b) {
  b.inst.cls = InstClass::Warp;
  if (!b.take("sync"))
    b.unsupported("without '.sync'");
  int mode = b.takeOneOf({"all", "any", "uni", "ballot"});
  Type type = b.takeType();
  b.finishModifiers();
  b.expectOperands(3);
  if (mode < 0 || type != (mode == voteBallot ? Type::B32 : Type::Pred))
    b.fail("bad mode or type");
  b.inst.mode = mode;
  b.inst.op[4] = b.use(2, Type::B32);
  b.inst.pred[1] = b.usePred(1);
  if (mode == voteBallot)
    b.inst.op[0] = b.def(0, Type::B32);
  else
    b.inst.pred[0] = b.defPred(b.operand(0));
  b.emit(execVote);
}

/// match.any: the lanes that hold the same value; match.all (mode 1): all members or none.
template <class L> void execMatch(Warp &warp, const Inst &inst, uint32_t mask) {
  forEachMemberSet(warp, inst.op[4], mask, [&](uint32_t members) {
    const L *a = warp.reg<const L>(inst.op[1]);
    uint32_t values[32];
    bool all = true;
    for (unsigned l = 0; l < 32; ++l) {
      if (!(members >> l & 1))
        continue;
      uint32_t same = 0;
      for (unsigned k = 0; k < 32; ++k)
        same |= uint32_t((members >> k & 1) && a[k] == a[l]) << k;
      values[l] = same;
      all &= same == members;
    }
    if (inst.mode)
      for (uint32_t &value : values)
        value = all ? members : 0;
    storeLanes(warp.reg<uint32_t>(inst.op[0]), values, members);
    warp.writePred(inst.pred[0], all ? ~0u : 0, members);
  });
}

void decodeMatch(InstBuilder &b) {
  b.inst.cls = InstClass::Warp;
  int mode = b.takeOneOf({"any", "all"});
  if (!b.take("sync") || mode < 0)
    b.fail("needs '.any' or '.all' and '.sync'");
  Type type = b.takeType();
  b.finishModifiers();
  b.expectOperands(3);
  if (type != Type::B32 && type != Type::B64)
    b.fail("needs .b32 or .b64");
  b.inst.mode = mode;
  b.inst.op[1] = b.use(1, type);
  b.inst.op[4] = b.use(2, Type::B32);
  if (mode == 1) {
    takePairResult(b, Type::B32);
  } else {
    b.inst.op[0] = b.def(0, Type::B32);
    b.inst.pred[0] = predSink;
  }
  b.emit(type == Type::B64 ? execMatch<uint64_t> : execMatch<uint32_t>);
}

enum : uint8_t { reduxAdd, reduxMin, reduxMax, reduxAnd, reduxOr, reduxXor };

template <class T> T reduce(uint8_t op, T a, T b) {
  switch (op) {
  case reduxAdd:
    return T(uint32_t(a) + uint32_t(b));
  case reduxMin:
    return a < b ? a : b;
  case reduxMax:
    return a > b ? a : b;
  case reduxAnd:
    return a & b;
  case reduxOr:
    return a | b;
  default:
    return a ^ b;
  }
}

template <class T> void execRedux(Warp &warp, const Inst &inst, uint32_t mask) {
  forEachMemberSet(warp, inst.op[4], mask, [&](uint32_t members) {
    const uint32_t *a = warp.reg<const uint32_t>(inst.op[1]);
    T result = T(a[std::countr_zero(members)]);
    for (uint32_t rest = members & (members - 1); rest; rest &= rest - 1)
      result = reduce<T>(inst.mode, result, T(a[std::countr_zero(rest)]));
    uint32_t *d = warp.reg<uint32_t>(inst.op[0]);
    QCCSIM_LANES d[l] = (members >> l & 1) ? uint32_t(result) : d[l];
  });
}

void decodeRedux(InstBuilder &b) {
  b.inst.cls = InstClass::Warp;
  if (!b.take("sync"))
    b.fail("needs '.sync'");
  int op = b.takeOneOf({"add", "min", "max", "and", "or", "xor"});
  Type type = b.takeType();
  b.finishModifiers();
  b.expectOperands(3);
  bool bitwise = op >= reduxAnd;
  if (op < 0 || (bitwise ? type != Type::B32 : type != Type::U32 && type != Type::S32))
    b.unsupported("operation or type");
  b.inst.mode = op;
  b.inst.op[1] = b.use(1, type);
  b.inst.op[4] = b.use(2, Type::B32);
  b.inst.op[0] = b.def(0, type);
  b.emit(type == Type::S32 ? execRedux<int32_t> : execRedux<uint32_t>);
}

void execActivemask(Warp &warp, const Inst &inst, uint32_t mask) {
  uint32_t *d = warp.reg<uint32_t>(inst.op[0]);
  QCCSIM_LANES d[l] = (mask >> l & 1) ? mask : d[l];
}

void decodeActivemask(InstBuilder &b) {
  b.inst.cls = InstClass::Warp;
  if (b.takeType() != Type::B32)
    b.fail("needs .b32");
  b.finishModifiers();
  b.expectOperands(1);
  b.inst.op[0] = b.def(0, Type::B32);
  b.emit(execActivemask);
}

/// The ISA leaves the choice of the leader open; hardware takes the lowest lane.
void execElect(Warp &warp, const Inst &inst, uint32_t mask) {
  forEachMemberSet(warp, inst.op[4], mask, [&](uint32_t members) {
    uint32_t leader = std::countr_zero(members);
    uint32_t *d = warp.reg<uint32_t>(inst.op[0]);
    QCCSIM_LANES d[l] = (members >> l & 1) ? leader : d[l];
    warp.writePred(inst.pred[0], 1u << leader, members);
  });
}

void decodeElect(InstBuilder &b) {
  b.inst.cls = InstClass::Warp;
  if (!b.take("sync"))
    b.fail("needs '.sync'");
  b.finishModifiers();
  b.expectOperands(2);
  if (b.operand(0).kind != Operand::Pair)
    b.fail("needs a result d|p");
  b.inst.op[4] = b.use(1, Type::B32);
  takePairResult(b, Type::B32);
  b.emit(execElect);
}

/// Waits until every member is at a bar.warp.sync with the same mask, whichever it is.
void execWarpBarrier(Warp &warp, const Inst &inst, uint32_t mask) {
  uint32_t members = warp.reg<const uint32_t>(inst.op[4])[std::countr_zero(mask)];
  checkMembers(warp, inst.op[4], mask, members);
  uint32_t arrived = mask;
  for (const Group &group : warp.others)
    if (group.wait == Wait::WarpBar && group.waitArg == members)
      arrived |= group.mask;
  if ((members & warp.live & ~arrived) == 0) {
    warp.release(Wait::WarpBar, members);
    return;
  }
  warp.suspend(mask, Wait::WarpBar, members, true);
}

} // namespace

void qccsim::takePairResult(InstBuilder &b, Type type) {
  const Operand &result = b.operand(0);
  bool pair = result.kind == Operand::Pair;
  b.inst.op[0] = b.def(pair ? result.elements[0] : result, type);
  b.inst.pred[0] = pair ? b.defPred(result.elements[1]) : predSink;
}

void qccsim::decodeWarpBarrier(InstBuilder &b) {
  if (!b.take("sync"))
    b.fail("needs '.sync'");
  b.finishModifiers();
  b.expectOperands(1);
  b.inst.op[4] = b.use(0, Type::B32);
  b.emit(execWarpBarrier);
}

void qccsim::addWarpOps(OpcodeTable &table) {
  table["shfl"] = decodeShfl;
  table["vote"] = decodeVote;
  table["match"] = decodeMatch;
  table["redux"] = decodeRedux;
  table["activemask"] = decodeActivemask;
  table["elect"] = decodeElect;
}
