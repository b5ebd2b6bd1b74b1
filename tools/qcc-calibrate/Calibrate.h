//===- Calibrate.h - Gather, merge and show statistics ------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_CALIBRATE_CALIBRATE_H
#define QCC_TOOLS_QCC_CALIBRATE_CALIBRATE_H

#include "Options.h"

namespace qcc::calibrate {

/// Does what the options ask; a table goes to standard output.
Status run(const Options &options);

} // namespace qcc::calibrate

#endif // QCC_TOOLS_QCC_CALIBRATE_CALIBRATE_H
