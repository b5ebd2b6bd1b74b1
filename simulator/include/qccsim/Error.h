//===- Error.h - Errors of the PTX simulator ------------------------------===//
//
// Every fault the simulator finds is a SimError: in the PTX text, in a launch,
// or in what a kernel does. Nothing in the simulator aborts the process.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_ERROR_H
#define QCCSIM_ERROR_H

#include <stdexcept>
#include <string>

namespace qccsim {

enum class ErrorKind {
  InvalidPtx,             ///< text that is not PTX, or PTX that breaks a rule of the ISA
  UnsupportedInstruction, ///< PTX the simulator does not implement
  OutOfMemory,            ///< device memory exhausted
  InvalidValue,           ///< an argument of this interface that makes no sense
  LaunchOutOfResources,   ///< block too large, too much shared memory, ...
  IllegalAddress,         ///< access outside every allocation, or to a freed one
  MisalignedAddress,      ///< address not a multiple of the access size
  Uninitialised,          ///< read of a byte nothing has written
  Race,                   ///< shared-memory accesses that nothing orders
  Divergence,             ///< .aligned or .sync instruction reached by part of its threads
  Deadlock,               ///< no warp of a block can proceed
  Trap,                   ///< the kernel executed trap
};

/// Lower-case name of a kind, e.g. "illegal address".
const char *toString(ErrorKind kind);

/// what() is one line for PTX and launch errors; for a fault in a kernel it
/// names kernel, PTX line, instruction, block and thread.
class SimError : public std::runtime_error {
public:
  SimError(ErrorKind kind, const std::string &message, unsigned ptxLine = 0)
      : std::runtime_error(message), kind(kind), ptxLine(ptxLine) {}

  ErrorKind kind;
  unsigned ptxLine; ///< 1-based line in the module's text, 0 where none applies
};

} // namespace qccsim

#endif // QCCSIM_ERROR_H
