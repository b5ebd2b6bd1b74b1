//===- Access.h - Checked memory accesses of a warp -----------------------===//

#ifndef QCCSIM_MEM_ACCESS_H
#define QCCSIM_MEM_ACCESS_H

#include "check/RaceDetector.h"
#include "exec/Block.h"
#include "ptx/Ast.h"

#include <cstdint>

namespace qccsim {

using ptx::Space;

/// Host memory behind the addresses of some lanes. `data` + offset[l] is what lane l accesses;
/// `init` runs parallel, a byte a byte, null where everything is initialised.
struct Span {
  uint8_t *data;
  uint8_t *init;
  uint64_t offset[32];
  bool isShared;
};

/// Addresses of an instruction: op `base` plus inst.imm; 64-bit where inst.mode & wideAddress.
enum : uint8_t { wideAddress = 1 };
void computeAddresses(Warp &warp, const Inst &inst, Ref base, uint64_t *addresses);

/// Translates the addresses of the lanes of `mask` as far as they lie in one piece of host
/// memory; returns these lanes. The caller goes on with the rest. Checks bounds, alignment
/// (to `alignment`) and, for reads, initialisation and races. Throws Fault.
uint32_t resolve(Warp &warp, const Inst &inst, Space space, AccessKind kind, uint32_t mask, const uint64_t *addresses,
                 unsigned bytes, unsigned alignment, Span &span);

/// The same for shared memory, whose lanes always lie in one piece; `addresses` are offsets.
void resolveShared(Warp &warp, const Inst &inst, AccessKind kind, uint32_t mask, const uint64_t *addresses,
                   unsigned bytes, unsigned alignment, Span &span);

/// Marks what the lanes wrote as initialised.
void markWritten(const Span &span, uint32_t mask, unsigned bytes);

/// Adds the access to the launch's counters.
void countAccess(Warp &warp, Space space, AccessKind kind, uint32_t mask, const uint64_t *addresses, unsigned bytes);

} // namespace qccsim

#endif // QCCSIM_MEM_ACCESS_H
