//===- MemoryOperands.cpp - Modifiers and addresses of memory instructions ===//

#include "ops/MemoryOperands.h"

using namespace qccsim;

Space qccsim::takeSpace(InstBuilder &b) {
  static constexpr Space spaces[] = {Space::Global, Space::Shared, Space::Shared, Space::Local,
                                     Space::Const,  Space::Param,  Space::Param};
  int which = b.takeOneOf({"global", "shared", "shared::cta", "local", "const", "param", "param::entry"});
  return which < 0 ? Space::Generic : spaces[which];
}

MemoryModifiers qccsim::takeMemoryModifiers(InstBuilder &b, bool isLoad) {
  MemoryModifiers m;
  int order = b.takeOneOf({"weak", "volatile", "relaxed", isLoad ? "acquire" : "release"});
  if (order >= 2 && b.takeOneOf({"cta", "cluster", "gpu", "sys"}) < 0)
    b.fail("missing scope");
  m.space = takeSpace(b);
  if (isLoad) {
    b.takeOneOf({"ca", "cg", "cs", "lu", "cv"});
    if (b.take("nc") && m.space != Space::Global)
      b.fail("'.nc' needs '.global'");
  } else {
    b.takeOneOf({"wb", "cg", "cs", "wt"});
  }
  b.takeOneOf({"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"});
  b.takeOneOf({"L2::evict_normal", "L2::evict_first", "L2::evict_last"});
  m.cacheHint = b.take("L2::cache_hint");
  b.takeOneOf({"L2::64B", "L2::128B", "L2::256B"});
  return m;
}

void qccsim::takeAddress(InstBuilder &b, unsigned i, Space space) {
  unsigned bits;
  Space own;
  b.inst.op[0] = b.address(i, bits, own);
  if (space == Space::Generic && own != Space::Register)
    space = own;
  else if (own != Space::Register && own != space)
    b.fail("the variable is in another state space");
  if (bits == 32 && space != Space::Shared && space != Space::Local && space != Space::Param)
    b.fail("32-bit address");
  b.inst.mode = bits == 64 ? wideAddress : 0;
  b.inst.mode2 = static_cast<uint8_t>(space);
}

InstClass qccsim::classOf(Space space) {
  switch (space) {
  case Space::Shared:
    return InstClass::Shared;
  case Space::Generic:
  case Space::Global:
    return InstClass::Global;
  default:
    return InstClass::Other;
  }
}
