//===- Members.h - Member masks of .sync instructions ---------------------===//

#ifndef QCCSIM_OPS_MEMBERS_H
#define QCCSIM_OPS_MEMBERS_H

#include "ir/Builder.h"
#include "ops/Lanes.h"

#include <bit>

namespace qccsim {

/// d or d|p as the first operand.
void takePairResult(InstBuilder &b, ptx::Type type);

/// Every lane of `mask` that names `members` must be one of them.
inline void checkMembers(Warp &warp, Ref ref, uint32_t mask, uint32_t members) {
  const uint32_t *masks = warp.reg<const uint32_t>(ref);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    if (masks[lane] == members && !(members >> lane & 1))
      throw Fault{ErrorKind::Divergence, "the thread is not in the member mask it names", lane};
  }
}

/// Calls `body` once for each set of threads that name the same member mask
/// (op `ref`) and are all here. Threads whose set is incomplete wait at the
/// instruction until the others come.
template <class Body> inline void forEachMemberSet(Warp &warp, Ref ref, uint32_t mask, Body body) {
  const uint32_t *masks = warp.reg<const uint32_t>(ref);
  for (uint32_t rest = mask; rest;) {
    uint32_t members = masks[std::countr_zero(rest)], here = 0;
    QCCSIM_LANES here |= uint32_t(masks[l] == members) << l;
    here &= rest;
    rest &= ~here;
    if (here & ~members)
      checkMembers(warp, ref, here, members);
    if (members & warp.live & ~here)
      warp.suspend(here, Wait::Members, members, false);
    else
      body(here);
  }
}

} // namespace qccsim

#endif // QCCSIM_OPS_MEMBERS_H
