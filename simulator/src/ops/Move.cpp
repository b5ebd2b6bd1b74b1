//===- Move.cpp - mov: copies, packing, clocks (PTX ISA 9.0, 9.7.9.4) -----===//

#include "exec/Block.h"
#include "ops/Decode.h"
#include "ops/Lanes.h"

#include <chrono>

using namespace qccsim;
using ptx::Operand;
using ptx::Type;

namespace {

template <class L> struct Copy {
  static L result(L a) { return a; }
};

/// refs: the elements, lowest first; op[0] the packed register. mode: bits of an element.
void execPack(Warp &warp, const Inst &inst, uint32_t mask) {
  const Ref *refs = warp.program->refs.data() + inst.refs;
  uint64_t values[32] = {};
  for (unsigned i = 0; i < inst.numRefs; ++i) {
    const uint32_t *element = warp.reg<const uint32_t>(refs[i]);
    uint64_t elementMask = (uint64_t(1) << inst.mode) - 1;
    QCCSIM_LANES values[l] |= (element[l] & elementMask) << (inst.mode * i);
  }
  if (inst.mode2 == 64) {
    storeLanes(warp.reg<uint64_t>(inst.op[0]), values, mask);
    return;
  }
  uint32_t narrow[32];
  QCCSIM_LANES narrow[l] = uint32_t(values[l]);
  storeLanes(warp.reg<uint32_t>(inst.op[0]), narrow, mask);
}

void execUnpack(Warp &warp, const Inst &inst, uint32_t mask) {
  const Ref *refs = warp.program->refs.data() + inst.refs;
  uint64_t values[32];
  if (inst.mode2 == 64) {
    const uint64_t *source = warp.reg<const uint64_t>(inst.op[0]);
    QCCSIM_LANES values[l] = source[l];
  } else {
    const uint32_t *source = warp.reg<const uint32_t>(inst.op[0]);
    QCCSIM_LANES values[l] = source[l];
  }
  uint64_t elementMask = (uint64_t(1) << inst.mode) - 1;
  for (unsigned i = 0; i < inst.numRefs; ++i) {
    uint32_t element[32];
    QCCSIM_LANES element[l] = uint32_t(values[l] >> (inst.mode * i) & elementMask);
    storeLanes(warp.reg<uint32_t>(refs[i]), element, mask);
  }
}

/// %clock and %globaltimer: instructions of the warp, and nanoseconds; both only ever grow.
template <class L> void execClock(Warp &warp, const Inst &inst, uint32_t mask) {
  uint64_t now =
      inst.mode ? std::chrono::steady_clock::now().time_since_epoch().count() : warp.worker->stats.totalInstructions();
  L values[32];
  QCCSIM_LANES values[l] = L(now);
  storeLanes(warp.reg<L>(inst.op[0]), values, mask);
}

Type elementType(unsigned bits) { return bits == 8 ? Type::B8 : bits == 16 ? Type::B16 : Type::B32; }

void emitPacking(InstBuilder &b, Type type, const Operand &vector, const Operand &whole, bool unpack) {
  unsigned bits = ptx::bitsOf(type), count = vector.elements.size();
  if (bits < 16 || bits > 64 || (count != 2 && count != 4) || bits / count < 8)
    b.unsupported("vector of " + std::to_string(count) + " elements");
  b.inst.mode = bits / count;
  b.inst.mode2 = bits;
  Type element = elementType(bits / count);
  if (!unpack)
    for (const Operand &operand : vector.elements)
      b.addRef(b.use(operand, element));
  b.inst.op[0] = unpack ? b.use(whole, type) : b.def(whole, type);
  if (unpack)
    for (const Operand &operand : vector.elements)
      b.addRef(b.def(operand, element));
  b.emit(unpack ? execUnpack : execPack);
}

void decodeMov(InstBuilder &b) {
  Type type = b.takeType();
  b.finishModifiers();
  b.expectOperands(2);
  const Operand &to = b.operand(0), &from = b.operand(1);
  if (type == Type::Pred) {
    b.inst.pred[0] = b.defPred(to);
    b.inst.pred[1] = b.usePred(from);
    return b.emit([](Warp &warp, const Inst &inst, uint32_t mask) {
      warp.writePred(inst.pred[0], warp.readPred(inst.pred[1]), mask);
    });
  }
  if (to.kind == Operand::Vector)
    return emitPacking(b, type, to, from, true);
  if (from.kind == Operand::Vector)
    return emitPacking(b, type, from, to, false);
  bool wide = ptx::bitsOf(type) == 64;
  if (from.kind == Operand::Special) {
    bool clock = from.name == "%clock" || from.name == "%clock64";
    bool timer = from.name == "%globaltimer" || from.name == "%globaltimer_lo";
    if (from.name == "%clock_hi")
      b.unsupported("special register '%clock_hi'");
    if (clock || timer) {
      b.inst.mode = timer;
      b.inst.op[0] = b.def(to, type);
      return b.emit(wide ? execClock<uint64_t> : execClock<uint32_t>);
    }
  }
  Handler handler = nullptr;
  if (ptx::bitsOf(type) <= 32)
    handler = execUnary<Copy<uint32_t>, uint32_t, uint32_t>;
  else if (wide)
    handler = execUnary<Copy<uint64_t>, uint64_t, uint64_t>;
  if (!handler)
    b.unsupported("type");
  b.inst.op[1] = b.use(from, type);
  b.inst.op[0] = b.def(to, type);
  b.emit(handler);
}

} // namespace

void qccsim::addMoveOps(OpcodeTable &table) { table["mov"] = decodeMov; }
