//===- TokenLines.h - Sequences of a .jsonl file ------------------*- C++ -*-===//
#ifndef QCC_LIB_CALIBRATION_TOKENLINES_H
#define QCC_LIB_CALIBRATION_TOKENLINES_H

#include "TokenRow.h"
#include "qcc/Support/File.h"

#include <cstdint>
#include <vector>

namespace qcc::calib {

/// Whether ids of this vocabulary are the bytes of a text.
inline bool hasByteVocabulary(int64_t vocabulary) { return vocabulary == 256; }

/// Why text cannot be read for a vocabulary, with the remedy.
Error textNeedsBytes(const std::string &where, int64_t vocabulary);

/// A sequence per line, without its padding (ids are checked by the caller); blank lines and a byte-order mark at the
/// beginning are passed over.
Expected<std::vector<TokenRow>> readTokenLines(const MappedFile &file, int64_t vocabulary);

} // namespace qcc::calib

#endif // QCC_LIB_CALIBRATION_TOKENLINES_H
