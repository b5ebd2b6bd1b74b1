//===- Inst.h - Decoded instructions --------------------------------------===//
//
// A decoded instruction is a handler and the places of its operands. A register
// is an array of 32 lanes: 32-bit words for types up to 32 bits (narrower values
// zero-extended), 64-bit words for 64-bit types. Immediates are registers too,
// broadcast once per kernel, so that a handler needs no operand kinds.
// Predicates are 32-bit masks, a bit per lane.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_IR_INST_H
#define QCCSIM_IR_INST_H

#include "qccsim/Machine.h"

#include <cstdint>
#include <limits>

namespace qccsim {

struct Warp;
struct Inst;

/// Executes `inst` for the lanes of `mask`, which is not 0.
using Handler = void (*)(Warp &warp, const Inst &inst, uint32_t mask);

/// Place of a register: byte offset into the warp's registers, or, with the top
/// bit set, into the kernel's constants.
using Ref = uint32_t;
constexpr Ref constantBank = 0x80000000u;
constexpr Ref noRef = 0x7fffffffu;

/// Predicate operand: index * 2 + negated.
using PredRef = uint32_t;
constexpr PredRef predTrue = 0; ///< predicate 0 is all ones
constexpr PredRef predSink = 2; ///< predicate 1 takes what is not wanted

struct Inst {
  Handler fn = nullptr;
  Ref op[5] = {noRef, noRef, noRef, noRef, noRef};
  PredRef pred[3] = {0, 0, 0}; ///< predicate operands, results first
  PredRef guard = predTrue;
  InstClass cls = InstClass::Integer;
  uint8_t bytes = 0;    ///< memory: bytes per element
  uint8_t count = 0;    ///< memory: elements per lane; otherwise the family's own use
  uint8_t mode = 0;     ///< the family's own use
  uint8_t mode2 = 0;    ///< the family's own use
  bool aligned = false; ///< all live threads of the warp must be here together
  uint32_t target = 0;  ///< branch target
  uint32_t refs = 0;    ///< first of further Refs in KernelProgram::refs
  uint32_t numRefs = 0;
  int64_t imm = 0;        ///< address offset, or the family's own use
  uint32_t statement = 0; ///< index into KernelProgram::lines
};

} // namespace qccsim

#endif // QCCSIM_IR_INST_H
