//===- Extract.h - Kernels as files -------------------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_INSPECT_EXTRACT_H
#define QCC_TOOLS_QCC_INSPECT_EXTRACT_H

#include "EngineReader.h"

#include <string>

namespace qcc_inspect {

/// Writes <symbol>.cu, <symbol>.<target>.cubin and <symbol>.<target>.ptx into `directory`, which is made if needed.
/// Returns the number of files. Throws Failure with status Io. Symbols are letters, digits and '_' (the plan's
/// verifier), so that no name leaves the directory.
size_t extract(const qccrt::EngineReader &engine, const std::string &directory);

} // namespace qcc_inspect

#endif // QCC_TOOLS_QCC_INSPECT_EXTRACT_H
