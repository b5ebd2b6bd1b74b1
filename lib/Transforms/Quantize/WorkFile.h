//===- WorkFile.h - Results that a killed run left ----------------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_WORKFILE_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_WORKFILE_H

#include "qcc/Import/HuggingFace/Safetensors.h"

#include "llvm/Support/JSON.h"

namespace qcc {

/// Metadata of a file of the work directory: a key that follows from everything its numbers depend on, and a JSON array
/// of reports.
inline constexpr const char *kWorkKey = "qcc.key", *kWorkReport = "qcc.report";

/// The file, if it is there, whole, and has this key. One that something else damaged is like one with another key:
/// what it held is found again.
std::optional<hf::SafetensorsFile> openFinished(const std::string &path, const std::string &key);

/// The reports of such a file; empty where there are none that can be read.
llvm::json::Array reportsOf(const hf::SafetensorsFile &file);

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_WORKFILE_H
