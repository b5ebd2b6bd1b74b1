//===- MemoryOperands.h - Modifiers and addresses of memory instructions --===//

#ifndef QCCSIM_OPS_MEMORYOPERANDS_H
#define QCCSIM_OPS_MEMORYOPERANDS_H

#include "ir/Builder.h"
#include "mem/Access.h"

namespace qccsim {

struct MemoryModifiers {
  Space space = Space::Generic;
  bool cacheHint = false; ///< an operand with a cache policy follows
};

/// .global, .shared, .shared::cta, ...; Generic where none is given. shared::cluster is refused.
Space takeSpace(InstBuilder &b);

/// State space, ordering, scope, caching and prefetch hints of ld and st. What only concerns
/// caches has no effect; orderings hold anyhow.
MemoryModifiers takeMemoryModifiers(InstBuilder &b, bool isLoad);

/// Address operand i into op[0], imm, mode and mode2; a variable's own space wins over generic.
void takeAddress(InstBuilder &b, unsigned i, Space space);

InstClass classOf(Space space);

} // namespace qccsim

#endif // QCCSIM_OPS_MEMORYOPERANDS_H
