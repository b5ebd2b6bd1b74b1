//===- OutputCheck.h - Before the work, not after it --------------*- C++ -*-===//
#ifndef QCC_TOOLS_COMMON_OUTPUTCHECK_H
#define QCC_TOOLS_COMMON_OUTPUTCHECK_H

#include "qcc/Support/File.h"

#include <string>
#include <vector>

namespace qcc::tools {

/// Adds files to the inputs; empty names are skipped. Fails where one cannot be opened.
Status addInputs(const std::vector<std::string> &files, std::vector<FileIdentity> &inputs);

/// Whether `path` can be written: not a directory, its directory is there, and it is none of the inputs. Empty and "-"
/// are not files.
Status checkOutput(const std::string &path, const std::vector<FileIdentity> &inputs);

} // namespace qcc::tools

#endif // QCC_TOOLS_COMMON_OUTPUTCHECK_H
