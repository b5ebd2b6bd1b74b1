//===- Compile.h - The four phases --------------------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_COMPILE_H
#define QCC_TOOLS_QCC_COMPILE_H

#include "Options.h"

namespace qcc::driver {

/// Runs the phases that the options ask for and writes what they name.
Status compile(const Options &options);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_COMPILE_H
