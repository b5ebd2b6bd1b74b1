//===- Matrix.cpp - ldmatrix, stmatrix, movmatrix, mma (PTX ISA 9.0, 9.7.14)
//===----------------------------------------------------------------------===//

#include "mem/Access.h"
#include "mem/Windows.h"
#include "num/TensorCore.h"
#include "ops/Decode.h"
#include "ops/Lanes.h"
#include "ops/MemoryOperands.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

using namespace qccsim;
using ptx::Operand;
using ptx::Type;

namespace {

void requireFullWarp(uint32_t mask) {
  if (mask == ~0u)
    return;
  char text[80];
  std::snprintf(text, sizeof text, "only threads 0x%08x of the warp execute it, all 32 must", mask);
  throw Fault{ErrorKind::Divergence, text};
}

/// Lane 8 * i + r has the address of row r of matrix i. count: matrices; bytes: transposed.
uint32_t findRows(Warp &warp, const Inst &inst, AccessKind kind, Span &span) {
  uint64_t addresses[32];
  computeAddresses(warp, inst, inst.op[0], addresses);
  uint32_t lanes = inst.count == 4 ? ~0u : (1u << (8 * inst.count)) - 1;
  if (static_cast<Space>(inst.mode2) == Space::Generic)
    QCCSIM_LANES addresses[l] -= sharedWindow;
  countAccess(warp, Space::Shared, kind, lanes, addresses, 16);
  resolveShared(warp, inst, kind, lanes, addresses, 16, 16, span);
  return lanes;
}

void execLdmatrix(Warp &warp, const Inst &inst, uint32_t mask) {
  requireFullWarp(mask);
  Span span;
  findRows(warp, inst, AccessKind::Read, span);
  const Ref *refs = warp.program->refs.data() + inst.refs;
  for (unsigned i = 0; i < inst.count; ++i) {
    uint16_t rows[8][8];
    for (unsigned r = 0; r < 8; ++r)
      std::memcpy(rows[r], span.data + span.offset[8 * i + r], 16);
    ldmatrixDistribute(rows, inst.bytes, warp.reg<uint32_t>(refs[i]));
  }
}

void execStmatrix(Warp &warp, const Inst &inst, uint32_t mask) {
  requireFullWarp(mask);
  Span span;
  uint32_t lanes = findRows(warp, inst, AccessKind::Write, span);
  const Ref *refs = warp.program->refs.data() + inst.refs;
  for (unsigned i = 0; i < inst.count; ++i) {
    uint16_t rows[8][8];
    stmatrixCollect(warp.reg<const uint32_t>(refs[i]), inst.bytes, rows);
    for (unsigned r = 0; r < 8; ++r)
      std::memcpy(span.data + span.offset[8 * i + r], rows[r], 16);
  }
  markWritten(span, lanes, 16);
}

void decodeMatrixAccess(InstBuilder &b, bool isLoad) {
  b.inst.cls = InstClass::Shared;
  bool sync = b.take("sync"), aligned = b.take("aligned");
  int count = b.takeOneOf({"x1", "x2", "x4"});
  bool transposed = b.take("trans");
  Space space = takeSpace(b);
  if (!sync || !aligned || count < 0 || (space != Space::Shared && space != Space::Generic))
    b.fail("needs '.sync.aligned', '.x1', '.x2' or '.x4', and shared memory");
  if (!b.take("m8n8"))
    b.unsupported("shape");
  if (b.takeType() != Type::B16)
    b.unsupported("type");
  b.finishModifiers();
  b.expectOperands(2);
  if (!isLoad && b.fb.program.targetArch < 90)
    b.fail("needs sm_90");
  const Operand &data = b.operand(isLoad ? 0 : 1);
  unsigned expected = 1u << count;
  std::vector<Operand> single{data};
  const std::vector<Operand> &elements = data.kind == Operand::Vector ? data.elements : single;
  if (elements.size() != expected)
    b.fail("expected " + std::to_string(expected) + " registers, found " + std::to_string(elements.size()));
  for (const Operand &element : elements)
    b.addRef(isLoad ? b.def(element, Type::B32) : b.use(element, Type::B32));
  takeAddress(b, isLoad ? 1 : 0, space);
  b.inst.count = expected;
  b.inst.bytes = transposed;
  b.emit(isLoad ? execLdmatrix : execStmatrix);
}

void execMovmatrix(Warp &warp, const Inst &inst, uint32_t mask) {
  requireFullWarp(mask);
  uint16_t rows[8][8];
  stmatrixCollect(warp.reg<const uint32_t>(inst.op[1]), false, rows);
  ldmatrixDistribute(rows, true, warp.reg<uint32_t>(inst.op[0]));
}

void decodeMovmatrix(InstBuilder &b) {
  b.inst.cls = InstClass::Warp;
  if (!b.take("sync") || !b.take("aligned") || !b.take("m8n8") || !b.take("trans"))
    b.fail("needs '.sync.aligned.m8n8.trans'");
  Type type = b.takeType();
  b.finishModifiers();
  b.expectOperands(2);
  if (type != Type::B16)
    b.fail("needs .b16");
  b.inst.op[1] = b.use(1, Type::B32);
  b.inst.op[0] = b.def(0, Type::B32);
  b.emit(execMovmatrix);
}

// mma.sync. -----------------------------------------------------------------------

MmaModel modelOf(const Launch &launch) {
  if (!launch.options->exactTensorCores)
    return MmaModel::Fast;
  int arch = launch.device->computeMajor * 10 + launch.device->computeMinor;
  return arch >= 90 ? MmaModel::Sm90 : arch >= 89 ? MmaModel::Sm89 : MmaModel::Sm80;
}

/// refs: registers of d, a, b, c and of sparse A's metadata; target: which of the program's shapes; mode: ordered.
void execMma(Warp &warp, const Inst &inst, uint32_t mask) {
  requireFullWarp(mask);
  const MmaDesc &desc = warp.program->mmaShapes[inst.target];
  MmaRegisters counts = mmaRegisters(desc);
  const Ref *refs = warp.program->refs.data() + inst.refs;
  uint32_t *d[16];
  const uint32_t *a[16], *b[16], *c[16], *metadata = nullptr;
  for (int i = 0; i < counts.c; ++i)
    d[i] = warp.reg<uint32_t>(*refs++);
  for (int i = 0; i < counts.a; ++i)
    a[i] = warp.reg<const uint32_t>(*refs++);
  for (int i = 0; i < counts.b; ++i)
    b[i] = warp.reg<const uint32_t>(*refs++);
  for (int i = 0; i < counts.c; ++i)
    c[i] = warp.reg<const uint32_t>(*refs++);
  if (desc.sparse) {
    metadata = warp.reg<const uint32_t>(*refs);
    if (const char *problem = mmaMetadataInvalid(desc, metadata, inst.mode))
      throw Fault{ErrorKind::InvalidPtx, problem};
  }
  mmaSync(desc, modelOf(*warp.block->launch), a, b, c, d, metadata);
  warp.worker->stats.tensorMacs += uint64_t(desc.m) * desc.n * desc.k / (desc.sparse ? 2 : 1);
}

bool toMmaType(Type type, MmaType &result) {
  switch (type) {
  case Type::F16:
    result = MmaType::F16;
    return true;
  case Type::BF16:
    result = MmaType::BF16;
    return true;
  case Type::TF32:
    result = MmaType::TF32;
    return true;
  case Type::E4M3:
    result = MmaType::E4M3;
    return true;
  case Type::E5M2:
    result = MmaType::E5M2;
    return true;
  case Type::S8:
    result = MmaType::S8;
    return true;
  case Type::U8:
    result = MmaType::U8;
    return true;
  default:
    return false;
  }
}

bool toAccumulator(Type type, MmaAccumulator &result) {
  switch (type) {
  case Type::F32:
    result = MmaAccumulator::F32;
    return true;
  case Type::F16:
    result = MmaAccumulator::F16;
    return true;
  case Type::S32:
    result = MmaAccumulator::S32;
    return true;
  default:
    return false;
  }
}

void takeFragment(InstBuilder &b, unsigned i, int count, bool isResult) {
  const Operand &operand = b.operand(i);
  if (operand.kind != Operand::Vector || int(operand.elements.size()) != count)
    b.fail("operand " + std::to_string(i + 1) + " needs " + std::to_string(count) + " registers");
  for (const Operand &element : operand.elements)
    b.addRef(isResult ? b.def(element, Type::B32) : b.use(element, Type::B32));
}

void decodeMma(InstBuilder &b) {
  b.inst.cls = InstClass::Tensor;
  bool ordered = b.take("sp::ordered_metadata"), sparse = b.take("sp") || ordered;
  if (!b.take("sync") || !b.take("aligned"))
    b.unsupported("without '.sync.aligned'");
  MmaDesc desc;
  desc.sparse = sparse;
  static constexpr struct {
    std::string_view name;
    int m, n, k;
  } shapes[] = {{"m16n8k4", 16, 8, 4},   {"m16n8k8", 16, 8, 8}, {"m16n8k16", 16, 8, 16}, {"m16n8k32", 16, 8, 32},
                {"m16n8k64", 16, 8, 64}, {"m8n8k4", 8, 8, 4},   {"m8n8k16", 8, 8, 16},   {"m8n8k32", 8, 8, 32}};
  bool known = false;
  for (const auto &shape : shapes) {
    if (!b.take(shape.name))
      continue;
    desc.m = shape.m, desc.n = shape.n, desc.k = shape.k;
    known = true;
    break;
  }
  if (!known)
    b.unsupported("shape");
  if (!b.take("row") || !b.take("col"))
    b.unsupported("layout other than '.row.col'");
  desc.satFinite = b.take("satfinite");
  Type d = b.takeType(), a = b.takeType(), bType = b.takeType(), c = b.takeType();
  b.finishModifiers();
  if (!toMmaType(a, desc.a) || !toMmaType(bType, desc.b) || !toAccumulator(c, desc.c) || d != c)
    b.unsupported("types");
  b.expectOperands(sparse ? 6 : 4);
  if (sparse) {
    if (!b.isImmediate(5))
      b.fail("needs a sparsity selector known when assembling");
    desc.selector = int(std::min<uint64_t>(b.immediate(5), 4));
  }
  if (const char *reason = mmaUnsupported(desc))
    b.unsupported(reason);
  bool fp8 = a == Type::E4M3 || a == Type::E5M2;
  if (b.fb.program.targetArch < (fp8 ? 89 : 80))
    b.fail(fp8 ? "needs sm_89" : "needs sm_80");
  MmaRegisters counts = mmaRegisters(desc);
  takeFragment(b, 0, counts.c, true);
  takeFragment(b, 1, counts.a, false);
  takeFragment(b, 2, counts.b, false);
  takeFragment(b, 3, counts.c, false);
  if (sparse)
    b.addRef(b.use(4, Type::B32));
  b.inst.mode = ordered;
  b.inst.target = b.fb.program.mmaShapes.size();
  b.fb.program.mmaShapes.push_back(desc);
  b.emit(execMma);
}

} // namespace

void qccsim::addMatrixOps(OpcodeTable &table) {
  table["ldmatrix"] = [](InstBuilder &b) { decodeMatrixAccess(b, true); };
  table["stmatrix"] = [](InstBuilder &b) { decodeMatrixAccess(b, false); };
  table["movmatrix"] = decodeMovmatrix;
  table["mma"] = decodeMma;
}
