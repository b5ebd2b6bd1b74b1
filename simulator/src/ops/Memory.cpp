//===- Memory.cpp - ld, st, cvta, isspacep (PTX ISA 9.0, 9.7.9) -----------===//

#include "mem/Access.h"
#include "mem/Windows.h"
#include "ops/Decode.h"
#include "ops/Lanes.h"
#include "ops/MemoryOperands.h"

#include <cstring>

using namespace qccsim;
using ptx::Operand;
using ptx::Type;

namespace {

/// Element i of each lane to a register. T: what lies in memory; L: the register's lanes; keep:
/// its bits.
template <class T, class L> void loadElement(const Span &span, uint32_t mask, unsigned i, L *d, L keep) {
  if (mask == ~0u) {
    for (unsigned l = 0; l < 32; ++l) {
      T value;
      std::memcpy(&value, span.data + span.offset[l] + i * sizeof(T), sizeof(T));
      d[l] = static_cast<L>(value) & keep;
    }
    return;
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    T value;
    std::memcpy(&value, span.data + span.offset[l] + i * sizeof(T), sizeof(T));
    d[l] = static_cast<L>(value) & keep;
  }
}

/// target: register bits; count: elements; mode: wideAddress; mode2: space.
template <class T> void execLoad(Warp &warp, const Inst &inst, uint32_t mask) {
  uint64_t addresses[32];
  computeAddresses(warp, inst, inst.op[0], addresses);
  auto space = static_cast<Space>(inst.mode2);
  const Ref *refs = warp.program->refs.data() + inst.refs;
  const unsigned bytes = sizeof(T) * inst.count;
  countAccess(warp, space, AccessKind::Read, mask, addresses, bytes);
  for (uint32_t rest = mask; rest;) {
    Span span;
    uint32_t here = resolve(warp, inst, space, AccessKind::Read, rest, addresses, bytes, bytes, span);
    rest &= ~here;
    for (unsigned i = 0; i < inst.count; ++i) {
      if (inst.target == 64)
        loadElement<T, uint64_t>(span, here, i, warp.reg<uint64_t>(refs[i]), ~uint64_t(0));
      else
        loadElement<T, uint32_t>(span, here, i, warp.reg<uint32_t>(refs[i]), inst.target == 16 ? 0xffffu : ~0u);
    }
  }
}

template <class T, class L> void storeElement(const Span &span, uint32_t mask, unsigned i, const L *source) {
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    T value = static_cast<T>(source[l]);
    std::memcpy(span.data + span.offset[l] + i * sizeof(T), &value, sizeof(T));
  }
}

template <class T> void execStore(Warp &warp, const Inst &inst, uint32_t mask) {
  uint64_t addresses[32];
  computeAddresses(warp, inst, inst.op[0], addresses);
  auto space = static_cast<Space>(inst.mode2);
  const Ref *refs = warp.program->refs.data() + inst.refs;
  const unsigned bytes = sizeof(T) * inst.count;
  countAccess(warp, space, AccessKind::Write, mask, addresses, bytes);
  for (uint32_t rest = mask; rest;) {
    Span span;
    uint32_t here = resolve(warp, inst, space, AccessKind::Write, rest, addresses, bytes, bytes, span);
    rest &= ~here;
    for (unsigned i = 0; i < inst.count; ++i) {
      if (inst.target == 64)
        storeElement<T>(span, here, i, warp.reg<const uint64_t>(refs[i]));
      else
        storeElement<T>(span, here, i, warp.reg<const uint32_t>(refs[i]));
    }
    markWritten(span, here, bytes);
  }
}

/// Values of sub-word signed types extend to the register; others are zero-extended.
Handler loadHandler(Type type) {
  switch (type) {
  case Type::S8:
    return execLoad<int8_t>;
  case Type::S16:
    return execLoad<int16_t>;
  case Type::S32:
    return execLoad<int32_t>;
  default:
    break;
  }
  switch (ptx::bitsOf(type)) {
  case 8:
    return execLoad<uint8_t>;
  case 16:
    return execLoad<uint16_t>;
  case 32:
    return execLoad<uint32_t>;
  case 64:
    return execLoad<uint64_t>;
  default:
    return nullptr;
  }
}

Handler storeHandler(Type type) {
  switch (ptx::bitsOf(type)) {
  case 8:
    return execStore<uint8_t>;
  case 16:
    return execStore<uint16_t>;
  case 32:
    return execStore<uint32_t>;
  case 64:
    return execStore<uint64_t>;
  default:
    return nullptr;
  }
}

/// {a, b, ...} or a single register; all of one width.
void takeData(InstBuilder &b, const Operand &data, Type type, unsigned count, bool isLoad) {
  std::vector<Operand> single;
  if (data.kind != Operand::Vector)
    single.push_back(data);
  const std::vector<Operand> &elements = single.empty() ? data.elements : single;
  if (elements.size() != count)
    b.fail("expected " + std::to_string(count) + " elements, found " + std::to_string(elements.size()));
  unsigned common = 0;
  for (const Operand &element : elements) {
    unsigned bits;
    bool sink = element.kind == Operand::Sink;
    b.addRef(isLoad ? b.defWide(element, type, bits) : b.useWide(element, type, bits));
    if (sink)
      continue;
    bits = bits < 16 ? 16 : bits;
    if (common && (common == 64) != (bits == 64))
      b.unsupported("vector of registers of different widths");
    common = std::max(common, bits);
  }
  b.inst.target = common ? common : std::max(16u, ptx::bitsOf(type));
}

void decodeLoadStore(InstBuilder &b, bool isLoad) {
  MemoryModifiers m = takeMemoryModifiers(b, isLoad);
  unsigned count = b.take("v2") ? 2 : b.take("v4") ? 4 : b.take("v8") ? 8 : 1;
  Type type = b.takeType();
  b.finishModifiers();
  unsigned bits = ptx::bitsOf(type);
  if (bits * count > 128)
    b.unsupported("more than 16 bytes per thread");
  b.expectOperands(2, 3);
  if ((b.numOperands() == 3) != m.cacheHint)
    b.fail(m.cacheHint ? "missing cache policy" : "unexpected cache policy");
  if (m.cacheHint)
    b.use(2, Type::B64);
  takeData(b, b.operand(isLoad ? 0 : 1), type, count, isLoad);
  takeAddress(b, isLoad ? 1 : 0, m.space);
  if (m.space == Space::Param && !isLoad)
    b.unsupported("store to a parameter");
  if (m.space == Space::Const && !isLoad)
    b.fail("store to constant memory");
  b.inst.count = count;
  b.inst.cls = classOf(m.space);
  Handler handler = isLoad ? loadHandler(type) : storeHandler(type);
  if (!handler || type == Type::Pred)
    b.unsupported("type");
  b.emit(handler);
}

// Addresses. -------------------------------------------------------------------

struct AddWindow {
  static uint64_t result(uint64_t a, uint64_t window) { return a + window; }
};
struct SubWindow {
  static uint64_t result(uint64_t a, uint64_t window) { return a - window; }
};

uint64_t windowOf(Space space) {
  return space == Space::Shared  ? sharedWindow
         : space == Space::Local ? localWindow
         : space == Space::Param ? parameterWindow
                                 : 0;
}

/// Global and constant addresses are generic addresses.
void decodeCvta(InstBuilder &b) {
  bool to = b.take("to");
  Space space = takeSpace(b);
  if (space == Space::Generic)
    b.fail("missing state space");
  Type type = b.takeType();
  b.finishModifiers();
  b.expectOperands(2);
  if (type != Type::U64)
    b.unsupported("needs .u64");
  b.inst.op[1] = b.use(1, type);
  b.inst.op[2] = b.fb.constant(windowOf(space), 64);
  b.inst.op[0] = b.def(0, type);
  b.emit(to ? execBinary<SubWindow, uint64_t, uint64_t> : execBinary<AddWindow, uint64_t, uint64_t>);
}

void execIsspacep(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint64_t *a = warp.reg<const uint64_t>(inst.op[1]);
  uint32_t bits = 0;
  for (unsigned l = 0; l < 32; ++l) {
    bool windowed = inWindow(a[l], sharedWindow) || inWindow(a[l], localWindow) || inWindow(a[l], parameterWindow);
    bool holds = inst.imm ? inWindow(a[l], uint64_t(inst.imm)) : !windowed;
    bits |= uint32_t(holds) << l;
  }
  warp.writePred(inst.pred[0], bits, mask);
}

void decodeIsspacep(InstBuilder &b) {
  Space space = takeSpace(b);
  b.finishModifiers();
  b.expectOperands(2);
  if (space == Space::Generic || space == Space::Const)
    b.unsupported("state space");
  b.inst.imm = int64_t(windowOf(space));
  b.inst.op[1] = b.use(1, Type::U64);
  b.inst.pred[0] = b.defPred(b.operand(0));
  b.emit(execIsspacep);
}

// Hints without effect. ----------------------------------------------------------

void execNothing(Warp &, const Inst &, uint32_t) {}

void decodePrefetch(InstBuilder &b) {
  Space space = takeSpace(b);
  if (b.takeOneOf({"L1", "L2", "L2::evict_last", "L2::evict_normal"}) < 0)
    b.unsupported();
  b.finishModifiers();
  b.expectOperands(1);
  takeAddress(b, 0, space);
  b.inst.cls = InstClass::Other;
  b.emit(execNothing);
}

/// The policy is a value without meaning here.
void decodeCreatePolicy(InstBuilder &b) {
  if (!b.take("fractional"))
    b.unsupported();
  b.takeOneOf({"L2::evict_last", "L2::evict_normal", "L2::evict_first", "L2::evict_unchanged"});
  b.takeOneOf({"L2::evict_first", "L2::evict_unchanged"});
  if (b.takeType() != Type::B64)
    b.fail("needs .b64");
  b.finishModifiers();
  b.expectOperands(1, 2);
  b.inst.op[1] = b.fb.constant(0, 64);
  b.inst.op[2] = b.inst.op[1];
  b.inst.op[0] = b.def(0, Type::B64);
  b.emit(execBinary<AddWindow, uint64_t, uint64_t>);
}

} // namespace

void qccsim::addMemoryOps(OpcodeTable &table) {
  table["ld"] = [](InstBuilder &b) { decodeLoadStore(b, true); };
  table["st"] = [](InstBuilder &b) { decodeLoadStore(b, false); };
  table["cvta"] = decodeCvta;
  table["isspacep"] = decodeIsspacep;
  table["prefetch"] = decodePrefetch;
  table["createpolicy"] = decodeCreatePolicy;
}
