//===- TokenLines.h - Sequences of a .jsonl file ------------------*- C++ -*-===//
#ifndef QCC_LIB_CALIBRATION_TOKENLINES_H
#define QCC_LIB_CALIBRATION_TOKENLINES_H

#include "qcc/Support/File.h"

#include <cstdint>
#include <vector>

namespace qcc::calib {

/// Whether ids of this vocabulary are the bytes of a text.
inline bool hasByteVocabulary(int64_t vocabulary) { return vocabulary == 256; }

/// Why text cannot be read for a vocabulary, with the remedy.
Error textNeedsBytes(const std::string &where, int64_t vocabulary);

/// A sequence per line (ids are checked by the caller); blank lines are passed over.
Expected<std::vector<std::vector<int64_t>>> readTokenLines(const MappedFile &file, int64_t vocabulary);

} // namespace qcc::calib

#endif // QCC_LIB_CALIBRATION_TOKENLINES_H
