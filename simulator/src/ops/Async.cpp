//===- Async.cpp - cp.async (PTX ISA 9.0, 9.7.9.25.3) ---------------------===//
//
// A copy is issued by a thread and done when that thread waits for its group. In between its
// destination is in flight: reading it is an error, whenever the copy takes effect.
//
//===----------------------------------------------------------------------===//

#include "mem/Access.h"
#include "mem/Windows.h"
#include "ops/Decode.h"
#include "ops/Lanes.h"
#include "ops/MemoryOperands.h"

#include <algorithm>
#include <cstring>

using namespace qccsim;
using ptx::Operand;
using ptx::Type;

namespace {

/// Reads the sources and writes the destinations of the lanes of `lanes`.
void perform(Warp &warp, const Inst &inst, const PendingCopy &copy, uint32_t lanes) {
  uint8_t *shared = warp.block->shared.data();
  for (uint32_t rest = lanes; rest; rest &= rest - 1)
    std::memset(shared + copy.shared[std::countr_zero(rest)], 0, copy.bytes);
  // Lanes read different amounts only at the edges of a matrix.
  for (uint32_t rest = lanes; rest;) {
    uint32_t bytes = copy.sourceBytes[std::countr_zero(rest)], same = 0;
    QCCSIM_LANES same |= uint32_t(copy.sourceBytes[l] == bytes) << l;
    same &= rest;
    rest &= ~same;
    for (uint32_t left = bytes ? same : 0; left;) {
      Span span;
      uint32_t here = resolve(warp, inst, Space::Global, AccessKind::Read, left, copy.global, bytes, 1, span);
      left &= ~here;
      for (uint32_t l = here; l; l &= l - 1) {
        unsigned lane = std::countr_zero(l);
        std::memcpy(shared + copy.shared[lane], span.data + span.offset[lane], bytes);
      }
    }
  }
}

void setState(Warp &warp, const PendingCopy &copy, uint32_t lanes, uint8_t state) {
  uint8_t *init = warp.block->sharedInit.data();
  for (uint32_t rest = lanes; rest; rest &= rest - 1)
    std::memset(init + copy.shared[std::countr_zero(rest)], state, copy.bytes);
}

/// Refuses addresses that the copy could not use, at its issue whenever it takes effect.
void checkAddresses(Warp &warp, const Inst &inst, uint32_t mask, const PendingCopy &copy) {
  Span span;
  uint64_t destinations[32];
  QCCSIM_LANES destinations[l] = copy.shared[l];
  resolveShared(warp, inst, AccessKind::Write, mask, destinations, copy.bytes, copy.bytes, span);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    if (copy.sourceBytes[lane] > copy.bytes)
      throw Fault{ErrorKind::InvalidPtx,
                  "source of " + std::to_string(copy.sourceBytes[lane]) + " bytes for a copy of " +
                      std::to_string(copy.bytes),
                  lane};
    if (copy.global[lane] % copy.bytes && copy.sourceBytes[lane])
      throw Fault{ErrorKind::MisalignedAddress,
                  "source address " + std::to_string(copy.global[lane]) + " is not a multiple of " +
                      std::to_string(copy.bytes),
                  lane};
  }
}

/// op[0] destination, op[1] source, op[2] source size or noRef; pred[0] with mode & 2: ignore the
/// source; target: offset of the source; count: bytes.
void execCopy(Warp &warp, const Inst &inst, uint32_t mask) {
  PendingCopy &copy = warp.copies.emplace_back();
  copy.mask = mask;
  copy.bytes = inst.count;
  copy.instruction = &inst;
  uint64_t destinations[32];
  computeAddresses(warp, inst, inst.op[0], destinations);
  const uint64_t *source = warp.reg<const uint64_t>(inst.op[1]);
  uint32_t ignored = inst.mode2 ? warp.readPred(inst.pred[0]) : 0;
  QCCSIM_LANES {
    copy.shared[l] = uint32_t(destinations[l] >= sharedWindow ? destinations[l] - sharedWindow : destinations[l]);
    copy.global[l] = source[l] + uint64_t(int64_t(int32_t(inst.target)));
    copy.sourceBytes[l] = (ignored >> l & 1) ? 0 : inst.count;
    copy.group[l] = warp.commits[l];
  }
  if (inst.op[2] != noRef) {
    const uint32_t *sizes = warp.reg<const uint32_t>(inst.op[2]);
    QCCSIM_LANES copy.sourceBytes[l] = sizes[l];
  }
  checkAddresses(warp, inst, mask, copy);
  countAccess(warp, Space::Global, AccessKind::Read, mask, copy.global, copy.bytes);
  countAccess(warp, Space::Shared, AccessKind::Write, mask, destinations, copy.bytes);
  if (warp.block->launch->options->asyncEffect == AsyncEffect::Early)
    perform(warp, inst, copy, mask);
  setState(warp, copy, mask, byteInFlight);
}

/// Completes the copies of the lanes of `mask` in all but the newest `keep` groups.
void complete(Warp &warp, const Inst &wait, uint32_t mask, uint32_t keep) {
  bool late = warp.block->launch->options->asyncEffect == AsyncEffect::Late;
  for (PendingCopy &copy : warp.copies) {
    uint32_t done = 0;
    QCCSIM_LANES done |= uint32_t(copy.group[l] + keep < warp.commits[l]) << l;
    done &= copy.mask & mask;
    if (!done)
      continue;
    if (late)
      perform(warp, *copy.instruction, copy, done);
    setState(warp, copy, done, byteSet);
    if (warp.block->races) {
      // The data arrives now; from here on others must synchronise with this warp.
      Span span;
      uint64_t destinations[32];
      QCCSIM_LANES destinations[l] = copy.shared[l];
      resolveShared(warp, wait, AccessKind::Write, done, destinations, copy.bytes, 1, span);
    }
    copy.mask &= ~done;
  }
  std::erase_if(warp.copies, [](const PendingCopy &copy) { return copy.mask == 0; });
}

void execCommit(Warp &warp, const Inst &, uint32_t mask) { QCCSIM_LANES warp.commits[l] += mask >> l & 1; }

void execWaitGroup(Warp &warp, const Inst &inst, uint32_t mask) { complete(warp, inst, mask, uint32_t(inst.imm)); }

void execWaitAll(Warp &warp, const Inst &inst, uint32_t mask) {
  execCommit(warp, inst, mask);
  complete(warp, inst, mask, 0);
}

void decodeCopy(InstBuilder &b) {
  bool global = b.takeOneOf({"cg"}) == 0;
  if (!global && !b.take("ca"))
    b.unsupported();
  if (!b.take("shared") && !b.take("shared::cta"))
    b.unsupported("destination state space");
  if (!b.take("global"))
    b.unsupported("source state space");
  bool hint = b.take("L2::cache_hint");
  b.takeOneOf({"L2::64B", "L2::128B", "L2::256B"});
  b.finishModifiers();
  b.expectOperands(hint ? 4 : 3, hint ? 5 : 4);
  uint64_t bytes = b.immediate(2);
  if (bytes != 16 && (global || (bytes != 4 && bytes != 8)))
    b.fail(std::to_string(bytes) + " bytes; '.cg' copies 16, '.ca' 4, 8 or 16");
  b.inst.count = bytes;
  if (hint)
    b.use(b.numOperands() - 1, Type::B64);
  unsigned optional = b.numOperands() - (hint ? 1 : 0);
  if (optional == 4) {
    const Operand &size = b.operand(3);
    bool isPred = size.symbol && size.symbol->type == Type::Pred;
    b.inst.mode2 = isPred;
    if (isPred)
      b.inst.pred[0] = b.usePred(3);
    else
      b.inst.op[2] = b.use(3, Type::U32);
  }
  unsigned bits;
  Space own;
  b.inst.op[1] = b.address(1, bits, own);
  if (bits != 64)
    b.fail("32-bit source address");
  int64_t offset = b.inst.imm;
  if (own != Space::Register) {
    b.inst.op[1] = b.fb.constant(uint64_t(offset), 64);
    offset = 0;
  }
  if (offset != int32_t(offset))
    b.unsupported("source offset beyond 32 bits");
  b.inst.target = uint32_t(int32_t(offset));
  b.inst.op[0] = b.address(0, bits, own);
  b.inst.mode = bits == 64 ? wideAddress : 0;
  b.inst.cls = InstClass::Global;
  b.emit(execCopy);
}

void decodeCp(InstBuilder &b) {
  if (!b.take("async"))
    b.unsupported();
  b.inst.cls = InstClass::Barrier;
  int what = b.takeOneOf({"commit_group", "wait_group", "wait_all"});
  if (what < 0) {
    // cp.async.bulk and cp.async.mbarrier have other first modifiers.
    if (b.remaining().empty() || (b.remaining()[0] != "ca" && b.remaining()[0] != "cg"))
      b.unsupported();
    return decodeCopy(b);
  }
  b.finishModifiers();
  b.expectOperands(what == 1 ? 1 : 0);
  if (what == 1)
    b.inst.imm = int64_t(b.immediate(0));
  b.emit(what == 0 ? execCommit : what == 1 ? execWaitGroup : execWaitAll);
}

} // namespace

void qccsim::addAsyncOps(OpcodeTable &table) { table["cp"] = decodeCp; }
