//===- SpecialRegisters.h - Names of special registers --------------------===//

#ifndef QCCSIM_IR_SPECIALREGISTERS_H
#define QCCSIM_IR_SPECIALREGISTERS_H

#include "ir/Program.h"

#include <string_view>

namespace qccsim {

/// Special registers with a fixed value per thread (PTX ISA 9.0, section 10). %clock and
/// %globaltimer are not among them; mov reads those itself.
bool findSpecialRegister(std::string_view name, SpecialRegister &which, unsigned &bits);

} // namespace qccsim

#endif // QCCSIM_IR_SPECIALREGISTERS_H
